"""Where the training viewers of each video looked, on one clock: the context of a viewer."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.saliency.source import TrainingDirections
from vpnet.settings import Folds, checked
from vpnet.viewer_ids import HASH_BYTES, SALT_BYTES, hash_of, new_salt

_VIEWERS = "viewers of "
_LENGTHS = "steps and groups of "


@checked
class Crowd:
    """Directions of the training viewers of a video at any of its moments.

    Leave-one-viewer-out, by user id; viewers of validation and test are never in it. Ids are kept
    as salted hashes only, here and in a checkpoint.

    The directions of all viewers are stored one after the other, in half precision (an error of
    0.03 degrees), a row a step; zeros are steps that were not measured.

    Args:
        folds: Groups that the viewers of each video are assigned to; the crowd of a viewer leaves
            out the viewer's whole group. Few groups give few different crowds per video, so that
            what is computed from a crowd can be shared. None leaves out the viewer alone.
    """

    def __init__(self, folds: Folds | None = None) -> None:
        self.folds = folds
        self.rate_hz = 0.0
        self.same_crowd = torch.empty(0, dtype=torch.long)
        """Of each bound recording, the first one that sees the same crowd of the same video."""
        self._rows = torch.zeros(1, 3, dtype=torch.float16)
        self._of_video: dict[str, list[_Viewer]] = {}
        self._salt = new_salt()
        self._start = self._length = torch.empty(0, 0, dtype=torch.long)

    def fit(self, training: TrainingDirections) -> None:
        """Keep the directions of the training viewers, by video and viewer."""
        self.rate_hz = training.sampling_rate_hz
        watched: dict[str, dict[str, Tensor]] = {}
        for number, key in enumerate(zip(training.video_ids, training.user_ids, strict=True)):
            own = training.recording == number
            if not own.any():
                continue
            steps = training.step[own]
            directions = torch.zeros(int(steps.max()) + 1, 3, dtype=torch.float16)
            directions[steps] = training.directions[own].half()
            video_id, user_id = key
            watched.setdefault(video_id, {})[user_id] = directions
        self._keep({video_id: self._viewers(watched[video_id]) for video_id in sorted(watched)})

    def bind(self, user_ids: Sequence[str], video_ids: Sequence[str]) -> None:
        """Name the viewer and the video of each recording."""
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

    def directions_at(self, recording_index: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Where the others looked.

        Args:
            recording_index: Of the queried viewers, ``(batch,)``.
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
        """Places of the viewers of a video that a viewer may attend to."""
        viewers, own = self._of_video.get(video_id, ()), hash_of(user_id, self._salt)
        group = next((each.group for each in viewers if each.hash == own), None)
        if self.folds is None or group is None:
            return [each.place for each in viewers if each.hash != own]
        return [each.place for each in viewers if each.group != group]

    def state(self) -> dict[str, Tensor]:
        """The directions of all viewers, and of each video its viewers' ids, as salted hashes."""
        state = {
            "rate_hz": torch.tensor(self.rate_hz, dtype=torch.float64),
            "salt": _tensor_of([self._salt]).squeeze(0),
            "rows": self._rows[1:].clone(),
        }
        for video_id, viewers in self._of_video.items():
            lengths = [[each.place[1], each.group] for each in viewers]
            state[f"{_VIEWERS}{video_id}"] = _tensor_of([each.hash for each in viewers])
            state[f"{_LENGTHS}{video_id}"] = torch.tensor(lengths, dtype=torch.long)
        return state

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore what the method `state` returned.

        Raises:
            InputError: The state was saved by another kind of source, or its parts do not fit.
        """
        if "rate_hz" not in state:
            raise InputError(
                "the checkpoint holds no directions of training viewers: it was trained without "
                "them; leave saliency=behavioural or crowd=true out"
            )
        check_crowd_state(state, self.folds)
        self.rate_hz = float(state["rate_hz"])
        self._salt = bytes(state["salt"].tolist())
        start, watched = 0, {}
        for key in state:
            if key.startswith(_VIEWERS):
                video_id = key.removeprefix(_VIEWERS)
                hashes, lengths = state[key].tolist(), state[f"{_LENGTHS}{video_id}"].tolist()
                viewers = watched.setdefault(video_id, [])
                for own, (length, group) in zip(hashes, lengths, strict=True):
                    rows = state["rows"][start : start + length]
                    viewers.append((bytes(own), group, rows))
                    start += length
        self._keep(watched)

    def _viewers(self, watched: Mapping[str, Tensor]) -> list[tuple[bytes, int, Tensor]]:
        """Viewers of a video by id, as hash, group and directions.

        Their order, in which numbers are added up and which a checkpoint keeps, is that of a hash
        without salt: the same in every run, whatever the ids' own order.
        """
        folds = self.folds or 1
        group = {user_id: rank % folds for rank, user_id in enumerate(sorted(watched))}
        ordered = sorted(watched, key=lambda user_id: hash_of(user_id, b""))
        return [
            (hash_of(user_id, self._salt), group[user_id], watched[user_id]) for user_id in ordered
        ]

    def _keep(self, watched: Mapping[str, Sequence[tuple[bytes, int, Tensor]]]) -> None:
        # Row 0 is of no viewer: queries without a result point there.
        rows, self._of_video, start = [torch.zeros(1, 3, dtype=torch.float16)], {}, 1
        for video_id, viewers in watched.items():
            self._of_video[video_id] = []
            for own, group, directions in viewers:
                place = (start, len(directions))
                self._of_video[video_id].append(_Viewer(own, group, place))
                rows.append(directions)
                start += len(directions)
        self._rows = torch.cat(rows)


class _Viewer(NamedTuple):
    """A training viewer of one video."""

    hash: bytes
    """Of the id, salted."""
    group: int
    """With folds: viewers of one group are left out of each other's crowd."""
    place: tuple[int, int]
    """First row and number of rows of the directions."""


