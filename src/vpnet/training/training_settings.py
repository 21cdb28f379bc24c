"""How a network is trained: batches, epochs, loss, optimizer and schedule."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from vpnet.settings import NonNegativeInt, Positive, check_settings, checked, choose
from vpnet.training.optimizers import OPTIMIZERS, SCHEDULERS

BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]


@checked
@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained.

    Args:
        batch_size: Windows per batch.
        group_size: Windows of one video and nearly the same time that stay together in a batch:
            they share saliency maps, which are encoded once. The batch size should be a multiple
            of it. 1 shuffles all windows; null takes the largest power of two up to 32 that
            divides half a batch where viewers share maps (saliency=file, paver, and behavioural
            with folds), and 1 elsewhere.
        max_epochs: Most epochs; -1 sets no limit.
        patience: Epochs without a better validation error until training stops; null never stops
            early.
        gradient_clip: Largest norm of the gradient; null does not clip.
        loss: Distance between prediction and truth: the great circle, or the mean squared error of
            the vectors (STAR-VP as published, with model.reconstruct_past=true).
        mirror: Exchange left and right for half of the recordings in each batch.
        optimizer: The optimizer by name, with its settings; null where nothing is optimized.
        scheduler: The learning rate schedule by name, with its settings; null for a constant rate.

    Raises:
        InputError: A setting breaks its rule, or optimizer or scheduler are none of vpnet's.
    """

    batch_size: BatchSize = 256
    group_size: BatchSize | None = None
    max_epochs: Annotated[int, Field(ge=-1, le=1_000_000)] = 10
    patience: NonNegativeInt | None = 4
    gradient_clip: Positive | None = 1.0
    loss: Literal["great_circle", "mse"] = "great_circle"
    mirror: bool = False
    optimizer: Mapping[str, Any] | None = None
    scheduler: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        _made(OPTIMIZERS, self.optimizer, "training.optimizer", "groups")
        _made(SCHEDULERS, self.scheduler, "training.scheduler", "optimizer", "batches")

    @property
    def make_optimizer(self) -> Callable[..., Optimizer] | None:
        """Takes groups of parameters, gives an optimizer; None where nothing is optimized."""
        return _made(OPTIMIZERS, self.optimizer, "training.optimizer", "groups")

    @property
    def make_scheduler(self) -> Callable[..., LRScheduler] | None:
        """Takes an optimizer, gives a scheduler; None for a constant rate."""
        return _made(SCHEDULERS, self.scheduler, "training.scheduler", "optimizer", "batches")


def _made(
    table: Mapping[str, Callable[..., Any]],
    values: Mapping[str, Any] | None,
    key: str,
    *given: str,
) -> Callable[..., Any] | None:
    if values is None:
        return None
    chosen, settings = choose(table, values, key)
    return partial(chosen, **check_settings(chosen, settings, key, given))
