"""Which turn and mirror of the recordings best explain where people looked.

Whether a video's centre really was in front of the viewers depends on how its sphere was mounted
(docs/CONVENTIONS.md, defect 10). Where it was not, the maps of a video and the recorded directions
differ by one turn about the vertical axis, and perhaps by an exchange of left and right. Every such
alignment is tried, and the one with the highest normalised scanpath saliency is reported: as values
of `data.video_yaw_offset_deg` and `data.mirror`.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from rich.progress import track
from torch import Tensor

from vpnet.alignment.moment_maps import MomentMaps
from vpnet.alignment.offset_peak import (
    LEAST_MARGIN,
    SURE_SHARE,
    OffsetPeak,
    find_peak,
    nss_curves,
    offsets_deg,
)
from vpnet.errors import InputError
from vpnet.recordings.recording import Recording
from vpnet.saliency.viewing import VideoViewing, viewing_by_video

LEAST_USERS = 3
"""Fewer people than this are little evidence about others."""

LEAST_VIDEOS = 2
"""With one video, a poor map cannot be noticed: all its viewers look at the same things."""

DIFFERENT_DEG = 10.0
"""A video or a viewer further than this from the overall alignment is reported."""

_SAMPLES_AT_ONCE = 256
"""Bounds the memory: each viewer's own map takes 29 KB a sample, the curves as much again."""

_PROGRESS_FROM = 20


@dataclass(frozen=True)
class Alignment:
    """What was found, as recorded and mirrored.

    Args:
        offsets_deg: Yaw offsets tried, increasing, shape ``(width,)``.
        nss: Mean normalised scanpath saliency at each, shape ``(width,)``.
        nss_mirrored: The same with left and right exchanged first, shape ``(width,)``.
        best: The best of them; None where no map had a shape.
        users: Number of people compared with maps.
        samples: Number of moments at which one of them was.
        per_video: The best for each video alone, where there were maps for it.
        per_user: The best for each viewer alone.
    """

    offsets_deg: Tensor
    nss: Tensor
    nss_mirrored: Tensor
    best: OffsetPeak | None
    users: int
    samples: int
    per_video: Mapping[str, OffsetPeak]
    per_user: Mapping[str, OffsetPeak]

    @property
    def videos(self) -> int:
        """Number of videos compared with maps."""
        return len(self.per_video)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the data do not decide the alignment; empty where they do."""
        best = self.best
        if best is None:
            return ("no map has a shape: all are flat, or there are none",)
        found = []
        if self.users < LEAST_USERS:
            people = counted(self.users, "person", "people")
            found.append(f"{people}, {LEAST_USERS} are the least")
        if self.videos < LEAST_VIDEOS:
            found.append(
                f"{counted(self.videos, 'video')}, {LEAST_VIDEOS} are the least: a poor map of one "
                "misleads everybody"
            )
        if best.margin < LEAST_MARGIN:
            found.append(f"the best other alignment is only {best.margin:.3f} behind")
        # A share of NaN, for want of anything to draw from, is no certainty either.
        if not best.share >= SURE_SHARE:
            found.append(
                "there is one recording, and none to compare it with"
                if math.isnan(best.share)
                else f"only {best.share:.0%} of resampled viewers and videos agree"
            )
        return tuple(found)

    def deviating(self, peaks: Mapping[str, OffsetPeak]) -> list[str]:
        """Those of `per_video` or `per_user` that clearly differ from the overall alignment."""
        if self.best is None:
            return []
        return [name for name, peak in peaks.items() if peak.differs(self.best, DIFFERENT_DEG)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a JSON file; what is not known is None."""
        return {
            "best": _plain(self.best),
            "doubts": list(self.doubts),
            "users": self.users,
            "samples": self.samples,
            "per_video": {name: _plain(peak) for name, peak in self.per_video.items()},
            "per_user": {name: _plain(peak) for name, peak in self.per_user.items()},
            "deviating_videos": self.deviating(self.per_video),
            "deviating_users": self.deviating(self.per_user),
            "offsets_deg": self.offsets_deg.tolist(),
            "nss": self.nss.tolist(),
            "nss_mirrored": self.nss_mirrored.tolist(),
        }


