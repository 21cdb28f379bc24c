import pytest
import torch

from vpnet.errors import InputError
from vpnet.video.decoders import open_video
from vpnet.video.video_file import probe_video, video_writer


def test_colours_come_back(tmp_path):
    colours = torch.tensor([[200, 40, 60], [30, 180, 90], [40, 60, 210]], dtype=torch.uint8)
    with video_writer(tmp_path / "a.mp4", 64, 32, 10) as add:
        for colour in colours:
            add(colour.reshape(3, 1, 1).expand(3, 32, 64))
    for frame, colour in zip(
        open_video(probe_video(tmp_path / "a.mp4")).frames([0, 1, 2]), colours, strict=True
    ):
        assert (frame.float().mean((1, 2)) - colour).abs().max() < 6


def test_a_film_that_fails_leaves_the_earlier_one(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"earlier")

    def write(*widths: int) -> None:
        with video_writer(path, 64, 32, 10) as add:
            for width in widths:
                add(torch.zeros(3, 32, width, dtype=torch.uint8))

    with pytest.raises(InputError, match="uint8"):
        write(64, 60)
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "width", "rate_hz"), [("a.avi", 64, 10), ("a.mp4", 63, 10), ("a.mp4", 64, 0)]
)
def test_other_settings_are_refused(tmp_path, name, width, rate_hz):
    with pytest.raises(InputError), video_writer(tmp_path / name, width, 32, rate_hz):
        pass
