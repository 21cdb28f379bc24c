"""`vpnet saliency export`: a file of maps as a plain tensor."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    store: Annotated[Path, typer.Argument(help="File of maps, <video>.h5.")],
    output: Annotated[
        Path | None,
        typer.Argument(help="File to write; by default <video>_saliency.pt beside it."),
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="float16 instead of float32: half the size.")
    ] = False,
) -> None:
    """Write the maps at full size as one tensor (maps, 224, 448), for torch.load."""
    # Here, so that no other command waits for them.
    import torch

    from vpnet.paver.store.exporting import export_maps
    from vpnet.paver.store.reading import StoreFile

    maps = StoreFile(store)
    path = output or store.with_name(f"{store.stem}_saliency.pt")
    export_maps(maps, path, torch.float16 if half else torch.float32)
    typer.echo(f"{len(maps)} maps of 224 x 448: {path}")
