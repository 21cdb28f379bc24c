"""What is known of a video beside the viewer: its saliency, and where others looked."""

import math
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from vpnet.dataset.window import WindowSpec
from vpnet.saliency.crowd import Crowd
from vpnet.saliency.salient_points import map_points
from vpnet.saliency.shown_maps import ShownMaps
from vpnet.saliency.source import SaliencySource


@runtime_checkable
class PointSource(Protocol):
    """A source of saliency that has salient points of its own."""

    def look_up_points(
        self, recording_index: Tensor, time_s: Tensor, weighting: str
    ) -> tuple[Tensor, Tensor]:
        """Points of the distinct maps, and the row of each window's map or -1."""
        ...


class Content(NamedTuple):
    """The part of a `vpnet.dataset.window.ViewportWindow` that comes from the video."""

    saliency_maps: Tensor
    saliency_points: Tensor
    saliency_index: Tensor
    crowd_directions: Tensor
    crowd_valid: Tensor


class VideoContent:
    """Looks up what a batch of windows sees of its videos.

    Nothing later than ``spec.saliency_lookahead_s`` after the anchor is ever looked at.

    Args:
        spec: What the windows look like.
        saliency: Where anyone might look, or None.
        crowd: Where others looked, or None.
    """

    def __init__(
        self, spec: WindowSpec, saliency: SaliencySource | None = None, crowd: Crowd | None = None
    ) -> None:
        self.spec = spec
        self.saliency = saliency
        self.crowd = crowd
        lookahead_s = math.inf if spec.saliency_lookahead_s is None else spec.saliency_lookahead_s
        if isinstance(saliency, ShownMaps):
            saliency.only_complete = math.isfinite(lookahead_s)
        self._steps = torch.tensor((*range(1 - spec.history_steps, 1), *spec.horizon_steps))
        self._known = self._steps <= lookahead_s * spec.sampling_rate_hz + 1e-6
        # In double precision: a time rounded down would be that of the step before.
        self._times_s = torch.tensor(spec.saliency_times_s, dtype=torch.float64)
        self._may_be_known = self._times_s <= lookahead_s + 1e-6

    def look_up(self, recording: Tensor, anchor_step: Tensor) -> Content:
        """Everything for some windows.

        Args:
            recording: Which recording each is cut from, ``(batch,)``.
            anchor_step: Playback time of the anchor in steps, ``(batch,)``.
        """
        return Content(
            *self._saliency(recording, anchor_step), *self._crowd(recording, anchor_step)
        )

    def _saliency(self, recording: Tensor, anchor_step: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps, points = torch.zeros(0, 1, 1), torch.zeros(0, 1, 4)
        index = torch.full((len(recording), len(self._times_s)), -1)
        if self.saliency is None:
            return maps, points, index
        anchor_s = anchor_step.double() / self.spec.sampling_rate_hz
        times_s = self._times_s[self._may_be_known]
        asked_s = (anchor_s.unsqueeze(1) + times_s).flatten()
        asked = recording.repeat_interleave(len(times_s))
        if self.spec.saliency_view != "points":
            maps, rows = self.saliency.look_up(asked, asked_s)
        elif isinstance(self.saliency, PointSource):
            points, rows = self.saliency.look_up_points(
                asked, asked_s, self.spec.saliency_weighting
            )
        else:
            found, rows = self.saliency.look_up(asked, asked_s)
            points = map_points(found, weighting=self.spec.saliency_weighting)
        index[:, self._may_be_known] = rows.unflatten(0, (len(recording), -1))
        return maps, points, index

    def _crowd(self, recording: Tensor, anchor_step: Tensor) -> tuple[Tensor, Tensor]:
        if self.crowd is None:
            shape = (len(recording), 0, len(self._steps))
            return torch.zeros(*shape, 3), torch.zeros(shape, dtype=torch.bool)
        steps = anchor_step.unsqueeze(1) + self._steps
        directions, measured = self.crowd.look_up(recording, steps)
        known = measured & self._known
        # What may not be known is not there either.
        return torch.where(known.unsqueeze(-1), directions, 0.0), known
