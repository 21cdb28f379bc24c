"""Writing a file of saliency maps, part by part."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from vpnet.paver.store.differences import to_differences
from vpnet.paver.store.part import StorePart
from vpnet.whole_files import whole_file

FORMAT = "vpnet saliency"
"""What a file says it is."""

VERSION = 1
"""Of the format."""

_MAPS_PER_CHUNK = {"maps": 1, "scores": 32, "point_pixels": 32, "point_values": 32}
"""Single maps are read at random; the rest is small."""


def write_store(path: Path, parts: Iterable[StorePart], settings: Mapping[str, Any]) -> None:
    """Write parts one after the other as an HDF5 file, whole or not at all.

    Maps of bytes are kept as differences (`vpnet.paver.store.differences`), which the attribute
    ``differences`` of the data set says. The same parts and settings give the same bytes.

    Args:
        path: File to write.
        parts: In the order of time, all of one size and type.
        settings: What made the maps; anything that JSON can say.
    """
    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["format"] = FORMAT
        file.attrs["version"] = VERSION
        file.attrs["settings"] = json.dumps(dict(settings), sort_keys=True)
        for part in parts:
            for name, values in part._asdict().items():
                is_bytes = name == "maps" and values.dtype == np.uint8
                if name not in file:
                    _create(file, name, values, is_bytes)
                dataset = file[name]
                assert isinstance(dataset, h5py.Dataset)
                rows = len(dataset)
                dataset.resize(rows + len(values), axis=0)
                dataset[rows:] = to_differences(values) if is_bytes else values


def _create(file: h5py.File, name: str, values: np.ndarray, is_bytes: bool) -> None:
    dataset = file.create_dataset(
        name,
        shape=(0, *values.shape[1:]),
        maxshape=(None, *values.shape[1:]),
        chunks=(_MAPS_PER_CHUNK.get(name, 1024), *values.shape[1:]),
        dtype=values.dtype,
        compression="gzip",
        compression_opts=9,
        shuffle=values.dtype.itemsize > 1,
    )
    if name == "maps":
        dataset.attrs["differences"] = is_bytes
