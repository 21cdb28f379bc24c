"""Which frames PAVER sees together, and which of a clip's maps are kept.

PAVER compares the frames of a clip with one another, so a frame's map depends on its company.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vpnet.errors import InputError

CLIP_FRAMES = 5
SEGMENT_FRAMES = 25
"""Clips do not reach over the end of a segment."""

_TOLERANCE_S = 1e-3
"""Absorbs rounding where a sample's time is that of a frame; files give times in milliseconds."""


class Clip(NamedTuple):
    """Frames that the network sees together."""

    frames: tuple[int, ...]
    """Their numbers in the video, in display order; five, fewer where the video is shorter."""
    kept: tuple[int, ...]
    """Positions in `frames` of those whose map is kept."""


def neighbouring_clips(frames: Sequence[int]) -> list[Clip]:
    """Cut frames into clips as PAVER's evaluation does; every frame is kept once.

    Segments of 25 frames are cut into fives. In the last segment the last clip is moved back so
    that it has five frames too, and only its new ones are kept; a last segment of fewer than five
    is one short clip. ``frames`` are the numbers of all frames of a video, or of some of them.
    Source: Yun et al., ECCV 2022, and their published code.
    """
    clips = []
    for start in range(0, len(frames), SEGMENT_FRAMES):
        segment = tuple(frames[start : start + SEGMENT_FRAMES])
        for first in range(0, len(segment), CLIP_FRAMES):
            new = segment[first : first + CLIP_FRAMES]
            seen = segment[max(0, first + len(new) - CLIP_FRAMES) : first + len(new)]
            clips.append(Clip(seen, tuple(range(len(seen) - len(new), len(seen)))))
    return clips


def surrounding_clips(frames: Sequence[int], frame_count: int) -> list[Clip]:
    """A clip of five neighbouring frames around each of ``frames``, whose map alone is kept.

    Near the ends of the video, which has ``frame_count`` frames, the clip is moved inwards. This is
    how the authors of STAR-VP sampled PAVER's maps at 5 Hz.
    """
    length = min(CLIP_FRAMES, frame_count)
    clips = []
    for frame in frames:
        first = min(max(0, frame - length // 2), frame_count - length)
        clips.append(Clip(tuple(range(first, first + length)), (frame - first,)))
    return clips


def sampled_frames(frame_times_s: Tensor, rate_hz: float) -> list[int]:
    """The frames shown at the playback times k / rate, each once; see `plan_clips`."""
    last_s = float(frame_times_s[-1])
    count = int((last_s + _TOLERANCE_S) * rate_hz) + 1
    times_s = torch.arange(count, dtype=torch.float64) / rate_hz
    shown = torch.searchsorted(frame_times_s.double(), times_s + _TOLERANCE_S, right=True) - 1
    return torch.unique(shown.clamp(min=0)).tolist()


def plan_clips(
    frame_times_s: Tensor, frames: str = "sampled", rate_hz: float = 5.0, clip: str = "consecutive"
) -> list[Clip]:
    """Choose the clips of a video.

    Args:
        frame_times_s: Playback times of all frames, ascending, ``(frames,)``.
        frames: ``all``, or ``sampled`` at ``rate_hz``.
        rate_hz: Maps per second of playback, where frames are sampled.
        clip: With samples: ``consecutive`` shows each with its neighbours in the video;
            ``sampled`` shows five samples together, which is a fifth of the work.

    Raises:
        InputError: A setting is none of these.
    """
    if frames not in ("all", "sampled"):
        raise InputError(f"frames must be all or sampled, got {frames!r}")
    if clip not in ("consecutive", "sampled"):
        raise InputError(f"clip must be consecutive or sampled, got {clip!r}")
    if not 0 < rate_hz <= 240:
        raise InputError(f"rate_hz must be a positive number, at most 240, got {rate_hz}")
    if frames == "all":
        return neighbouring_clips(range(len(frame_times_s)))
    wanted = sampled_frames(frame_times_s, rate_hz)
    if clip == "sampled":
        return neighbouring_clips(wanted)
    return surrounding_clips(wanted, len(frame_times_s))


def complete_at_s(
    times_s: Tensor, frame_index: Tensor, frames: str = "sampled", clip: str = "consecutive"
) -> Tensor:
    """When the last frame was shown that each map was made of.

    Args:
        times_s: Playback times of the maps, ascending, ``(maps,)``.
        frame_index: Numbers of their frames in the video, ``(maps,)``.
        frames: As `plan_clips` was given, as is the next.
        clip: See `plan_clips`.

    Returns:
        Playback times, float64, ``(maps,)``; none is before that of its map, nor before an earlier
        map's. Of neighbours in the video, which are no maps themselves, they follow from the usual
        time between frames.
    """
    times_s = times_s.double()
    if len(times_s) < 2:
        return times_s
    if frames == "all" or clip == "sampled":
        last = torch.empty(len(times_s), dtype=torch.long)
        for each in neighbouring_clips(range(len(times_s))):
            last[[each.frames[position] for position in each.kept]] = each.frames[-1]
        return times_s[last]
    frame_s = (times_s[-1] - times_s[0]) / (frame_index[-1] - frame_index[0])
    last = (frame_index + CLIP_FRAMES // 2).clamp(min=CLIP_FRAMES - 1)
    return times_s + (last - frame_index) * frame_s
