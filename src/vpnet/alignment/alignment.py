"""Which turn and mirror of the recordings best explain where people looked.

Whether a video's centre really was in front of the viewers depends on how its sphere was mounted
(docs/CONVENTIONS.md, defect 10). Where it was not, the maps of a video and the recorded directions
differ by one turn about the vertical axis, and perhaps by an exchange of left and right. Every such
alignment is tried, and the one with the highest normalised scanpath saliency is reported: as values
of `data.video_yaw_offset_deg` and `data.mirror`.

The score (NSS; Peters et al., Vision Research 2005) is the value of the z-scored map where a viewer
looks: 0 by chance, 1 where the map is a standard deviation above its mean. Mean and deviation are
taken over the sphere, not over the pixels, of which the poles have too many.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import torch
from rich.progress import track
from torch import Tensor

from vpnet.alignment.moment_maps import MomentMaps
from vpnet.errors import InputError
from vpnet.geometry.equirectangular import pixel_from_direction, solid_angle_weights
from vpnet.recordings.frame import Frame, align_to_video
from vpnet.recordings.recording import Recording
from vpnet.saliency.viewing import VideoViewing, viewing_by_video
from vpnet.text_table import counted

Angle = TypeVar("Angle", float, Tensor)

FLAT = 1e-3
"""A map whose deviation is less than this share of its mean has no shape."""

APART_DEG = 20.0
"""Peaks further apart than this are different alignments."""

SAME_DEG = 5.0
"""Resamples that peak within this agree."""

SURE_SHARE = 0.95
"""Share of the resamples that must agree."""

LEAST_MARGIN = 0.05
"""A smaller lead, in standard deviations of the maps, is no evidence."""

CONFIDENCE = 0.95
"""Share of the resamples that an interval holds."""


def offsets_deg(width: int) -> Tensor:
    """The yaw offsets of the curves: one per column of a map, from -180 upwards, ``(width,)``."""
    return _position_deg(torch.arange(width, dtype=torch.float64), width)


def nss_curves(maps: Tensor, index: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Score of each direction under every alignment of `vpnet.recordings.frame`.

    Maps are read bilinearly. A turn by whole columns only shifts them: a direction costs one row of
    a map for all its offsets.

    Args:
        maps: Non-negative maps, float32, shape ``(maps, height, width)``.
        index: Map of each direction, -1 for none, shape ``(samples,)``.
        directions: Recorded directions, float32, shape ``(samples, 3)``.

    Returns:
        Scores as recorded and mirrored, by `offsets_deg`, shape ``(samples, 2, width)``, and which
        directions have a map with a shape, ``(samples,)``; the scores of the others are 0.
    """
    height, width = maps.shape[1:]
    curves = directions.new_zeros(len(directions), 2, width)
    if len(maps) == 0:
        return curves, torch.zeros(len(directions), dtype=torch.bool)
    weights = solid_angle_weights(height, width).flatten()
    mean = maps.flatten(1) @ weights
    deviation = ((maps.flatten(1) - mean.unsqueeze(1)).square_() @ weights).sqrt()
    known = (index >= 0) & (deviation > FLAT * mean)[index]
    index = index[known]
    for mirror in (False, True):
        aligned = align_to_video(directions[known], Frame(mirror=mirror))
        row, column = pixel_from_direction(aligned, height, width)
        row = row.clamp(0, height - 1)
        above = row.floor().long()
        below = (above + 1).clamp(max=height - 1)
        line = torch.lerp(maps[index, above], maps[index, below], (row - above).unsqueeze(1))
        line = (line - mean[index, None]) / deviation[index, None]
        left = column.floor().long()
        at = (left.unsqueeze(1) + torch.arange(width) - width // 2) % width
        shifted = line.gather(1, at)
        fraction = (column - left).unsqueeze(1)
        curves[known, int(mirror)] = torch.lerp(shifted, shifted.roll(-1, dims=1), fraction)
    return curves, known


@dataclass(frozen=True)
class OffsetPeak:
    """The yaw offset and mirroring under which some recordings fit their videos best.

    Args:
        offset_deg: Offset added to the recorded yaw after mirroring, in [-180, 180).
        mirror: Whether left and right are exchanged first.
        nss: Normalised scanpath saliency of the recordings with this alignment.
        runner_up_nss: The same of the next best peak, which is mirrored differently or lies at
            another offset.
        low_deg: Lower end of the bootstrap interval of the offset, below -180 if the interval
            crosses ±180 degrees. NaN if there was too little to resample.
        high_deg: Upper end, above 180 if the interval crosses ±180 degrees; or NaN.
        share: Share of the bootstrap draws with the same mirroring and nearly the same offset; or
            NaN.
    """

    offset_deg: float
    mirror: bool
    nss: float
    runner_up_nss: float
    low_deg: float
    high_deg: float
    share: float

    @property
    def margin(self) -> float:
        """Difference of the score from that of the best other peak."""
        return self.nss - self.runner_up_nss

    @property
    def clear(self) -> bool:
        """Whether other viewers and videos would very likely give the same alignment."""
        return self.margin >= LEAST_MARGIN and self.share >= SURE_SHARE

    def differs(self, other: "OffsetPeak", apart_deg: float) -> bool:
        """Whether it is clear, and another alignment than ``other``."""
        away_deg = abs(wrap_deg(self.offset_deg - other.offset_deg))
        return self.clear and (self.mirror != other.mirror or away_deg > apart_deg)


def find_peak(curves: Tensor, draws: int = 500, seed: int = 0) -> OffsetPeak | None:
    """The alignment with the highest mean curve, every recording counting the same.

    Viewers and videos are resampled independently (pigeonhole bootstrap; Owen, Annals of Applied
    Statistics 2007): viewers of one video look at the same things, so that a map which is wrong
    about a video misleads all of them alike.

    Args:
        curves: Mean curve of each recording, as recorded and mirrored, NaN where there is none,
            float64, shape ``(users, videos, 2, width)``.
        draws: Number of resamples.
        seed: Seed of the draws.

    Returns:
        The peak; None where there is no curve.
    """
    users, videos, _, width = curves.shape
    present = ~curves[:, :, 0, 0].isnan()
    if not present.any():
        return None
    flat = torch.where(present[:, :, None, None], curves, 0).reshape(users * videos, -1)
    mean = (flat.sum(0) / present.sum()).reshape(2, width)
    nss, position = _summits(mean)
    mirror = int(nss.argmax())
    # Wrapped here, since a summit left of the first column is below -180.
    offset_deg = wrap_deg(_position_deg(position[mirror], width))

    generator = torch.Generator().manual_seed(seed)
    weights = _drawn(users, draws, generator).unsqueeze(2) * _drawn(
        videos, draws, generator
    ).unsqueeze(1)
    weights = (weights * present).reshape(draws, -1)
    weights = weights[weights.sum(1) > 0]
    low_deg = high_deg = share = torch.nan
    if present.sum() > 1:
        drawn = (weights @ flat) / weights.sum(1, keepdim=True)
        drawn_nss, drawn_position = _summits(drawn.reshape(-1, 2, width))
        alike = drawn_nss.argmax(1) == mirror
        away_deg = wrap_deg(_position_deg(drawn_position[:, mirror], width) - offset_deg)
        share = float((alike & (away_deg.abs() <= SAME_DEG)).double().mean())
        tail = (1 - CONFIDENCE) / 2
        ends = torch.tensor((tail, 1 - tail), dtype=torch.float64)
        if alike.any():
            low_deg, high_deg = (offset_deg + away_deg[alike].quantile(ends)).tolist()
    return OffsetPeak(
        offset_deg=float(offset_deg),
        mirror=bool(mirror),
        nss=float(nss[mirror]),
        runner_up_nss=_runner_up(mean, mirror, float(offset_deg)),
        low_deg=low_deg,
        high_deg=high_deg,
        share=share,
    )


def wrap_deg(angle_deg: Angle) -> Angle:
    """The same angle in [-180, 180): of a number or a tensor."""
    return (angle_deg + 180.0) % 360.0 - 180.0


def _summits(curves: Tensor) -> tuple[Tensor, Tensor]:
    """Height and fractional position of the highest points, by a parabola through three values."""
    top = curves.argmax(-1, keepdim=True)
    width = curves.shape[-1]
    before, here, after = (
        curves.gather(-1, (top + step) % width).squeeze(-1) for step in (-1, 0, 1)
    )
    bend = before - 2 * here + after
    shift = torch.where(bend < 0, (before - after) / (2 * bend), 0.0).clamp(-0.5, 0.5)
    return here - (before - after) * shift / 4, top.squeeze(-1) + shift


def _position_deg(position: Tensor, width: int) -> Tensor:
    return (position - width // 2) * 360 / width


def _runner_up(mean: Tensor, mirror: int, offset_deg: float) -> float:
    """The highest point with the other mirror, or the highest of the other peaks with this one."""
    curve = mean[mirror]
    is_peak = (curve >= curve.roll(1)) & (curve >= curve.roll(-1))
    away_deg = wrap_deg(offsets_deg(mean.shape[1]) - offset_deg).abs()
    others = torch.cat((curve[is_peak & (away_deg > APART_DEG)], mean[1 - mirror]))
    return float(others.max())


def _drawn(units: int, draws: int, generator: torch.Generator) -> Tensor:
    """How often each unit is drawn, float64, shape ``(draws, units)``."""
    drawn = torch.randint(units, (draws, units), generator=generator)
    counts = torch.zeros(draws, units, dtype=torch.float64)
    return counts.scatter_add_(1, drawn, torch.ones(drawn.shape, dtype=torch.float64))


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
