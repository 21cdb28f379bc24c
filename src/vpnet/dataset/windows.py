"""Windows by index, cut from samples: a window is one number, the row of its anchor."""

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.utils.data import Dataset

from vpnet.dataset.samples import Samples
from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.errors import InputError
from vpnet.saliency.crowd import Crowd
from vpnet.saliency.map_folder import MapFiles
from vpnet.saliency.salient_points import map_points
from vpnet.saliency.source import SaliencySource
from vpnet.viewer_ids import KnownViewers


def anchor_rows(
    samples: Samples,
    recordings: Sequence[int],
    spec: WindowSpec,
    *,
    first_anchor_step: int,
    stride_steps: int,
    skip_short: bool = False,
    known_future: bool = True,
) -> Tensor:
    """Rows at which a window can be cut: whole history measured, whole horizon inside.

    No anchor is in a gap that was bridged: the head there is known only when the gap has ended.

    Args:
        samples: All samples.
        recordings: Indices of the recordings to cut from.
        spec: Shape of a window.
        first_anchor_step: Earliest playback step of an anchor.
        stride_steps: Steps between anchors, counted from ``first_anchor_step``.
        skip_short: Leave out recordings that are too short for one window; else they are refused.
        known_future: The horizon must be inside and some of it measured; False needs the history
            alone, to predict beyond the end.

    Returns:
        Rows of ``samples``, int64, ordered by recording and time, shape ``(windows,)``.

    Raises:
        InputError: A recording is too short for one window and ``skip_short`` is False.
    """
    rows, short = [], []
    reach_steps = spec.horizon_steps[-1] if known_future else 0
    for recording in recordings:
        first_row = int(samples.first_row[recording])
        first_step = int(samples.first_step[recording])
        last_step = first_step + int(samples.row_count[recording]) - 1
        earliest = max(first_anchor_step, first_step + spec.history_steps - 1)
        # The first step of the anchors' own grid that is not before the earliest.
        start = (
            first_anchor_step + -(-(earliest - first_anchor_step) // stride_steps) * stride_steps
        )
        stop = last_step - reach_steps
        if start > stop:
            short.append((recording, start))
            continue
        rows.append(torch.arange(start, stop + 1, stride_steps) - first_step + first_row)
    if short and not skip_short:
        worst, start = short[0]
        first_step = int(samples.first_step[worst])
        last_step = first_step + int(samples.row_count[worst]) - 1
        rate_hz = spec.sampling_rate_hz
        raise InputError(
            f"{samples.sources[worst]}: a recording must hold a history of "
            f"{spec.history_steps / rate_hz:.1f} s up to its first anchor ({start / rate_hz:.1f} "
            f"s) and reach the horizon after it ({(start + reach_steps) / rate_hz:.1f} s), it "
            f"covers {first_step / rate_hz:.1f} to {last_step / rate_hz:.1f} s "
            f"(one of {len(short)} such recordings); leave them out, or set skip_short=true"
        )
    anchors = torch.cat(rows) if rows else torch.empty(0, dtype=torch.long)
    # Number of unmeasured head samples up to each row: a difference of 0 means none between.
    lost = torch.nn.functional.pad((~samples.head_valid).long().cumsum(0), (1, 0))
    whole = lost[anchors + 1] - lost[anchors + 1 - spec.history_steps] == 0
    whole &= samples.head_known_after[anchors] == 0
    if not known_future:
        return anchors[whole]
    future = samples.head_valid[anchors.unsqueeze(1) + torch.tensor(spec.horizon_steps)]
    return anchors[whole & future.any(dim=1)]


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
    """Looks up the saliency and the crowd of a batch of windows.

    Nothing later than ``spec.saliency_lookahead_s`` after the anchor is ever read.

    Args:
        spec: Shape of the windows.
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
        if isinstance(saliency, MapFiles):
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
        moments_s = (anchor_s.unsqueeze(1) + times_s).flatten()
        of_moments = recording.repeat_interleave(len(times_s))
        if self.spec.saliency_view != "points":
            maps, rows = self.saliency.look_up(of_moments, moments_s)
        elif isinstance(self.saliency, PointSource):
            points, rows = self.saliency.look_up_points(
                of_moments, moments_s, self.spec.saliency_weighting
            )
        else:
            found, rows = self.saliency.look_up(of_moments, moments_s)
            points = map_points(found, weighting=self.spec.saliency_weighting)
        index[:, self._may_be_known] = rows.unflatten(0, (len(recording), -1))
        return maps, points, index

    def _crowd(self, recording: Tensor, anchor_step: Tensor) -> tuple[Tensor, Tensor]:
        if self.crowd is None:
            shape = (len(recording), 0, len(self._steps))
            return torch.zeros(*shape, 3), torch.zeros(shape, dtype=torch.bool)
        steps = anchor_step.unsqueeze(1) + self._steps
        directions, measured = self.crowd.directions_at(recording, steps)
        known = measured & self._known
        # Directions that may not be known are hidden, not only masked.
        return torch.where(known.unsqueeze(-1), directions, 0.0), known


class WindowDataset(Dataset[ViewportWindow]):
    """Windows of one part of a split, gathered a batch at a time.

    ``dataset[i]`` is a batch of one and ``dataset[[i, j, k]]`` a batch of three; a DataLoader
    passes the indices of a whole batch at once, and its collate function has nothing left to do.

    Args:
        samples: All samples.
        anchors: Rows of the anchors, shape ``(windows,)``.
        spec: Shape of a window.
        user_index: Embedding row of each recording's user, shape ``(recordings,)``.
        content: What is known of the videos; None knows nothing.

    Raises:
        InputError: The spec has other answers than the samples.
    """

    def __init__(
        self,
        samples: Samples,
        anchors: Tensor,
        spec: WindowSpec,
        user_index: Tensor,
        content: VideoContent | None = None,
    ) -> None:
        answers = samples.answers.shape[1]
        if spec.has_answers and spec.answers != answers:
            raise InputError(
                f"the model was trained on {spec.answers} answers of a questionnaire, this version "
                f"of vpnet has {answers}; train again, or use the version it was trained with"
            )
        self.samples = samples
        self.anchors = anchors
        self.spec = spec
        self.user_index = user_index
        self.content = content or VideoContent(spec)
        self._history = torch.arange(1 - spec.history_steps, 1)
        self._horizon = torch.tensor(spec.horizon_steps)

    def __len__(self) -> int:
        return len(self.anchors)

    def __getitem__(self, index: int | Sequence[int]) -> ViewportWindow:
        return self.__getitems__([index] if isinstance(index, int) else index)

    def __getitems__(self, indices: Sequence[int]) -> ViewportWindow:
        samples = self.samples
        anchor = self.anchors[torch.as_tensor(indices, dtype=torch.long)]
        history = anchor.unsqueeze(1) + self._history
        recording = torch.searchsorted(samples.first_row, anchor, right=True) - 1
        end = samples.first_row[recording + 1].unsqueeze(1)
        future = anchor.unsqueeze(1) + self._horizon
        inside = future < end
        future = torch.minimum(future, end - 1)
        anchor_step = anchor - samples.first_row[recording] + samples.first_step[recording]
        # A gap that lasts beyond the anchor is not bridged yet.
        gaze_known = samples.gaze_known_after[history] <= -self._history
        face_known = samples.face_known_after[history] <= -self._history
        return ViewportWindow(
            history_directions=samples.viewport_center[history],
            history_valid=samples.head_valid[history],
            history_roll_rad=samples.roll_rad[history],
            gaze_directions=samples.gaze_direction[history],
            gaze_offset_deg=samples.gaze_offset_deg[history],
            is_fixating=samples.is_fixating[history],
            fixation_duration_s=samples.fixation_duration_s[history],
            gaze_valid=samples.gaze_valid[history] & gaze_known,
            face=samples.face[history],
            face_valid=samples.face_valid[history] & face_known,
            **self.content.look_up(recording, anchor_step)._asdict(),
            answers=samples.answers[recording],
            answers_valid=samples.answers_valid[recording],
            user_index=self.user_index[recording],
            future_directions=samples.viewport_center[future],
            future_valid=samples.head_valid[future] & inside,
            recording_index=recording,
            anchor_step=anchor_step,
        )

    def by_moment(self) -> Tensor:
        """Windows in the order of their videos and anchors, viewers of one moment together.

        Returns:
            Indices of windows, shape ``(windows,)``.
        """
        samples = self.samples
        recording = torch.searchsorted(samples.first_row, self.anchors, right=True) - 1
        step = self.anchors - samples.first_row[recording] + samples.first_step[recording]
        number = {video: place for place, video in enumerate(dict.fromkeys(samples.video_ids))}
        video = torch.tensor([number[video] for video in samples.video_ids])[recording]
        return torch.argsort(video * (int(step.max()) + 1) + step, stable=True)


def cut_windows(
    samples: Samples,
    recordings: Sequence[int],
    content: VideoContent,
    users: KnownViewers | None,
    *,
    first_anchor_step: int,
    stride_steps: int,
    skip_short: bool = False,
    known_future: bool = True,
) -> WindowDataset:
    """All windows of some recordings, for training, evaluation and prediction alike.

    Args:
        samples: All samples.
        recordings: Indices of the recordings to cut from.
        content: What is known of the videos; its spec is that of the windows.
        users: Users whom the model knows; None for one that knows nobody.
        first_anchor_step: As `anchor_rows` takes it, and the three below.
        stride_steps: Steps between anchors.
        skip_short: Leave out recordings that are too short.
        known_future: Whether the horizon must be known.

    Raises:
        InputError: A recording is too short, or the model needs answers that there are not.
    """
    anchors = anchor_rows(
        samples,
        recordings,
        content.spec,
        first_anchor_step=first_anchor_step,
        stride_steps=stride_steps,
        skip_short=skip_short,
        known_future=known_future,
    )
    rows = [0 if users is None else users.row_of(user) for user in samples.user_ids]
    return WindowDataset(samples, anchors, content.spec, torch.tensor(rows), content)
