import json
from pathlib import Path

import numpy as np
import pytest
import torch

from vpnet.alignment.moment_maps import FolderMaps
from vpnet.errors import InputError


@pytest.fixture
def folder(tmp_path) -> Path:
    """Maps of two videos, twice a second; their one bright column counts videos and frames."""
    (tmp_path / "saliency.json").write_text(json.dumps({"rate_hz": 2.0}))
    for number, video_id in enumerate(("v", "w")):
        maps = np.zeros((3, 4, 8), dtype=np.float16)
        for frame in range(3):
            maps[frame, :, 3 * number + frame] = 1
        np.save(tmp_path / f"{video_id}.npy", maps)
    return tmp_path


def test_every_viewer_gets_the_map_displayed_at_the_time(folder):
    maps = FolderMaps(folder)
    maps.bind(["v", "missing", "w"])
    found, index = maps.look_up("w", ["ada", "bob"], torch.tensor([0.0, 0.4, 1.2]))
    assert index.shape == (2, 3)
    for row in index:
        assert [int(found[at, 0].argmax()) for at in row] == [3, 3, 5]


def test_a_video_without_maps_has_none(folder):
    maps = FolderMaps(folder)
    maps.bind(["v", "missing"])
    _, index = maps.look_up("missing", ["ada"], torch.tensor([0.0, 0.4]))
    assert index.tolist() == [[-1, -1]]


def test_maps_of_other_videos_are_refused(folder):
    with pytest.raises(InputError, match=r"no maps for any video of the recordings \(x, y, \.\.\."):
        FolderMaps(folder).bind(["x", "y"])
