"""Colour where it is salient, dots where people look, and the frame everywhere else."""

import pytest
import torch

from vpnet.errors import InputError
from vpnet.plots.saliency_overlay import Overlay, write_overlay
from vpnet.saliency.viewing import VideoViewing
from vpnet.video.decoders import open_video
from vpnet.video.video_file import probe_video, video_writer

HEIGHT, WIDTH = 64, 128


class TwoMaps:
    """A spot in front from 0.2 s on, behind the viewer from 0.4 s on."""

    times_s = torch.tensor([0.2, 0.4], dtype=torch.float64)

    def __init__(self) -> None:
        self.read = []

    def maps(self, rows: slice) -> torch.Tensor:
        self.read.append(rows.start)
        maps = torch.zeros(2, 16, 32)
        maps[0, 7:9, 15:17] = 1
        maps[1, 7:9, 0] = maps[1, 7:9, -1] = 1
        return maps[rows]


@pytest.fixture
def grey() -> torch.Tensor:
    return torch.full((3, HEIGHT, WIDTH), 100, dtype=torch.uint8)


@pytest.fixture
def viewing(directions_at) -> VideoViewing:
    """One who looks ahead and then straight behind, and one who was not measured."""
    ahead, behind = directions_at([0.0, 180.0]).float()
    return VideoViewing(
        ("A", "B"),
        torch.stack((torch.stack((ahead, behind)), torch.zeros(2, 3))),
        torch.tensor([[True, True], [False, False]]),
    )


def test_the_map_of_the_time_is_drawn(grey):
    overlay = Overlay(TwoMaps(), HEIGHT, WIDTH, opacity=1.0)
    assert torch.equal(overlay.draw(grey, 0.1), grey)
    first, second = overlay.draw(grey, 0.2), overlay.draw(grey, 0.4)
    assert not torch.equal(first[:, 32, 64], grey[:, 32, 64])
    assert torch.equal(first[:, :, 0], grey[:, :, 0])
    # The spot behind stands on both sides of the seam, and is the same on both.
    assert torch.equal(second[:, 32, 64], grey[:, 32, 64])
    assert not torch.equal(second[:, 32, 0], grey[:, 32, 0])
    assert torch.equal(second, second.flip(2))
    assert torch.equal(grey, torch.full_like(grey, 100)), "the frame itself is left alone"


def test_a_map_is_read_once_as_long_as_it_stands(grey):
    maps = TwoMaps()
    overlay = Overlay(maps, HEIGHT, WIDTH)
    for time_s in (0.0, 0.2, 0.25, 0.3, 0.4, 0.5):
        overlay.draw(grey, time_s)
    assert maps.read == [0, 1]


def test_viewers_are_dots_where_they_look(grey, viewing):
    overlay = Overlay(TwoMaps(), HEIGHT, WIDTH, opacity=0.0, viewing=viewing, viewing_rate_hz=5)
    ahead, behind, after = (overlay.draw(grey, time_s) for time_s in (0.0, 0.2, 0.4))
    assert (ahead[:, 32, 64] == 255).all()
    assert (ahead == 255).all(0).sum() == (behind == 255).all(0).sum() < 30
    assert (behind[:, 32, [0, -1]] == 255).all(), "a dot at the seam shows on both sides"
    assert torch.equal(after, grey)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InputError, match="--colors must name a colormap"):
        Overlay(TwoMaps(), HEIGHT, WIDTH, colors="rainbows")
    with pytest.raises(InputError, match="--opacity must be from 0 to 1, got 2"):
        Overlay(TwoMaps(), HEIGHT, WIDTH, opacity=2)


def test_the_film_keeps_the_times_of_the_video(grey, tmp_path):
    times_s = [0.0, 0.1, 0.25, 0.3, 0.5]
    with video_writer(tmp_path / "v.mp4", WIDTH, HEIGHT, 30.0) as add:
        for time_s in times_s:
            add(grey, time_s)
    video = probe_video(tmp_path / "v.mp4")
    overlay = Overlay(TwoMaps(), HEIGHT // 2, WIDTH // 2)
    film = str(tmp_path / "film.mp4")
    assert write_overlay(video, open_video(video, "pyav"), overlay, film) == ""
    written = probe_video(film)
    assert (written.width, written.height) == (WIDTH // 2, HEIGHT // 2)
    assert written.frame_times_s.tolist() == pytest.approx(times_s, abs=1e-4)


def test_a_damaged_video_gives_a_film_up_to_the_damage(tmp_path):
    path = tmp_path / "v.mp4"
    generator = torch.Generator().manual_seed(0)
    with video_writer(path, WIDTH, HEIGHT, 30.0, keyframe_distance=10) as add:
        for _ in range(40):
            noise = torch.randint(0, 255, (3, HEIGHT, WIDTH), generator=generator)
            add(noise.to(torch.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: int(0.6 * len(content))])
    video = probe_video(path)
    film = str(tmp_path / "film.mp4")
    overlay = Overlay(TwoMaps(), HEIGHT, WIDTH)
    damage = write_overlay(video, open_video(video, "pyav"), overlay, film)
    assert damage or video.complaint
    assert 10 <= len(probe_video(film).frame_pts) < 40
