"""Optimizers and learning rate schedules by name: closed tables for configurations."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import torch
from pydantic import Field
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from vpnet.settings import NonNegative, NonNegativeInt, checked
from vpnet.training.schedule import cosine, warm_cosine

Groups = list[dict[str, Any]]
"""Groups of parameters, see `vpnet.training.stages.parameter_groups`."""


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


OPTIMIZERS: Mapping[str, Callable[..., Optimizer]] = {"adam": adam, "adamw": adamw, "sgd": sgd}

SCHEDULERS: Mapping[str, Callable[..., LRScheduler]] = {
    "cosine": cosine,
    "warm_cosine": warm_cosine,
    "plateau": plateau,
}
