"""Reading a file of saliency maps: what is asked for, and no more."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.paver.clips import complete_at_s
from vpnet.paver.store.differences import from_differences
from vpnet.paver.store.writing import FORMAT, VERSION
from vpnet.saliency.salient_points import point_features

FULL_SIZE = (224, 448)
"""Rows and columns of the maps that the salient points are pixels of."""

Rows = Sequence[int] | slice


class StoreFile:
    """The maps of one video, opened when they are read.

    It can be handed to other processes: each opens the file for itself.

    Args:
        path: The file.

    Raises:
        InputError: It is missing, damaged, or no such file.
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
            made = {
                name: self.settings[name] for name in ("frames", "clip") if name in self.settings
            }
            self.complete_s = complete_at_s(self.times_s, self.frame_index, **made)
            maps = self._dataset("maps")
            self.size: tuple[int, int] = maps.shape[1:]
            self.dtype = str(maps.dtype)
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{self.path}: is no whole file of saliency maps ({error}); delete it and run "
                "`python predict.py predict=saliency` again"
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
        return point_features(pixels, values, *FULL_SIZE)

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
            raise InputError(
                f"{self.path}: is damaged ({error}); delete it and run "
                "`python predict.py predict=saliency` again"
            ) from error
