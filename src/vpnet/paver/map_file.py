"""Files of saliency maps, HDF5, one a video: written part by part, read row by row, looked up.

Maps of bytes are kept as differences of neighbouring pixels, modulo 256: half the bytes once
compressed, and nothing is lost.
"""

import json
import logging
import os
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import h5py
import numpy as np
import torch
from rich.progress import track
from torch import Tensor

from vpnet.errors import InputError
from vpnet.paver.clips import complete_at_s
from vpnet.paver.sphere_patches import HEIGHT, WIDTH, HeatMap
from vpnet.saliency.map_folder import MapFiles
from vpnet.saliency.salient_points import map_points, point_features
from vpnet.settings import checked
from vpnet.whole_files import whole_file

FORMAT, VERSION = "vpnet saliency", 1
DTYPES = ("uint8", "float16")

_MAPS_PER_CHUNK = {"maps": 1, "scores": 32, "point_pixels": 32, "point_values": 32}
"""Single maps are read at random; the rest is small."""

_ROWS_AT_ONCE = 64
"""Exported maps that are in memory at a time."""

logger = logging.getLogger(__name__)

_AGAIN = "delete it and run `python predict.py predict=saliency` again"

_SHARED = ("source", "weights", "seam", "height", "width", "weighting")
"""Settings that the maps of all videos must share: else a model would learn the difference."""

Rows = Sequence[int] | slice


class MapPart(NamedTuple):
    """Maps of some frames, in order, in the form in which they are kept."""

    frame_index: np.ndarray
    """Numbers of the frames in the video, int64, ``(maps,)``."""
    times_s: np.ndarray
    """Their playback times, float64, ``(maps,)``."""
    maps: np.ndarray
    """In 0 to 255 (uint8) or 0 to 1 (float16), ``(maps, height, width)``."""
    scores: np.ndarray
    """Of the network's patches, float32, ``(maps, rows, columns)``: what the maps were made of."""
    point_pixels: np.ndarray
    """Salient points as pixels of the map at full size, uint32, ``(maps, points)``."""
    point_values: np.ndarray
    """The map's values there, float16, ``(maps, points)``."""


def encode_maps(maps: Tensor, dtype: str) -> np.ndarray:
    """Maps in [0, 1], ``(maps, height, width)``, as uint8 (steps of 1 / 255) or float16.

    Raises:
        InputError: The type is another.
    """
    if dtype == "uint8":
        return (maps.clamp(0, 1) * 255).round().numpy().astype(np.uint8)
    if dtype == "float16":
        return maps.clamp(0, 1).numpy().astype(np.float16)
    raise InputError(f"dtype must be {' or '.join(DTYPES)}, got {dtype!r}")


def write_part(path: Path, part: MapPart) -> None:
    """Keep a part, whole or not at all."""
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **part._asdict())


def read_part(path: Path) -> MapPart:
    """What `write_part` kept.

    Raises:
        InputError: The file is damaged; it is removed.
    """
    try:
        # Opened here, since numpy leaves a damaged file open.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return MapPart(**{name: file[name] for name in MapPart._fields})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        path.unlink()
        raise InputError(
            f"{path}: this part was damaged on disk and is removed; run the same command "
            "again, which computes it anew"
        ) from error


def to_differences(maps: np.ndarray) -> np.ndarray:
    """Difference from the pixel to the left, and of those from the row above; uint8."""
    for axis in (-1, -2):
        maps = np.diff(maps, axis=axis, prepend=np.uint8(0))
    return maps


def from_differences(differences: np.ndarray) -> np.ndarray:
    """Undo `to_differences`."""
    for axis in (-2, -1):
        differences = np.cumsum(differences, axis=axis, dtype=np.uint8)
    return differences


def write_map_file(path: Path, parts: Iterable[MapPart], settings: Mapping[str, Any]) -> None:
    """Write parts one after the other, whole or not at all.

    The attribute ``differences`` of the maps says whether they are kept as differences. The same
    parts and settings give the same bytes.

    Args:
        path: The file.
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
                    _create_dataset(file, name, values, is_bytes)
                dataset = file[name]
                assert isinstance(dataset, h5py.Dataset)
                rows = len(dataset)
                dataset.resize(rows + len(values), axis=0)
                dataset[rows:] = to_differences(values) if is_bytes else values


def _create_dataset(file: h5py.File, name: str, values: np.ndarray, is_bytes: bool) -> None:
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


class MapFile:
    """The maps of one video; other processes that it is handed to open the file for themselves.

    Raises:
        InputError: The file is missing, damaged, or holds no maps.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file: h5py.File | None = None
        self._opened_by = -1
        if not self.path.is_file():
            raise InputError(f"{self.path}: no such file of saliency maps")
        try:
            attributes = self._open().attrs
            if attributes.get("format") != FORMAT:
                raise InputError(
                    f"{self.path}: is HDF5 but no file of saliency maps; "
                    "`python predict.py predict=saliency` writes those"
                )
            if attributes["version"] != VERSION:
                raise InputError(
                    f"{self.path}: has version {attributes['version']} of the format, this vpnet "
                    f"reads {VERSION}; make it again"
                )
            self.settings: dict[str, Any] = json.loads(str(attributes["settings"]))
            self.times_s = torch.from_numpy(self._read("times_s", slice(None)))
            self.frame_index = torch.from_numpy(self._read("frame_index", slice(None)))
            made = {name: self.settings[name] for name in {"frames", "clip"} & self.settings.keys()}
            self.complete_s = complete_at_s(self.times_s, self.frame_index, **made)
            maps = self._dataset("maps")
            self.size: tuple[int, int] = maps.shape[1:]
            self.dtype = str(maps.dtype)
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{self.path}: is no whole file of saliency maps ({error}); {_AGAIN}"
            ) from error

    def __len__(self) -> int:
        return len(self.times_s)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}

    def maps(self, rows: Rows) -> Tensor:
        """Maps in [0, 1], float32, ``(rows, height, width)``; rows ascending."""
        values = self._read("maps", rows)
        if self._dataset("maps").attrs["differences"]:
            return torch.from_numpy(from_differences(values)).float() / 255
        return torch.from_numpy(values).float()

    def scores(self, rows: Rows) -> Tensor:
        """Scores of the network's patches, float32, ``(rows, 14, 28)``; rows ascending."""
        return torch.from_numpy(self._read("scores", rows))

    def points(self, rows: Rows) -> Tensor:
        """Salient points x, y, z, s, float32, ``(rows, points, 4)``; rows ascending."""
        pixels = torch.from_numpy(self._read("point_pixels", rows).astype(np.int64))
        values = torch.from_numpy(self._read("point_values", rows)).float()
        return point_features(pixels, values, HEIGHT, WIDTH)

    def close(self) -> None:
        """Let go of the file; reading opens it again."""
        if self._file is not None and self._opened_by == os.getpid():
            self._file.close()
        self._file = None

    def _open(self) -> h5py.File:
        # An open file does not survive a fork.
        if self._file is None or self._opened_by != os.getpid():
            self._file = h5py.File(self.path, "r")
            self._opened_by = os.getpid()
        return self._file

    def _dataset(self, name: str) -> h5py.Dataset:
        dataset = self._open()[name]
        assert isinstance(dataset, h5py.Dataset)
        return dataset

    def _read(self, name: str, rows: Rows) -> np.ndarray:
        try:
            return self._dataset(name)[rows if isinstance(rows, slice) else list(rows)]
        except OSError as error:
            raise InputError(f"{self.path}: is damaged ({error}); {_AGAIN}") from error


