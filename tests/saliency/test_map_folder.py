import json
import logging
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from vpnet.errors import InputError
from vpnet.geometry.equirectangular import solid_angle_weights
from vpnet.saliency.map_folder import MapFolder
from vpnet.saliency.source import TrainingDirections

HEIGHT, WIDTH = 6, 12
FRAMES = {"v": 40, "w": 20}


@pytest.fixture
def folder(tmp_path) -> Path:
    """Maps of two videos at 5 Hz; frame k of a video has its one peak in row k mod 6, column k."""
    (tmp_path / "saliency.json").write_text(json.dumps({"rate_hz": 5.0, "first_s": 0.5}))
    for video, frames in FRAMES.items():
        maps = np.full((frames, HEIGHT, WIDTH), 0.01 if video == "v" else 0.02, dtype=np.float16)
        for frame in range(frames):
            maps[frame, frame % HEIGHT, frame % WIDTH] = 1 + frame
        np.save(tmp_path / f"{video}.npy", maps)
    return tmp_path


@pytest.fixture
def frames_of(folder) -> Callable[..., list[tuple[str, int] | None]]:
    """Function that looks up times and says which frame of which video it got for each."""
    raw = {video: np.load(folder / f"{video}.npy").astype(np.float32) for video in FRAMES}
    weights = solid_angle_weights(HEIGHT, WIDTH).numpy()

    def find(saliency: MapFolder, recordings: list[int], times_s: list[float]):
        maps, index = saliency.look_up(
            torch.tensor(recordings), torch.tensor(times_s, dtype=torch.float64)
        )
        assert maps.dtype == torch.float32
        found: list[tuple[str, int] | None] = []
        for row in index.tolist():
            matches = [
                (video, frame)
                for video, stack in raw.items()
                for frame, plain in enumerate(stack)
                if row >= 0 and np.allclose(maps[row], plain / (plain * weights).sum(), rtol=1e-4)
            ]
            assert len(matches) == (row >= 0)
            found.append(matches[0] if matches else None)
        return found

    return find


@pytest.mark.parametrize(
    ("time_s", "frame"),
    [
        (0.5, 0),  # first_s
        (2.5, 10),
        (2.69, 10),  # frame 11 comes at 2.7 s and is not known yet
        (2.7, 11),
        (8.3, 39),  # the last
        (20.0, 39),  # past the end
    ],
)
def test_the_frame_that_stands_at_the_time(folder, frames_of, time_s, frame):
    saliency = MapFolder(folder)
    saliency.bind(["u"], ["v"])
    assert frames_of(saliency, [0], [time_s]) == [("v", frame)]


def test_before_the_first_frame_there_is_none(folder, frames_of):
    saliency = MapFolder(folder)
    saliency.bind(["u"], ["v"])
    assert frames_of(saliency, [0, 0], [0.49, 0.5]) == [None, ("v", 0)]


def test_a_frame_on_every_step_of_the_clock_is_hit(tmp_path):
    (tmp_path / "saliency.json").write_text('{"rate_hz": 30}')
    maps = np.eye(64, 128, dtype=np.uint8).reshape(1, 64, 128).repeat(3000, axis=0)
    maps[:, 0, 0] = np.arange(3000) % 251
    np.save(tmp_path / "v.npy", maps)
    saliency = MapFolder(tmp_path)
    saliency.bind(["u"], ["v"])
    steps = torch.arange(0, 3000, 7)
    looked_up, index = saliency.look_up(torch.zeros_like(steps), steps.double() / 30)
    assert torch.equal(index, torch.arange(len(steps)))
    # The corner pixel against its diagonal neighbour tells the frame.
    assert torch.equal((looked_up[:, 0, 0] / looked_up[:, 1, 1]).round().long(), steps % 251)


def test_recordings_of_one_video_share_its_frames_each_read_once(folder, frames_of):
    saliency = MapFolder(folder)
    saliency.bind(["u", "u", "u"], ["w", "v", "w"])
    recordings, times_s = [0, 1, 2, 1, 0], [1.5, 1.5, 1.5, 3.0, 1.6]
    assert frames_of(saliency, recordings, times_s) == [
        ("w", 5),
        ("v", 5),
        ("w", 5),
        ("v", 12),
        ("w", 5),
    ]
    maps, index = saliency.look_up(torch.tensor(recordings), torch.tensor(times_s))
    assert len(maps) == 3
    assert sorted(set(index.tolist())) == [0, 1, 2]


def test_maps_are_normalised(folder):
    saliency = MapFolder(folder)
    saliency.bind(["u"], ["v"])
    maps, _ = saliency.look_up(torch.tensor([0, 0]), torch.tensor([1.0, 4.0]))
    sums = (maps * solid_angle_weights(HEIGHT, WIDTH)).sum(dim=(1, 2))
    torch.testing.assert_close(sums, torch.ones(2))


