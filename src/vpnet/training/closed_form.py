"""Fitting without gradients: models that are solved from one pass over the training windows."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import torch

from vpnet.dataset.window import ViewportWindow


@runtime_checkable
class ClosedForm(Protocol):
    """A model that is fitted by accumulating batches and solving once."""

    def accumulate(self, window: ViewportWindow) -> None:
        """Take in a batch."""
        ...

    def solve(self) -> None:
        """Turn what was taken in into weights."""
        ...


@torch.no_grad()
def fit_closed_form(model: ClosedForm, windows: Iterable[ViewportWindow]) -> None:
    """Fit a model from one pass over the training windows."""
    for window in windows:
        model.accumulate(window)
    model.solve()
