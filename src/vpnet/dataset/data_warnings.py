"""Warnings of data that can be used, but do not show what one might think they show."""

import logging
import statistics
from collections.abc import Container, Sequence

from vpnet.dataset.splits import SplitFile
from vpnet.dataset.task import Task
from vpnet.saliency.crowd import Crowd
from vpnet.saliency.fitted_sources import Behavioural

logger = logging.getLogger(__name__)


def warn_of_missing_companions(
    setting: str, source: Crowd | Behavioural, evaluated: Sequence[int]
) -> None:
    """For how many recordings it is unknown what others did, which ``setting`` needs."""
    alone = sum(not source.has_companions(recording) for recording in evaluated)
    if alone:
        logger.warning(
            "%s: nobody of the training part watched the video of %d of %d recordings that "
            "validate and test; masked there; a split by users has others for each video",
            setting,
            alone,
            len(evaluated),
        )


def warn_of_strangers(known: Container[str], tested: Sequence[str]) -> None:
    """How many users are tested of whom a model with a vector for each user has none."""
    users = set(tested)
    strangers = sum(user not in known for user in users)
    if strangers:
        logger.warning(
            "user_embed=true: %d of %d users who are tested did not train the model, which treats "
            "them as unknown; user_embed=false treats all alike, a split by videos has known users",
            strangers,
            len(users),
        )


def warn_of_upsampling(intervals_s: Sequence[float], task: Task) -> None:
    """Warn where the recordings are slower than the task."""
    rate_hz = 1 / statistics.median(intervals_s)
    if rate_hz < 0.9 * task.sampling_rate_hz:
        logger.warning(
            "the recordings have about %.3g samples a second, task %s needs %g: history steps "
            "are interpolated towards samples up to %.2f s after the anchor, so errors below that "
            "horizon are too small; use a task, or a model trained for one, of at most their rate",
            rate_hz,
            task.name,
            task.sampling_rate_hz,
            1 / rate_hz,
        )


def warn_of_other_protocol(split: SplitFile, task: Task) -> None:
    """Warn where a split was written for another task."""
    used = {
        "sampling_rate_hz": task.sampling_rate_hz,
        "history_s": task.history_s,
        "horizon_s": max(task.horizons_s),
        "first_anchor_s": task.first_anchor_s,
        "anchor_stride_s": task.anchor_stride_s,
    }
    for name, value in split.protocol.items():
        if abs(used[name] - value) > 1e-9:
            logger.warning(
                "%s was written for %s = %g, the task has %g: results are not comparable with "
                "published ones",
                split.path,
                name,
                value,
                used[name],
            )
