"""The best yaw offset of a curve, how much better it is than any other, and how sure it is."""

from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from vpnet.alignment.scanpath_curves import offsets_deg

Angle = TypeVar("Angle", float, Tensor)

APART_DEG = 20.0
"""Peaks further apart than this are different answers."""

SAME_DEG = 5.0
"""Resamples that peak within this agree."""

SURE_SHARE = 0.95
"""Share of the resamples that must agree."""

LEAST_MARGIN = 0.05
"""A lead of less than this part of a standard deviation of the maps says nothing."""

CONFIDENCE = 0.95
"""Share of the resamples that an interval holds."""


@dataclass(frozen=True)
class OffsetPeak:
    """The alignment that explains some recordings best.

    Args:
        offset_deg: Turn that is added to the recorded yaw, after the mirror; in [-180, 180).
        mirror: Whether left and right are exchanged first.
        nss: Normalised scanpath saliency under it.
        runner_up_nss: That of the best other peak: mirrored differently, or far from it.
        low_deg: Lower end of the interval of the offset, below -180 where it crosses the seam; NaN
            where nothing could be resampled.
        high_deg: Upper end, likewise above 180.
        share: Share of the resamples with this mirror and about this offset; NaN likewise.
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
        """How far the best other peak lies behind."""
        return self.nss - self.runner_up_nss

    @property
    def clear(self) -> bool:
        """Whether other viewers and videos would very likely have given the same."""
        return self.margin >= LEAST_MARGIN and self.share >= SURE_SHARE

    def differs(self, other: "OffsetPeak", apart_deg: float) -> bool:
        """Whether it is clear, and another answer than ``other``."""
        away_deg = abs(wrap_deg(self.offset_deg - other.offset_deg))
        return self.clear and (self.mirror != other.mirror or away_deg > apart_deg)


def find_peak(curves: Tensor, draws: int = 500, seed: int = 0) -> OffsetPeak | None:
    """The alignment with the highest mean curve, every recording counting the same.

    Both viewers and videos are drawn anew, independently (pigeonhole bootstrap; Owen, Annals of
    Applied Statistics 2007): viewers of one video look at the same things, so that a map which is
    wrong about a video misleads all of them alike. Where there is one of either, it stays.

    Args:
        curves: Mean curve of each recording, as recorded and mirrored, NaN where there is none,
            float64, shape ``(users, videos, 2, width)``.
        draws: Number of resamples.
        seed: Seed of the draws.

    Returns:
        The peak; None where there is no curve, or where they say nothing at all.
    """
    users, videos, _, width = curves.shape
    present = ~curves[:, :, 0, 0].isnan()
    if not present.any():
        return None
    flat = torch.where(present[:, :, None, None], curves, 0).reshape(users * videos, -1)
    mean = (flat.sum(0) / present.sum()).reshape(2, width)
    nss, position = _summits(mean)
    mirror = int(nss.argmax())
    # At once, since a summit left of the first column lies below -180: the interval goes around it.
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