@checked
class MapStore(MapFiles):
    """Maps of a folder of ``<video>.h5`` files, with the true playback time of each.

    Args:
        path: Folder of <video>.h5 files, as predict.py predict=saliency writes it.

    Raises:
        InputError: The folder is missing.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, ".h5", self._open_alike)
        self._first: MapFile | None = None
        if not self.path.is_dir():
            raise InputError(
                f"saliency.path={self.path}: no such folder; `python predict.py predict=saliency` "
                "writes one"
            )

    def bind(self, user_ids: Sequence[str], video_ids: Sequence[str]) -> None:
        """Open the maps of the videos that the recordings show; a missing one is masked.

        Raises:
            InputError: No video has maps, or they were made in different ways.
        """
        self._first = None
        super().bind(user_ids, video_ids)
        if self._first is not None and self._first.settings["weights"].startswith("random-"):
            logger.warning(
                "%s: these maps were made with random weights and mean nothing", self.path
            )

    def look_up_points(
        self, recording_index: Tensor, time_s: Tensor, weighting: str
    ) -> tuple[Tensor, Tensor]:
        """Salient points of the maps displayed at ``time_s``, both arguments ``(batch,)``.

        Those stored with the maps, of the maps at full size, where they were chosen with the same
        weighting (``none`` or ``solid_angle``); else points of the maps as they are kept.

        Returns:
            Points x, y, z, s, ``(maps, points, 4)``, and each window's row or -1, ``(batch,)``.
        """
        if self._first is None or self._first.settings.get("weighting", "none") != weighting:
            maps, index = self.look_up(recording_index, time_s)
            return map_points(maps, weighting=weighting), index
        points, index = self._look_up(
            recording_index, time_s, lambda video, rows: cast(MapFile, video).points(rows)
        )
        return torch.cat(points) if points else torch.zeros(0, 128, 4), index

    def _open_alike(self, file: Path) -> MapFile:
        """Open one file, made in the same way as the others."""
        store = MapFile(file)
        if self._first is None:
            self._first = store
        differing = [
            f"{name} is {store.settings.get(name)!r} and {self._first.settings.get(name)!r}"
            for name in _SHARED
            if store.settings.get(name) != self._first.settings.get(name)
        ]
        if differing:
            raise InputError(
                f"{file} and {self._first.path} were made in different ways: "
                f"{'; '.join(differing)}; make them alike, in one folder"
            )
        return store


def export_maps(maps: MapFile, path: str | Path, dtype: torch.dtype = torch.float32) -> None:
    """Write the maps at full size with `torch.save`, as other code of this field expects them.

    The tensor, ``(maps, 224, 448)`` in [0, 1], is computed from the stored scores: these are
    PAVER's own maps, not enlargements of the smaller ones. Memory does not depend on their number.

    Raises:
        InputError: The path does not end in .pt.
    """
    path = Path(path)
    if path.suffix != ".pt":
        raise InputError(f"{path}: a file of tensors must be named *.pt; rename the output")
    heat_map = HeatMap()
    with whole_file(path) as temporary, tempfile.NamedTemporaryFile(dir=path.parent) as scratch:
        # Filled on disk: all maps of a long video would not fit into memory.
        pixels = len(maps) * HEIGHT * WIDTH
        tensor = torch.from_file(scratch.name, shared=True, size=pixels, dtype=dtype)
        tensor = tensor.view(len(maps), HEIGHT, WIDTH)
        for first in track(range(0, len(maps), _ROWS_AT_ONCE), description=path.name):
            rows = slice(first, min(first + _ROWS_AT_ONCE, len(maps)))
            tensor[rows] = heat_map(maps.scores(rows).flatten(1)).to(dtype)
        torch.save(tensor, temporary)
