"""The training viewers of each video, on one clock: whom a viewer may be compared with."""

import json
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.saliency.source import TrainingDirections
from vpnet.settings import Folds, checked


@checked
class Crowd:
    """Says where the training viewers of a video looked at any of its moments.

    Leave-one-viewer-out, by user id; viewers of validation and test are never in it.

    The directions of all viewers lie one after the other, in half precision (an error of 0.03
    degrees), a row a step; zeros are steps that were not measured.

    Args:
        folds: Groups that the viewers of each video are assigned to; the crowd of a viewer leaves
            out the viewer's whole group. Few groups give few different crowds per video, so that
            what is made of a crowd can be shared. None leaves out the viewer alone.
    """

    def __init__(self, folds: Folds | None = None) -> None:
        self.folds = folds
        self.rate_hz = 0.0
        self.same_crowd = torch.empty(0, dtype=torch.long)
        """Of each bound recording, the first one that sees the same crowd of the same video."""
        self._rows = torch.zeros(1, 3, dtype=torch.float16)
        self._first_row: dict[str, dict[str, tuple[int, int]]] = {}
        self._start = self._length = torch.empty(0, 0, dtype=torch.long)

    def fit(self, training: TrainingDirections) -> None:
        """Keep the directions of the training viewers, by video and viewer."""
        self.rate_hz = training.sampling_rate_hz
        watched: dict[tuple[str, str], Tensor] = {}
        for number, key in enumerate(zip(training.video_ids, training.user_ids, strict=True)):
            own = training.recording == number
            if not own.any():
                continue
            steps = training.step[own]
            directions = torch.zeros(int(steps.max()) + 1, 3, dtype=torch.float16)
            directions[steps] = training.directions[own].half()
            watched[key] = directions
        self._keep(watched)

    def bind(self, user_ids: Sequence[str], video_ids: Sequence[str]) -> None:
        """Say who watches in each recording and which video."""
        companions = [
            self._companions(user, video) for user, video in zip(user_ids, video_ids, strict=True)
        ]
        first: dict[tuple[tuple[int, int], ...], int] = {}
        same = [first.setdefault(tuple(each), number) for number, each in enumerate(companions)]
        self.same_crowd = torch.tensor(same, dtype=torch.long)
        most = max((len(places) for places in companions), default=0)
        self._start = torch.zeros(len(companions), most, dtype=torch.long)
        self._length = torch.zeros(len(companions), most, dtype=torch.long)
        for recording, places in enumerate(companions):
            for column, (start, length) in enumerate(places):
                self._start[recording, column] = start
                self._length[recording, column] = length

    def has_companions(self, recording: int) -> bool:
        """Whether anybody else watched the video of a bound recording."""
        return bool((self._length[recording] > 0).any())

    def look_up(self, recording_index: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Where the others looked.

        Args:
            recording_index: Who asks, ``(batch,)``.
            steps: Playback times in steps of the clock, ``(batch, steps)``.

        Returns:
            Unit vectors, float32, ``(batch, viewers, steps, 3)``, and which of them were measured,
            ``(batch, viewers, steps)``; as many viewers as the largest crowd in the batch has.
        """
        length = self._length[recording_index]
        viewers = int((length > 0).sum(dim=1).max()) if length.numel() else 0
        length = length[:, :viewers].unsqueeze(2)
        wanted = steps.unsqueeze(1)
        inside = (wanted >= 0) & (wanted < length)
        rows = self._start[recording_index, :viewers].unsqueeze(2) + wanted
        found = self._rows[torch.where(inside, rows, 0)].float()
        found = torch.where(inside.unsqueeze(-1), found, 0.0)
        return found, found.any(dim=-1)

    def _companions(self, user_id: str, video_id: str) -> list[tuple[int, int]]:
        """Places of the viewers of a video whom somebody may be compared with."""
        viewers = self._first_row.get(video_id, {})
        if self.folds is None or user_id not in viewers:
            return [place for viewer, place in viewers.items() if viewer != user_id]
        fold = {viewer: rank % self.folds for rank, viewer in enumerate(sorted(viewers))}
        return [place for viewer, place in viewers.items() if fold[viewer] != fold[user_id]]

    def state(self) -> dict[str, Tensor]:
        """The directions, each under its video and viewer, and the rate."""
        state = {
            json.dumps([video_id, user_id]): self._rows[start : start + length].clone()
            for video_id, viewers in self._first_row.items()
            for user_id, (start, length) in viewers.items()
        }
        return {"rate_hz": torch.tensor(self.rate_hz, dtype=torch.float64), **state}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state` gave.

        Raises:
            InputError: The state is that of something else.
        """
        if "rate_hz" not in state:
            raise InputError(
                "the checkpoint holds no directions of training viewers: it was trained without "
                "them; leave saliency=behavioural or crowd=true out"
            )
        self.rate_hz = float(state["rate_hz"])
        watched: dict[tuple[str, str], Tensor] = {}
        for key, directions in state.items():
            if key != "rate_hz":
                video_id, user_id = json.loads(key)
                watched[video_id, user_id] = directions
        self._keep(watched)

    def _keep(self, watched: Mapping[tuple[str, str], Tensor]) -> None:
        # Row 0 is nobody's: what is asked for in vain points there.
        rows, self._first_row, start = [torch.zeros(1, 3, dtype=torch.float16)], {}, 1
        for (video_id, user_id), directions in watched.items():
            self._first_row.setdefault(video_id, {})[user_id] = (start, len(directions))
            rows.append(directions)
            start += len(directions)
        self._rows = torch.cat(rows)
