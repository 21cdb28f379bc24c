"""The plain tensor of maps that other code of this field expects."""

import tempfile
from pathlib import Path

import torch
from rich.progress import track

from vpnet.errors import InputError
from vpnet.paver.heat_map import HeatMap
from vpnet.paver.store.reading import FULL_SIZE, StoreFile
from vpnet.whole_files import whole_file

_ROWS = 64
"""Maps that are in memory at a time."""


def export_maps(store: StoreFile, path: str | Path, dtype: torch.dtype = torch.float32) -> None:
    """Write a tensor ``(maps, 224, 448)`` in [0, 1], as `torch.save` writes it.

    The maps are computed anew from the stored scores, so they are PAVER's own at full size, not
    enlargements of the smaller maps that are kept. Memory does not depend on their number.

    Args:
        store: The file of maps.
        path: File to write, ending in .pt.
        dtype: float32 or float16.

    Raises:
        InputError: The name ends otherwise.
    """
    path = Path(path)
    if path.suffix != ".pt":
        raise InputError(f"{path}: torch reads tensors from .pt files; end the name so")
    heat_map = HeatMap()
    with whole_file(path) as temporary, tempfile.NamedTemporaryFile(dir=path.parent) as scratch:
        # Filled on disk: all maps of a long video would not fit into memory.
        pixels = len(store) * FULL_SIZE[0] * FULL_SIZE[1]
        maps = torch.from_file(scratch.name, shared=True, size=pixels, dtype=dtype)
        maps = maps.view(len(store), *FULL_SIZE)
        for first in track(range(0, len(store), _ROWS), description=path.name):
            rows = slice(first, min(first + _ROWS, len(store)))
            maps[rows] = heat_map(store.scores(rows).flatten(1)).to(dtype)
        torch.save(maps, temporary)
