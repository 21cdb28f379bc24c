import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vpnet.errors import InputError
from vpnet.paver.clips import (
    CLIP_FRAMES,
    Clip,
    complete_at_s,
    neighbouring_clips,
    plan_clips,
    sampled_frames,
    surrounding_clips,
)


def every(count, rate_hz=30.0):
    return torch.arange(count, dtype=torch.float64) / rate_hz


def test_a_last_clip_is_moved_back_and_keeps_only_what_is_new():
    clips = neighbouring_clips(range(12))
    assert clips[:2] == [
        Clip((0, 1, 2, 3, 4), (0, 1, 2, 3, 4)),
        Clip((5, 6, 7, 8, 9), (0, 1, 2, 3, 4)),
    ]
    assert clips[2] == Clip((7, 8, 9, 10, 11), (3, 4))


def test_a_segment_does_not_borrow_from_the_one_before():
    assert neighbouring_clips(range(27))[-1] == Clip((25, 26), (0, 1))


@given(st.integers(1, 130), st.sampled_from(["all", "sampled"]))
def test_every_frame_is_kept_once_and_in_order(count, frames):
    clips = plan_clips(every(count), frames=frames, rate_hz=10, clip="sampled")
    kept = [clip.frames[position] for clip in clips for position in clip.kept]
    assert kept == (list(range(count)) if frames == "all" else sampled_frames(every(count), 10))


@given(st.integers(1, 40), st.data())
def test_a_surrounding_clip_lies_in_the_video_and_holds_its_frame(count, data):
    frame = data.draw(st.integers(0, count - 1))
    (clip,) = surrounding_clips([frame], count)
    assert len(clip.frames) == min(5, count)
    assert clip.frames[0] >= 0
    assert clip.frames[-1] < count
    assert [clip.frames[position] for position in clip.kept] == [frame]
    if 2 <= frame < count - 2:
        assert clip.kept == (2,)


def test_samples_are_the_frames_shown_whatever_the_rate():
    times_s = torch.tensor([0.0, 0.04, 0.19, 0.21, 0.9, 1.0], dtype=torch.float64)
    assert sampled_frames(times_s, 5.0) == [0, 2, 3, 5]
    assert sampled_frames(every(31, 30.0), 5.0) == [0, 6, 12, 18, 24, 30]
    # 23.976 frames a second, times rounded to a thousandth as some files have them.
    ntsc_s = (every(49, 24 / 1.001) * 1000).round() / 1000
    assert sampled_frames(ntsc_s, 24 / 1.001) == list(range(49))


@pytest.mark.parametrize(
    "wrong", [{"frames": "some"}, {"clip": "random"}, {"rate_hz": 0.0}, {"rate_hz": float("nan")}]
)
def test_other_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        plan_clips(every(10), **wrong)


@given(
    st.integers(1, 130),
    st.sampled_from([("all", "consecutive"), ("sampled", "consecutive"), ("sampled", "sampled")]),
)
def test_a_map_is_complete_when_its_clip_was_shown(count, chosen):
    frames, clip = chosen
    shown_s = every(count)
    clips = plan_clips(shown_s, frames, 10, clip)
    kept = torch.tensor([each.frames[position] for each in clips for position in each.kept])
    last = torch.tensor([each.frames[-1] for each in clips for _ in each.kept])
    found_s = complete_at_s(shown_s[kept], kept, frames, clip)
    assert (found_s.diff() >= 0).all()
    assert (found_s >= shown_s[last] - 1e-9).all() or len(kept) == 1
    # Near the end a clip is moved inwards, and a video may be shorter than a clip: a file of maps
    # says neither.
    inside = (kept + 2 < count) & (count >= CLIP_FRAMES)
    assert torch.allclose(found_s[inside], shown_s[last][inside]) or len(kept) == 1
