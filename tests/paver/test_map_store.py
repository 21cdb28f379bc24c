import logging

import numpy as np
import pytest
import torch

from vpnet.errors import InputError
from vpnet.paver.map_file import MapFile, MapPart, MapStore, write_map_file
from vpnet.saliency.maps import normalize_maps
from vpnet.saliency.salient_points import map_points

SETTINGS = {"source": "paver", "weights": "w", "seam": "zero", "height": 6, "width": 12}


@pytest.fixture
def write(tmp_path):
    """Function that writes maps of a video at uneven times."""

    def make(video_id, times_s=(0.0, 0.2, 0.5, 1.4), size=(6, 12), **settings):
        random = np.random.default_rng(len(video_id))
        maps = len(times_s)
        part = MapPart(
            np.arange(maps),
            np.array(times_s),
            random.integers(0, 256, (maps, *size), dtype=np.uint8),
            np.ones((maps, 14, 28), np.float32),
            np.zeros((maps, 128), np.uint32),
            np.zeros((maps, 128), np.float16),
        )
        write_map_file(tmp_path / f"{video_id}.h5", [part], SETTINGS | settings)

    return make


def test_the_map_displayed_at_a_moment_is_given(write, tmp_path):
    write("v")
    write("ww", times_s=(0.3, 0.9))
    source = MapStore(tmp_path)
    source.bind(["a", "a", "b"], ["ww", "v", "v"])
    moments_s = torch.tensor([0.1, 0.2, 0.49, 9.1, 0.2, 0.95])
    maps, index = source.look_up(torch.tensor([1, 1, 2, 1, 0, 0]), moments_s)
    v, w = (MapFile(tmp_path / f"{name}.h5").maps(slice(None)) for name in ("v", "ww"))
    expected = normalize_maps(torch.stack((v[0], v[1], v[1], v[3], w[1])))
    assert torch.equal(maps[index[[0, 1, 2, 3, 5]]], expected)
    assert index[4] == -1, "before the first map there is none"
    assert len(maps) == 4, "each is read once"


@pytest.mark.parametrize(
    ("made", "moments"),
    [
        # Frames 0 to 9, 0.2 s apart. With its neighbours frame 3 is known when frame 5 is shown.
        ({"frames": "sampled", "clip": "consecutive"}, [(0.99, 2), (1.0, 3), (0.79, -1), (0.8, 2)]),
        # Five at a time are known when the fifth is shown.
        ({"frames": "sampled", "clip": "sampled"}, [(0.79, -1), (0.8, 4), (1.79, 4), (1.8, 9)]),
        ({"frames": "all"}, [(0.79, -1), (0.8, 4), (1.79, 4), (1.8, 9)]),
    ],
)
def test_in_live_video_a_map_is_displayed_when_its_last_frame_was_shown(
    write, tmp_path, made, moments
):
    write("v", times_s=[0.2 * frame for frame in range(10)], **made)
    source = MapStore(tmp_path)
    source.only_complete = True
    source.bind(["a"], ["v"])
    stored = normalize_maps(MapFile(tmp_path / "v.h5").maps(slice(None)))
    for moment_s, frame in moments:
        maps, index = source.look_up(torch.tensor([0]), torch.tensor([moment_s]))
        assert (frame < 0) == (int(index) < 0)
        if frame >= 0:
            assert torch.equal(maps[index[0]], stored[frame])


def test_points_are_those_that_were_stored(write, tmp_path):
    write("v", weighting="none", size=(40, 80))
    source = MapStore(tmp_path)
    source.bind(["a"], ["v"])
    asked = torch.tensor([0, 0, 0]), torch.tensor([0.3, 9.0, 0.3])
    points, index = source.look_up_points(*asked, weighting="none")
    assert torch.equal(points[index], MapFile(tmp_path / "v.h5").points([1, 3])[[0, 1, 0]])
    other, index = source.look_up_points(*asked, weighting="solid_angle")
    maps, _ = source.look_up(*asked)
    assert torch.equal(other, map_points(maps, weighting="solid_angle")), "chosen otherwise"
    nothing = source.look_up_points(torch.tensor([0]), torch.tensor([-1.0]), weighting="none")
    assert nothing[1].tolist() == [-1]


def test_videos_without_maps_are_masked_and_named(write, tmp_path, caplog):
    write("v")
    source = MapStore(tmp_path)
    with caplog.at_level(logging.WARNING):
        source.bind(["a", "a"], ["v", "other"])
    assert "1 videos (other)" in caplog.text
    assert source.look_up(torch.tensor([1]), torch.tensor([1.0]))[1].tolist() == [-1]
    with pytest.raises(InputError, match=r"name the files <video>\.h5"):
        source.bind(["a"], ["other"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"weights": "x"}, "weights is 'x' and 'w'"), ({"seam": "wrap"}, "seam is 'wrap'")],
)
def test_maps_made_in_different_ways_are_refused(write, tmp_path, settings, message):
    write("v")
    write("ww", **settings)
    with pytest.raises(InputError, match=message):
        MapStore(tmp_path).bind(["a", "a"], ["v", "ww"])


def test_made_up_weights_are_called_so(write, tmp_path, caplog):
    write("v", weights="random-1")
    with caplog.at_level(logging.WARNING):
        MapStore(tmp_path).bind(["a"], ["v"])
    assert "random weights" in caplog.text


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="predict=saliency"):
        MapStore(tmp_path / "nowhere")