def counted(number: int, singular: str, plural: str = "") -> str:
    """A number and what it counts, such as "1 video" or "2 people".

    Args:
        number: How many.
        singular: What one of them is called.
        plural: What several are called; by default with an s.
    """
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def find_alignment(
    recordings: Iterable[Recording],
    maps: MomentMaps,
    *,
    rate_hz: float = 5.0,
    draws: int = 500,
    seed: int = 0,
) -> Alignment:
    """Compare where people looked with maps, under every yaw offset and both mirrors.

    Recordings are read once, and maps a part of a video at a time, to bound the memory. Every
    recording counts the same, however long its video is.

    Args:
        recordings: As the headset recorded them: neither turned nor mirrored.
        maps: What to compare with, in the frame of the videos.
        rate_hz: Moments per second of playback that are compared.
        draws: Resamples of viewers and videos, for intervals.
        seed: Seed of the draws.

    Raises:
        InputError: There is no recording, no map for any of the videos, or maps of several sizes.
    """
    if draws < 1:
        raise InputError(f"draws must be at least 1, got {draws}")
    viewing = viewing_by_video(recordings, rate_hz)
    if not viewing:
        raise InputError("there are no recordings to align; check where they come from")
    maps.bind(list(viewing))
    watching = (user_id for watched in viewing.values() for user_id in watched.user_ids)
    user_ids = list(dict.fromkeys(watching))
    user_row = {user_id: row for row, user_id in enumerate(user_ids)}
    sums, counts = [], []
    for video_id, watched in track(
        viewing.items(), description="Comparing videos", disable=len(viewing) <= _PROGRESS_FROM
    ):
        total, count = _compare(video_id, watched, maps, rate_hz)
        rows = torch.tensor([user_row[user_id] for user_id in watched.user_ids])
        sums.append(total.new_zeros(len(user_ids), *total.shape[1:]).index_add_(0, rows, total))
        counts.append(count.new_zeros(len(user_ids)).index_add_(0, rows, count))
    count = torch.stack(counts, 1)
    curves = torch.stack(sums, 1) / count[:, :, None, None]
    mean = curves.flatten(0, 1).nanmean(0).nan_to_num(0.0)
    per_video = {
        video_id: find_peak(curves[:, row : row + 1], draws, seed)
        for row, video_id in enumerate(viewing)
    }
    per_user = {
        user_id: find_peak(curves[row : row + 1], draws, seed)
        for row, user_id in enumerate(user_ids)
    }
    return Alignment(
        offsets_deg=offsets_deg(mean.shape[1]),
        nss=mean[0],
        nss_mirrored=mean[1],
        best=find_peak(curves, draws, seed),
        users=int((count.sum(1) > 0).sum()),
        samples=int(count.sum()),
        per_video={name: peak for name, peak in per_video.items() if peak is not None},
        per_user={name: peak for name, peak in per_user.items() if peak is not None},
    )


def _compare(
    video_id: str, watched: VideoViewing, maps: MomentMaps, rate_hz: float
) -> tuple[Tensor, Tensor]:
    """Sum of each viewer's curves, ``(users, 2, width)``, and how many there are, ``(users,)``."""
    users, steps = watched.valid.shape
    total, count = [], []
    # At least one part, so that the width is known.
    for at in torch.arange(max(1, steps)).split(max(1, _SAMPLES_AT_ONCE // users)):
        at = at[at < steps]
        found, index = maps.look_up(video_id, watched.user_ids, at.double() / rate_hz)
        index = torch.where(watched.valid[:, at], index, -1)
        curves, known = nss_curves(found, index.flatten(), watched.directions[:, at].flatten(0, 1))
        shape = (users, len(at))
        total.append(curves.reshape(*shape, *curves.shape[1:]).double().sum(1))
        count.append(known.reshape(shape).sum(1))
    return torch.stack(total).sum(0), torch.stack(count).sum(0)


def _plain(peak: OffsetPeak | None) -> dict[str, Any] | None:
    if peak is None:
        return None
    values = asdict(peak) | {"margin": peak.margin, "clear": peak.clear}
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in values.items()
    }
