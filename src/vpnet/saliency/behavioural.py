"""Where the training viewers looked at this moment of this video: known once it was watched."""

import json
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.equirectangular import pixel_directions
from vpnet.saliency.maps import normalize_maps
from vpnet.saliency.source import TrainingDirections

_MOMENTS_AT_ONCE = 64
"""Bounds the memory: with 48 viewers and 40 x 80 pixels these take 40 MB."""


class Behavioural:
    """Density of the training viewers' directions at a moment, whoever asks left out.

    Every viewer adds a von Mises-Fisher kernel (concentration 1 / sigma^2), the normal
    distribution of the sphere. The maps of a viewer are made without that viewer's own data, rather
    than by taking it out of a sum, where rounding would leave a trace. Viewers of validation and
    test are never in it. Where nobody else watched there is no map.

    Args:
        lookahead_s: How far ahead of the anchor the map shown lies: where the others looked at a
            moment that is still to come for this viewer. For live video, which all watch at once,
            set 0.
        smoothing_deg: Standard deviation of the kernel.
        height: Rows of a map; it is twice as wide.

    Raises:
        InputError: A setting is out of range.
    """

    def __init__(
        self, lookahead_s: float = 1.0, smoothing_deg: float = 8.0, height: int = 40
    ) -> None:
        if lookahead_s < 0 or min(smoothing_deg, height) <= 0:
            raise InputError(
                "saliency.lookahead_s must not be negative, smoothing_deg and height positive, got "
                f"{lookahead_s}, {smoothing_deg} and {height}"
            )
        self.lookahead_s = lookahead_s
        self.smoothing_deg = smoothing_deg
        self.height = height
        self._concentration = 1 / math.radians(smoothing_deg) ** 2
        self._pixels = pixel_directions(height, 2 * height).reshape(-1, 3).T.contiguous()
        self._rate_hz = 0.0
        self._watched: dict[str, dict[str, Tensor]] = {}
        self._recordings: list[tuple[str, str]] = []

    def fit(self, training: TrainingDirections) -> None:
        """Keep the directions of the training viewers, by video and viewer."""
        self._rate_hz = training.sampling_rate_hz
        self._watched = {}
        for number, key in enumerate(zip(training.video_ids, training.user_ids, strict=True)):
            own = training.recording == number
            if not own.any():
                continue
            steps = training.step[own]
            # Half precision errs by 0.03 degrees; a direction of zeros was not measured.
            directions = torch.zeros(int(steps.max()) + 1, 3, dtype=torch.float16)
            directions[steps] = training.directions[own].half()
            self._watched.setdefault(key[0], {})[key[1]] = directions

    def bind(self, user_ids: Sequence[str], video_ids: Sequence[str]) -> None:
        """Say who watches in each recording and which video."""
        self._recordings = list(zip(video_ids, user_ids, strict=True))

    def look_up(self, recording_index: Tensor, time_s: Tensor) -> tuple[Tensor, Tensor]:
        """The densities of the others at ``time_s`` plus the lookahead."""
        step = ((time_s.double() + self.lookahead_s) * self._rate_hz + 1e-6).floor().long()
        asked = torch.stack((recording_index, step), dim=1)
        distinct, index = torch.unique(asked, dim=0, return_inverse=True)
        maps, row_of = [], torch.full((len(distinct),), -1)
        found = 0
        for recording in torch.unique(distinct[:, 0]).tolist():
            rows = (distinct[:, 0] == recording).nonzero().squeeze(1)
            directions = self._others(recording, distinct[rows, 1])
            seen = directions.any(dim=-1).any(dim=-1)
            if seen.any():
                row_of[rows[seen]] = found + torch.arange(int(seen.sum()))
                found += int(seen.sum())
                maps += [self._density(some) for some in directions[seen].split(_MOMENTS_AT_ONCE)]
        size = (self.height, 2 * self.height)
        if not maps:
            return torch.zeros(0, *size), torch.full_like(recording_index, -1)
        return normalize_maps(torch.cat(maps).unflatten(1, size)), row_of[index]

    def state(self) -> dict[str, Tensor]:
        """The training viewers' directions, each under its video and viewer, and the rate."""
        state = {
            json.dumps([video_id, user_id]): directions
            for video_id, viewers in self._watched.items()
            for user_id, directions in viewers.items()
        }
        return {"rate_hz": torch.tensor(self._rate_hz, dtype=torch.float64), **state}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Restore what `state` gave.

        Raises:
            InputError: The state is that of another source.
        """
        if "rate_hz" not in state:
            raise InputError(
                "the checkpoint holds no directions of training viewers: it was trained with "
                "another source of saliency; leave saliency=behavioural out"
            )
        self._rate_hz = float(state["rate_hz"])
        self._watched = {}
        for key, directions in state.items():
            if key != "rate_hz":
                video_id, user_id = json.loads(key)
                self._watched.setdefault(video_id, {})[user_id] = directions

    def _others(self, recording: int, steps: Tensor) -> Tensor:
        """Directions of the other viewers at some steps, zeros where there is none."""
        video_id, user_id = self._recordings[recording]
        others = [
            directions
            for viewer, directions in self._watched.get(video_id, {}).items()
            if viewer != user_id
        ]
        found = torch.zeros(len(steps), len(others), 3)
        for column, directions in enumerate(others):
            inside = steps < len(directions)
            found[inside, column] = directions[steps[inside]].float()
        return found

    def _density(self, directions: Tensor) -> Tensor:
        """Sum of the kernels around ``(moments, viewers, 3)`` directions, ``(moments, pixels)``."""
        cosine = directions @ self._pixels
        kernels = torch.exp(self._concentration * (cosine - 1))
        return (kernels * directions.any(dim=-1, keepdim=True)).sum(dim=1)
