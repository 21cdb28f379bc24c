import pytest
import torch

from vpnet.errors import InputError
from vpnet.video.video_file import check_equirectangular, probe_video


def test_a_video_is_known_without_decoding_it(videos):
    video = probe_video(videos["plain"])
    assert (video.width, video.height, video.rotation_deg) == (256, 128, 0)
    assert torch.allclose(video.frame_times_s, torch.arange(40).double() / 30, atol=1e-4)
    assert video.duration_s == pytest.approx(39 / 30, abs=1e-4)
    assert video.keyframes[0] == 0
    assert video.complaint is None
    check_equirectangular(video)


def test_times_are_those_of_the_file_whatever_the_rate(videos):
    odd = probe_video(videos["odd_rate"]).frame_times_s
    assert torch.allclose(odd, torch.arange(40).double() * 1001 / 24000, atol=1e-4)
    uneven = probe_video(videos["uneven"]).frame_times_s
    expected = torch.tensor([0.01 * number**1.3 for number in range(30)], dtype=torch.float64)
    assert torch.allclose(uneven, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("empty", "is empty"),
        ("noise", "not a video"),
        ("web_page", "is a web page"),
        ("no_index", "moov atom"),
        ("sound_only", "no video stream"),
    ],
)
def test_what_is_no_video_is_refused_with_its_name(damaged, kind, message):
    path = damaged(kind)
    with pytest.raises(InputError, match=message) as refusal:
        probe_video(path)
    assert str(path) in str(refusal.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        probe_video(tmp_path / "nowhere.mp4")


def test_a_video_cut_in_the_middle_says_how_much_is_there(damaged):
    video = probe_video(damaged("cut"))
    assert 0 < len(video.frame_times_s) < 40
    assert f"{len(video.frame_times_s)} of 40 frames" in (video.complaint or "")


@pytest.mark.parametrize(
    ("kind", "size"), [("not_equirectangular", "320 x 180"), ("on_its_side", "128 x 256")]
)
def test_what_is_not_twice_as_wide_as_high_is_refused(damaged, kind, size):
    with pytest.raises(InputError, match=size):
        check_equirectangular(probe_video(damaged(kind)))
