"""The one question that windows ask of saliency, whatever it comes from."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class SaliencySource(Protocol):
    """Gives the saliency map that a viewer has before the eyes at a moment of a video."""

    def fit(self, viewport_centers: Tensor) -> None:
        """Learn from the directions of the training part only, shape ``(samples, 3)``."""
        ...

    def bind(self, video_ids: Sequence[str]) -> None:
        """Say which video each recording shows, before the first `look_up`."""
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
        """Restore what `state` gave."""
        ...
