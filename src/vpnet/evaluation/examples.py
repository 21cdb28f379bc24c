"""Windows that are fair to show: of middling error, among those in which the head moved."""

from collections.abc import Sequence

import torch

from vpnet.evaluation.errors import error_deg
from vpnet.evaluation.evaluated_windows import EvaluatedWindows


def typical_windows(
    evaluated: EvaluatedWindows,
    recording_videos: Sequence[str],
    count: int = 4,
    moved_deg: float = 30.0,
) -> list[int]:
    """Windows of one video, each of another viewer, of median error among moving ones.

    Pictures of the best windows flatter, pictures of still heads show nothing.

    Args:
        evaluated: Predictions and truth.
        recording_videos: Video of each recording.
        count: Windows at most.
        moved_deg: How far the head must be from where the future began by the end of the horizon.

    Returns:
        Positions in ``evaluated``, in the order of the recordings; where no head moves so far,
        still ones are taken.
    """
    complete = evaluated.valid.all(dim=1)
    travelled = error_deg(evaluated.future[:, 0], evaluated.future[:, -1]) >= moved_deg
    eligible = complete & travelled
    if not eligible.any():
        eligible = complete if complete.any() else torch.ones_like(complete)
    errors_deg = error_deg(evaluated.predicted, evaluated.future).mean(dim=1)
    by_video: dict[str, list[int]] = {}
    for recording in evaluated.recording_index[eligible].unique().tolist():
        by_video.setdefault(str(recording_videos[recording]), []).append(recording)
    recordings = max(by_video.values(), key=len)[:count]
    chosen = []
    for recording in recordings:
        rows = torch.nonzero(eligible & (evaluated.recording_index == recording)).squeeze(1)
        order = torch.argsort(errors_deg[rows], stable=True)
        chosen.append(int(rows[order[len(rows) // 2]]))
    return chosen