def test_a_video_without_maps_is_masked_and_told(folder, frames_of, caplog):
    saliency = MapFolder(folder)
    with caplog.at_level(logging.WARNING):
        saliency.bind(["u", "u", "u"], ["w", "unseen", "v"])
    assert "no saliency maps for 1 videos (unseen); masked there" in caplog.text
    assert frames_of(saliency, [1, 2, 1], [1.5, 1.5, 1.5]) == [None, ("v", 5), None]
    maps, index = saliency.look_up(torch.tensor([1, 1]), torch.tensor([1.5, 2.0]))
    assert maps.shape == (0, HEIGHT, WIDTH)
    assert index.tolist() == [-1, -1]


def test_only_the_frames_looked_at_are_read(tmp_path):
    frames, height, width = 500, 200, 400
    (tmp_path / "saliency.json").write_text('{"rate_hz": 5}')
    np.lib.format.open_memmap(
        tmp_path / "v.npy", mode="w+", dtype=np.float32, shape=(frames, height, width)
    )[350, 3, 4] = 2.0
    tracemalloc.start()
    try:
        saliency = MapFolder(tmp_path)
        saliency.bind(["u"], ["v"])
        maps, index = saliency.look_up(torch.tensor([0, 0]), torch.tensor([70.0, 71.0]))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 4 * 4 * height * width, "two frames and what checks them, not 500"
    assert index.tolist() == [0, 1]
    assert int(maps[0].argmax()) == 3 * width + 4
    assert torch.equal(maps[1], torch.ones(height, width)), "an empty frame is uniform"


def test_nothing_is_learned(folder):
    saliency = MapFolder(folder)
    none = torch.zeros(0).long()
    nothing_watched = TrainingDirections((), (), none, none, torch.zeros(0, 3), 5.0)
    saliency.fit(nothing_watched)
    assert saliency.state() == {}
    saliency.load_state({})


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (None, r"saliency.json: .* none found; check saliency.path"),
        ("", r"saliency.json: must be a JSON object with the number rate_hz"),
        ("[5]", r"must be a JSON object with the number rate_hz"),
        ('{"first_s": 0}', r"must be a JSON object with the number rate_hz .*KeyError"),
        ('{"rate_hz": "fast"}', r"must be a JSON object with the number rate_hz"),
        ('{"rate_hz": null}', r"must be a JSON object with the number rate_hz"),
        ('{"rate_hz": 0}', r"rate_hz must be positive, got 0"),
        ('{"rate_hz": NaN}', r"rate_hz must be positive, got nan"),
    ],
)
def test_a_wrong_description_is_refused(tmp_path, description, message):
    if description is not None:
        (tmp_path / "saliency.json").write_text(description)
    with pytest.raises(InputError, match=message):
        MapFolder(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no array", r"v.npy: not a .npy array of numbers"),
        (b"", r"v.npy: not a .npy array of numbers"),
        (np.zeros((4, 8)), r"v.npy: maps must have shape .* got \(4, 8\) and float64"),
        (np.zeros((0, 4, 8)), r"v.npy: maps must have shape .* got \(0, 4, 8\)"),
        (np.zeros((2, 4, 8), dtype=complex), r"v.npy: maps must have .* complex128"),
        (np.array([{}]), r"v.npy: not a .npy array of numbers"),
    ],
)
def test_a_wrong_file_is_refused(folder, content, message):
    path = folder / "v.npy"
    path.write_bytes(content) if isinstance(content, bytes) else np.save(path, content)
    with pytest.raises(InputError, match=message):
        MapFolder(folder).bind(["u"], ["v"])


def test_a_file_cut_off_is_refused(folder):
    path = folder / "v.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"v.npy: not a .npy array of numbers"):
        MapFolder(folder).bind(["u"], ["v"])


def test_an_archive_of_arrays_is_refused(folder):
    with (folder / "v.npy").open("wb") as file:
        np.savez(file, a=np.zeros((2, 4, 8)), b=np.zeros((2, 4, 8)))
    with pytest.raises(InputError, match=r"v.npy: holds several arrays"):
        MapFolder(folder).bind(["u"], ["v"])


def test_maps_of_two_sizes_are_refused(folder):
    np.save(folder / "w.npy", np.zeros((3, 7, 14)))
    with pytest.raises(InputError, match=r"must all have one size, found \[\(6, 12\), \(7, 14\)\]"):
        MapFolder(folder).bind(["u", "u"], ["v", "w"])


def test_no_maps_for_any_video_are_refused(folder):
    with pytest.raises(InputError, match=r"no maps for any video of the data \(a, b, ...\)"):
        MapFolder(folder).bind(["u", "u"], ["a", "b"])


@pytest.mark.parametrize("value", [-0.5, np.nan, np.inf])
def test_values_that_are_no_saliency_are_refused(folder, value):
    maps = np.ones((5, HEIGHT, WIDTH), dtype=np.float32)
    maps[3, 1, 1] = value
    np.save(folder / "v.npy", maps)
    saliency = MapFolder(folder)
    saliency.bind(["u"], ["v"])
    saliency.look_up(torch.tensor([0]), torch.tensor([0.9]))
    with pytest.raises(
        InputError, match=r"v.npy: saliency must be finite .*, frame 3 holds values"
    ):
        saliency.look_up(torch.tensor([0]), torch.tensor([1.1]))
