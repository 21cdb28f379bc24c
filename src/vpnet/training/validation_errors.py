"""The validation error as sums and counts: however windows are batched, it is the same."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torchmetrics import Metric


class KnownMean(Metric):
    """Mean of the values that are known, over batches and processes.

    torchmetrics has a `MeanMetric`, which leaves out what is not a number: a network that has
    diverged would look good.

    Args:
        kwargs: Passed to `torchmetrics.Metric`.
    """

    full_state_update = False

    total: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, values: Tensor, known: Tensor) -> None:
        """Add values of any shape, and which of them count."""
        self.total += torch.where(known, values, 0).sum()
        self.count += known.sum()

    def compute(self) -> Tensor:
        """The mean; not a number where nothing was known."""
        return self.total / self.count


class ValidationErrors(nn.Module):
    """Mean errors over all known future steps: of all horizons together, and of each.

    Batches and processes add sums and counts; means of their means would weigh a step by how many
    others are known in its batch.

    Args:
        horizons_s: The horizons, seconds.
    """

    def __init__(self, horizons_s: Sequence[float]) -> None:
        super().__init__()
        self.names = ("val/error_deg", *(f"val/error_{each:g}s_deg" for each in horizons_s))
        self.means = nn.ModuleList(KnownMean() for _ in self.names)

    def update(self, error_deg: Tensor, known: Tensor) -> None:
        """Add a batch.

        Args:
            error_deg: Errors in degrees, shape ``(batch, horizon)``; anything where not known.
            known: Which of them count, shape ``(batch, horizon)``.
        """
        columns = zip(error_deg.unbind(1), known.unbind(1), strict=True)
        for mean, values in zip(self.means, ((error_deg, known), *columns), strict=True):
            cast(KnownMean, mean).update(*values)

    def named(self) -> Iterator[tuple[str, KnownMean]]:
        """The names under which they are logged, and the means."""
        for name, mean in zip(self.names, self.means, strict=True):
            yield name, cast(KnownMean, mean)
