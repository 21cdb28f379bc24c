"""The learning rate over the epochs, or over the batches."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from vpnet.settings import NonNegativeInt, checked


@checked
def cosine(optimizer: Optimizer, epochs: NonNegativeInt) -> LambdaLR:
    """Half a cosine from the full rate to zero.

    A function of the epoch alone: training that is resumed with more epochs follows the longer
    curve from where it stands (`catch_up`), which `CosineAnnealingLR` with its stored state does
    not.

    Args:
        optimizer: Its rate is the full one.
        epochs: Epochs until zero.
    """
    return LambdaLR(
        optimizer, lambda epoch: (1 + math.cos(math.pi * min(epoch / max(epochs, 1), 1))) / 2
    )


@checked
def warm_cosine(
    optimizer: Optimizer, batches: int, warm_up_batches: NonNegativeInt = 50
) -> LambdaLR:
    """Half a cosine from the full rate to zero, batch by batch, times a straight rise at first.

    For training of few epochs, within which the rate must fall.

    Args:
        optimizer: Its rate is the full one.
        batches: Batches of the whole training.
        warm_up_batches: Batches of the rise; at most a tenth of all.
    """
    rise = max(1, min(warm_up_batches, batches // 10))
    return LambdaLR(
        optimizer,
        lambda batch: (
            min((batch + 1) / rise, 1.0)
            * (1 + math.cos(math.pi * min(batch / max(batches, 1), 1)))
            / 2
        ),
    )


def catch_up(scheduler: LRScheduler) -> None:
    """Set the rate that the curve has where it stands, if it is a function of progress alone.

    A checkpoint keeps the rate of the curve that was followed when it was written, which is zero at
    its end; of a longer one the scheduler would only know after its next step.
    """
    if isinstance(scheduler, LambdaLR):
        curves = zip(scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
        for group, (full, curve) in zip(scheduler.optimizer.param_groups, curves, strict=True):
            group["lr"] = full * curve(scheduler.last_epoch)
