"""`vpnet saliency info`: what a file of maps holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpnet.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from vpnet.paver.store.reading import StoreFile

SHADES = " .:-=+*#%@"
PICTURE_ROWS, PICTURE_COLUMNS = 12, 48
"""A character is twice as high as it is wide."""

LOOKED_AT = 50
"""Maps, evenly spread, of which the range and the picture are made."""


def info(
    stores: Annotated[
        list[Path], typer.Argument(help="Files of maps, <video>.h5, or folders of them.")
    ],
) -> None:
    """Print what files of maps hold: their shape, rate, range, settings, and a small picture."""
    from vpnet.paver.store.reading import StoreFile

    for number, path in enumerate(_files(stores)):
        if number > 0:
            typer.echo("")
        typer.echo("\n".join(describe(StoreFile(path))))


def _files(paths: list[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.h5")) if path.is_dir() else [path]
        if not found:
            raise InputError(f"{path}: no files of maps in this folder, which end in .h5")
        files += found
    return files


def describe(store: "StoreFile") -> list[str]:
    """Lines on one file."""
    times_s = store.times_s
    rows = sorted({at * (len(store) - 1) // LOOKED_AT for at in range(LOOKED_AT + 1)})
    maps = store.maps(rows)
    per_map = store.path.stat().st_size / len(store)
    pixels = f"{store.size[0]} x {store.size[1]}"
    facts = {
        "maps": f"{len(store)} of {pixels} pixels, {store.dtype}, {per_map:,.0f} bytes each",
        "playback": f"{float(times_s[0]):.2f} to {float(times_s[-1]):.2f} s"
        + (f", one every {float(times_s.diff().median()):.3f} s" if len(store) > 1 else ""),
        "range": f"{float(maps.min()):.3f} to {float(maps.max()):.3f}, mean "
        f"{float(maps.mean()):.3f} ({len(rows)} maps looked at)",
        **{name: str(value) for name, value in sorted(store.settings.items()) if value != ""},
    }
    width = max(len(name) for name in facts)
    lines = [str(store.path), *(f"  {name:{width}s}  {value}" for name, value in facts.items())]
    return [*lines, "  mean of the maps:", *picture(maps.mean(dim=0))]


def picture(saliency: "Tensor") -> list[str]:
    """A map in characters, the darkest ground the least salient."""
    from torch.nn.functional import adaptive_avg_pool2d

    small = adaptive_avg_pool2d(saliency[None, None], (PICTURE_ROWS, PICTURE_COLUMNS))[0, 0]
    spread = (small - small.min()) / (small.max() - small.min()).clamp(min=1e-9)
    shades = (spread * (len(SHADES) - 1)).round().long()
    return ["  " + "".join(SHADES[shade] for shade in row) for row in shades.tolist()]
