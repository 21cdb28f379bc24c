"""What windows need of saliency maps, whatever they come from."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from torch import Tensor


class TrainingDirections(NamedTuple):
    """Head directions of the viewers in the training part, resampled to one rate."""

    user_ids: tuple[str, ...]
    """Of each recording."""
    video_ids: tuple[str, ...]
    """Of each recording."""
    recording: Tensor
    """Of each sample, a place in the two above, ``(samples,)``."""
    step: Tensor
    """Of each sample: its playback time times the rate, ``(samples,)``."""
    directions: Tensor
    """Viewport centers that were measured, ``(samples, 3)``."""
    sampling_rate_hz: float
    """Steps per second of playback."""


class SaliencySource(Protocol):
    """Gives the saliency map of what a viewer sees at a moment of a video."""

    maps_by_moment: bool
    """Whether all viewers of a moment of a video share a map that other moments do not have: then
    windows of a moment are best loaded together."""

    def fit(self, training: TrainingDirections) -> None:
        """Learn from the training part only."""
        ...

    def bind(self, user_ids: Sequence[str], video_ids: Sequence[str]) -> None:
        """Name the viewer and the video of each recording, before the first `look_up`."""
        ...

    def look_up(self, recording_index: Tensor, time_s: Tensor) -> tuple[Tensor, Tensor]:
        """Maps for a batch of recordings and playback times, each of shape ``(batch,)``.

        Returns:
            The distinct maps, float32, ``(maps, height, width)``, each with sum 1 under solid-angle
            weights, and the row of each window's map or -1 where there is none, ``(batch,)``.
        """
        ...

    def state(self) -> dict[str, Tensor]:
        """What was learned, to travel with a checkpoint."""
        ...

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Restore what the method `state` returned."""
        ...
