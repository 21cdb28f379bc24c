"""Whether weights belong to a network: the same names, shapes and types."""

from collections.abc import Mapping

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.models.forecaster import Forecaster

_HALF = (torch.bfloat16, torch.float16)


def check_weights(model: Forecaster, weights: Mapping[str, Tensor], name: str) -> None:
    """Refuse weights of another network.

    Args:
        model: The network; it may be on the device ``meta``, where it takes no memory.
        weights: State of a network.
        name: The model that the weights are said to be of.

    Raises:
        InputError: A tensor is missing, superfluous, of another shape, or of a type that the
            network's does not take.
    """
    state = model.state_dict()
    differing = sorted(
        each
        for each in state.keys() | weights.keys()
        if each not in state
        or each not in weights
        or state[each].shape != weights[each].shape
        or not _may_hold(state[each].dtype, weights[each].dtype)
    )
    if differing:
        first = differing[0]
        raise InputError(
            f"holds a {name} and does not fit this {type(model).__name__}: {len(differing)} "
            f"tensors differ, the first is {first}: expected {_make(state.get(first))}, found "
            f"{_make(weights.get(first))}; use the model, task and data streams that it was "
            "trained with"
        )


def _may_hold(expected: torch.dtype, found: torch.dtype) -> bool:
    """Whether weights of one type go into a network of another: from a training in bfloat16."""
    return found == expected or (expected == torch.float32 and found in _HALF)


def _make(tensor: Tensor | None) -> str:
    return "none" if tensor is None else f"{tuple(tensor.shape)} of {tensor.dtype}"
