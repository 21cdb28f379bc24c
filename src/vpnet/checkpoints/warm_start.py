"""A large network starts with a trained LSTM, which by itself trains much faster."""

from collections.abc import Collection, Mapping

import torch

from vpnet.checkpoints.checkpoint import Checkpoint, read_checkpoint
from vpnet.errors import InputError
from vpnet.models.forecaster import Forecaster
from vpnet.settings import NAME

PART = "recurrent."
FIRST = "encoder.weight_ih_l0"
"""The weights of the inputs; those of inputs that the LSTM did not have start at zero."""


def read_lstm(path: str) -> Checkpoint:
    """A checkpoint that another network may start from.

    Raises:
        InputError: It cannot be read, or is not of a plain ``model=lstm``.
    """
    checkpoint = read_checkpoint(path)
    name = checkpoint.model.get(NAME)
    if name != "lstm" or any(not weight.startswith(PART) for weight in checkpoint.weights):
        raise InputError(
            f"lstm_checkpoint={path}: must be of model=lstm with crowd=false, this is a {name} "
            "with more in it; train one"
        )
    return checkpoint


def start_from_lstm(
    model: Forecaster, checkpoint: Checkpoint, own_keys: Collection[tuple[str, str]]
) -> None:
    """Give a network's encoder-decoder the weights of a trained one.

    Inputs other than the head have no effect at the start.

    Args:
        model: A network with a recurrent part.
        checkpoint: From `read_lstm`.
        own_keys: User and video of the recordings that train and validate the network. The LSTM
            must have seen no others: they may be of the test part, or of its viewers and videos.

    Raises:
        InputError: The network has no such part, the LSTM does not fit it, or was trained on other
            recordings or at another rate.
    """
    part = model.recurrent_part()
    if part is None:
        raise InputError(
            f"lstm_checkpoint: only star_vp, muse_vp with lstm=single and lstm can start so, this "
            f"is {model.name}; leave it out"
        )
    others = checkpoint.trained_beyond(own_keys)
    if others:
        raise InputError(
            f"lstm_checkpoint={checkpoint.path}: was trained or validated on {others} recordings "
            "that are not of this split's training and validation; train it on this split"
        )
    if checkpoint.spec.sampling_rate_hz != model.spec.sampling_rate_hz:
        raise InputError(
            f"lstm_checkpoint={checkpoint.path}: was trained at {checkpoint.spec.sampling_rate_hz} "
            f"Hz, the task has {model.spec.sampling_rate_hz} Hz; use one task for both"
        )
    weights = {name.removeprefix(PART): value for name, value in checkpoint.weights.items()}
    own = part.module.state_dict()
    if weights[FIRST].shape[1] == part.head_features:
        more = own[FIRST].shape[1] - part.head_features
        weights[FIRST] = torch.nn.functional.pad(weights[FIRST], (0, more))
    if {name: value.shape for name, value in weights.items()} != {
        name: value.shape for name, value in own.items()
    }:
        raise InputError(
            f"lstm_checkpoint={checkpoint.path}: does not fit the LSTM of {model.name}; it has "
            f"{_size(weights)}, {model.name} {_size(own)}; give both the same model.velocity (the "
            "head is 3 numbers a step without it, 6 with it), as many layers and units (star_vp "
            "and muse_vp: model.layers=2 model.hidden=256 of the LSTM)"
        )
    part.module.load_state_dict(weights)


def _size(weights: Mapping[str, torch.Tensor]) -> str:
    layers = sum(name.startswith("encoder.weight_hh") for name in weights)
    units = weights["encoder.weight_hh_l0"].shape[1]
    return f"{layers} layers of {units} units that read {weights[FIRST].shape[1]} numbers a step"