def check_crowd_state(state: Mapping[str, Tensor], folds: int | None) -> None:
    """Refuse a state that `Crowd.state` did not give.

    Args:
        state: Of a checkpoint: finite tensors, nothing else is known of them.
        folds: Number of groups, or None.

    Raises:
        InputError: A tensor is missing, superfluous, of another shape, or holds what it cannot.
    """
    videos = [key.removeprefix(_VIEWERS) for key in state if key.startswith(_VIEWERS)]
    expected: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {
        "rate_hz": (torch.float64, ()),
        "salt": (torch.uint8, (SALT_BYTES,)),
        "rows": (torch.float16, (len(state.get("rows", torch.empty(0)).flatten()) // 3, 3)),
    }
    for video_id in videos:
        viewers = state[f"{_VIEWERS}{video_id}"].shape[:1].numel()
        expected[f"{_VIEWERS}{video_id}"] = (torch.uint8, (viewers, HASH_BYTES))
        expected[f"{_LENGTHS}{video_id}"] = (torch.long, (viewers, 2))
    found = {key: (value.dtype, tuple(value.shape)) for key, value in state.items()}
    if found != expected:
        differing = [key for key in {**expected, **found} if found.get(key) != expected.get(key)]
        raise InputError(
            "the directions of training viewers in the checkpoint are not as vpnet writes them: "
            f"{differing[0]!r} is missing, superfluous or of another shape"
        )
    lengths = torch.cat(
        [torch.empty(0, 2, dtype=torch.long)]
        + [state[f"{_LENGTHS}{video_id}"] for video_id in videos]
    )
    norms = state["rows"].float().norm(dim=1)
    rules = {
        "rate_hz must be positive": bool(state["rate_hz"] > 0),
        "the steps of the viewers must add up to the rows": bool((lengths[:, 0] >= 1).all())
        and int(lengths[:, 0].sum()) == len(state["rows"]),
        "the groups must be those of the folds": bool(
            ((lengths[:, 1] >= 0) & (lengths[:, 1] < (folds or 1))).all()
        ),
        "directions must be unit vectors, or zero": bool(
            ((norms == 0) | ((norms - 1).abs() < 0.01)).all()
        ),
    }
    for rule, holds in rules.items():
        if not holds:
            raise InputError(f"the directions of training viewers in the checkpoint: {rule}")


def _tensor_of(parts: Sequence[bytes]) -> Tensor:
    return torch.tensor([list(part) for part in parts], dtype=torch.uint8)
