"""From recordings to batches: resample, assign to parts, cut windows, load."""

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.distributed import DistributedSamplerWrapper
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from vpnet.dataset.batch_order import RunSampler
from vpnet.dataset.data_warnings import (
    warn_of_missing_companions,
    warn_of_other_protocol,
    warn_of_upsampling,
)
from vpnet.dataset.samples import gather_samples, training_directions
from vpnet.dataset.splits import RecordingKey, Split, SplitFile
from vpnet.dataset.task import Task
from vpnet.dataset.window import SaliencyView, ViewportWindow, Weighting, WindowSpec
from vpnet.dataset.windows import VideoContent, WindowDataset, cut_windows
from vpnet.errors import InputError
from vpnet.recordings.recording import Recording
from vpnet.recordings.resampling import resample
from vpnet.saliency.crowd import Crowd
from vpnet.saliency.source import SaliencySource
from vpnet.viewer_ids import KnownViewers

logger = logging.getLogger(__name__)

LARGEST_GROUP = 32
"""Windows that stay together where ``group_size`` is None."""


class ViewportDataModule(pl.LightningDataModule):
    """Windows of recordings, assigned to training, validation and test by a split.

    Everything is cut on construction; the samples stay in memory once, whatever the number of
    windows.

    Args:
        recordings: All recordings, on their own clocks; iterated once, never all in memory.
        split: Assigns whole recordings to parts.
        task: Clock, history, horizons, anchors.
        saliency: Where anyone might look, or None.
        crowd: Where the training viewers of the same video looked, or None.
        saliency_view: How the windows see saliency, as in `WindowSpec`, like the three below.
        saliency_weighting: How salient points are chosen.
        saliency_lookahead_s: How far ahead of the anchor saliency and crowd may be known.
        map_every_s: Seconds between the maps ahead of the anchor in the view ``ahead``.
        face_features: Features of the face, as `vpnet.recordings.face.face_features` takes them.
        known_users: Users of a model trained before, in the order of its embedding; None takes
            those of the training part, in the order of their ids.
        saliency_state: What a saliency source learned before, from a checkpoint; None learns from
            the training part.
        crowd_state: The same of the crowd.
        batch_size: Windows a training batch.
        eval_batch_size: Windows a batch in validation and test.
        num_workers: Loading processes; cutting windows is cheaper than sending them, so 0 is best
            unless saliency maps come from a slow disk.
        run_length: Consecutive windows of a recording that stay together in a training batch.
        group_size: Windows of one video and nearly one moment that stay together in a training
            batch, where possible, as they read the same maps; a multiple of ``run_length``. None
            takes at most 32 where they do, as far as it divides half a batch, else 1.
        skip_short: Leave out recordings too short for one window instead of refusing them.
        for_training: Whether the split must have recordings to train and to validate on.
        seed: Decides the order of the training windows, in each epoch another.

    Raises:
        InputError: The recordings, the split or the task do not fit together.
    """

    def __init__(
        self,
        recordings: Iterable[Recording],
        split: Split,
        task: Task,
        *,
        saliency: SaliencySource | None = None,
        crowd: Crowd | None = None,
        saliency_view: SaliencyView = "ahead",
        saliency_weighting: Weighting = "none",
        saliency_lookahead_s: float | None = None,
        map_every_s: float = 1.0,
        face_features: Sequence[str] = (),
        known_users: KnownViewers | None = None,
        saliency_state: dict[str, Tensor] | None = None,
        crowd_state: dict[str, Tensor] | None = None,
        batch_size: int = 128,
        eval_batch_size: int = 512,
        num_workers: int = 0,
        run_length: int = 1,
        group_size: int | None = None,
        skip_short: bool = False,
        for_training: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.seed = seed
        self.first_epoch = 0
        self.task = task
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.num_workers = num_workers
        self.run_length = run_length
        if isinstance(split, SplitFile):
            warn_of_other_protocol(split, task)
        intervals_s: list[float] = []
        self.samples = gather_samples(
            _on_the_clock(recordings, task, intervals_s), task.sampling_rate_hz, face_features
        )
        warn_of_upsampling(intervals_s, task)
        self.partition = split.partition(self.keys(range(self.samples.recordings)))
        if for_training and not self.partition.train:
            raise InputError("this split has nothing to train on; use another, or fit=false")
        if known_users is None:
            trained = {self.samples.user_ids[i] for i in self.partition.train}
            known_users = KnownViewers.of(sorted(trained))
        self.users = known_users
        self.spec = WindowSpec(
            sampling_rate_hz=task.sampling_rate_hz,
            history_steps=task.history_steps,
            horizon_steps=task.horizon_steps,
            users=len(self.users),
            face_features=len(face_features),
            has_gaze=bool(self.samples.gaze_valid.any()),
            has_face=bool(self.samples.face_valid.any()),
            has_saliency=saliency is not None,
            has_crowd=crowd is not None,
            answers=self.samples.answers.shape[1],
            has_answers=bool(self.samples.answers_valid.any()),
            saliency_view=saliency_view,
            saliency_weighting=saliency_weighting,
            saliency_lookahead_s=saliency_lookahead_s,
            map_every_s=map_every_s,
        )
        self.saliency = self._learned(saliency, saliency_state)
        self.crowd = self._learned(crowd, crowd_state)
        for setting, source in (("crowd=true", crowd), ("saliency=behavioural", saliency)):
            if isinstance(source, Crowd):
                evaluated = (*self.partition.val, *self.partition.test)
                warn_of_missing_companions(setting, source, evaluated)
        if group_size is None:
            is_shared = saliency is not None and saliency.maps_by_moment
            group_size = math.gcd(max(1, batch_size // 2), LARGEST_GROUP) if is_shared else 1
        self.group_size = group_size
        if batch_size % group_size:
            logger.warning(
                "training.batch_size=%d is no multiple of training.group_size=%d: groups are torn",
                batch_size,
                group_size,
            )
        self._content = VideoContent(self.spec, saliency, crowd)
        self.train_windows = self._cut(self.partition.train, task.train_stride_s, skip_short)
        self.val_windows = self._cut(self.partition.val, task.anchor_stride_s, skip_short)
        self.test_windows = self._cut(self.partition.test, task.anchor_stride_s, skip_short)

    def _learned(self, source: Any, state: dict[str, Tensor] | None) -> Any:
        """A source, or None, that knows the training part or its earlier state, and the videos."""
        if source is None:
            return None
        if state is None:
            part, rate_hz = self.partition.train, self.task.sampling_rate_hz
            source.fit(training_directions(self.samples, part, rate_hz))
        else:
            source.load_state(state)
        source.bind(self.samples.user_ids, self.samples.video_ids)
        return source

    def _cut(self, part: Sequence[int], stride_s: float, skip_short: bool) -> WindowDataset:
        task = self.task
        windows = cut_windows(
            self.samples,
            part,
            self._content,
            self.users,
            first_anchor_step=round(task.first_anchor_s * task.sampling_rate_hz),
            stride_steps=task.steps(stride_s, "task.anchor_stride_s"),
            skip_short=skip_short,
        )
        if len(windows) == 0 and len(part) > 0:
            raise InputError(
                "a part of the split has no window with a whole history and a known future; "
                "are the recordings too short, or the head invalid throughout?"
            )
        return windows

    def _load(self, windows: WindowDataset, batch_size: int, sampler=None) -> DataLoader:
        return DataLoader(
            windows,
            batch_size=batch_size,
            sampler=sampler,
            collate_fn=_already_a_batch,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
        )

    def train_dataloader(self) -> DataLoader[ViewportWindow]:
        """Training windows, shuffled; in each of several processes its share of whole groups."""
        share: dict[str, int] | None = None
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            processes = torch.distributed.get_world_size()
            share = {"num_replicas": processes, "rank": torch.distributed.get_rank()}
        sampler: Sampler[int] = RunSampler(
            len(self.train_windows),
            self.run_length,
            self.seed,
            1 if share is None else share["num_replicas"],
            order=self.train_windows.by_moment() if self.group_size > self.run_length else None,
            group_size=self.group_size,
        )
        # Workers are given their first windows before Lightning says which epoch it is.
        sampler.set_epoch(self.first_epoch)
        if share is not None:
            # Lightning's own would shuffle once more and tear the groups.
            sampler = DistributedSamplerWrapper(sampler, shuffle=False, **share)
        return self._load(self.train_windows, self.batch_size, sampler)

    def val_dataloader(self) -> DataLoader[ViewportWindow]:
        """Validation windows, in order."""
        return self._load_in_order(self.val_windows)

    def test_dataloader(self) -> DataLoader[ViewportWindow]:
        """Test windows, in order."""
        return self._load_in_order(self.test_windows)

    def _load_in_order(self, windows: WindowDataset) -> DataLoader:
        """By recording; where windows see maps, by moment, so that they share them."""
        order = windows.by_moment().tolist() if self.spec.has_saliency else None
        return self._load(windows, self.eval_batch_size, order)

    def keys(self, part: Sequence[int]) -> list[RecordingKey]:
        """User and video of recordings."""
        samples = self.samples
        return [RecordingKey(samples.user_ids[i], samples.video_ids[i]) for i in part]

    def describe(self) -> str:
        """One line on each part: recordings, users, videos, windows."""
        lines = []
        for name, windows in (
            ("train", self.train_windows),
            ("val", self.val_windows),
            ("test", self.test_windows),
        ):
            part: tuple[int, ...] = getattr(self.partition, name)
            users = {self.samples.user_ids[i] for i in part}
            videos = {self.samples.video_ids[i] for i in part}
            lines.append(
                f"{name:>5}: {len(part):5d} recordings, {len(users):3d} users, "
                f"{len(videos):3d} videos, {len(windows):7d} windows"
            )
        return "\n".join(lines)


def _already_a_batch(window: Any) -> Any:
    return window


def _on_the_clock(
    recordings: Iterable[Recording], task: Task, intervals_s: list[float]
) -> Iterator[Recording]:
    """Recordings on the task's clock; their own usual intervals go into ``intervals_s``."""
    for recording in recordings:
        intervals_s.append(recording.median_interval_s)
        yield resample(recording, task.sampling_rate_hz, **task.gaps_s)
