"""Optimizers and learning rate schedules by name: closed tables for configurations."""

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import torch
from pydantic import Field
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from vpnet.settings import NonNegative, NonNegativeInt, checked

Groups = list[dict[str, Any]]
"""Groups of parameters, from `vpnet.training.stages.parameter_groups`."""


@checked
def adam(groups: Groups, *, lr: NonNegative = 1e-3, weight_decay: NonNegative = 0.0) -> Optimizer:
    """Adam (Kingma and Ba, ICLR 2015), with PyTorch's other defaults.

    Args:
        groups: The parameters.
        lr: Learning rate.
        weight_decay: Weight of the L2 penalty in the gradient.
    """
    return torch.optim.Adam(groups, lr=lr, weight_decay=weight_decay)


@checked
def adamw(groups: Groups, *, lr: NonNegative = 1e-3, weight_decay: NonNegative = 0.01) -> Optimizer:
    """AdamW (Loshchilov and Hutter, ICLR 2019), with PyTorch's other defaults.

    Args:
        groups: The parameters.
        lr: Learning rate.
        weight_decay: Decay of the weights per step, relative to the learning rate.
    """
    return torch.optim.AdamW(groups, lr=lr, weight_decay=weight_decay)


@checked
def sgd(
    groups: Groups,
    *,
    lr: NonNegative = 1e-2,
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9,
    weight_decay: NonNegative = 0.0,
) -> Optimizer:
    """Stochastic gradient descent with momentum.

    Args:
        groups: The parameters.
        lr: Learning rate.
        momentum: Share of the last step that the next one keeps.
        weight_decay: Weight of the L2 penalty in the gradient.
    """
    return torch.optim.SGD(groups, lr=lr, momentum=momentum, weight_decay=weight_decay)


@checked
def cosine(optimizer: Optimizer, epochs: NonNegativeInt) -> LambdaLR:
    """Half a cosine from the full rate to zero.

    A function of the epoch alone: a training that resumes with more epochs follows the longer curve
    from its current epoch (`catch_up`). `CosineAnnealingLR` with its stored state does not.

    Args:
        optimizer: Its rate is the full one.
        epochs: Epochs until zero.
    """
    return LambdaLR(optimizer, lambda epoch: _half_cosine(epoch, epochs))


@checked
def warm_cosine(
    optimizer: Optimizer, batches: int, warm_up_batches: NonNegativeInt = 50
) -> LambdaLR:
    """Half a cosine from the full rate to zero, batch by batch, times a linear rise at first.

    For training of few epochs, within which the rate must fall.

    Args:
        optimizer: Its rate is the full one.
        batches: Batches of the whole training.
        warm_up_batches: Batches of the rise; at most a tenth of all.
    """
    rise = max(1, min(warm_up_batches, batches // 10))
    return LambdaLR(
        optimizer, lambda batch: min((batch + 1) / rise, 1.0) * _half_cosine(batch, batches)
    )


@checked
def plateau(
    optimizer: Optimizer,
    *,
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1,
    patience: NonNegativeInt = 5,
    min_lr: NonNegative = 1e-7,
) -> LRScheduler:
    """The rate falls where the validation error no longer does.

    Args:
        optimizer: Its rate is the first one.
        factor: What the rate is multiplied with.
        patience: Epochs without a better validation error until it is.
        min_lr: Least learning rate.
    """
    return ReduceLROnPlateau(optimizer, factor=factor, patience=patience, min_lr=min_lr)


def catch_up(scheduler: LRScheduler) -> None:
    """Set the rate that a curve of progress alone has at its current step.

    A checkpoint keeps the rate of the curve that was followed when it was written, which is zero at
    its end. Without this a longer curve would set its own rate only after the next step.
    """
    if isinstance(scheduler, LambdaLR):
        curves = zip(scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
        for group, (full, curve) in zip(scheduler.optimizer.param_groups, curves, strict=True):
            group["lr"] = full * curve(scheduler.last_epoch)


def _half_cosine(done: int, whole: int) -> float:
    """From 1 at the beginning to 0 at the end."""
    return (1 + math.cos(math.pi * min(done / max(whole, 1), 1))) / 2


OPTIMIZERS: Mapping[str, Callable[..., Optimizer]] = {"adam": adam, "adamw": adamw, "sgd": sgd}

SCHEDULERS: Mapping[str, Callable[..., LRScheduler]] = {
    "cosine": cosine,
    "warm_cosine": warm_cosine,
    "plateau": plateau,
}
