"""A large network starts with the LSTM of a small one, which trains ten times as fast."""

from collections.abc import Sequence

import torch

from vpnet.errors import InputError
from vpnet.models.forecaster import Forecaster
from vpnet.training.checkpoint import Checkpoint

PART = "recurrent."
FIRST = "encoder.weight_ih_l0"
"""What reads the inputs; those that the small network did not have are ignored at the start."""


def start_from_lstm(
    model: Forecaster, checkpoint: Checkpoint, test_keys: Sequence[tuple[str, str]]
) -> None:
    """Give a network's encoder-decoder the weights of a trained one.

    A network that reads more than the head at each step starts blind to the rest.

    Args:
        model: A network with a recurrent part.
        checkpoint: Of ``model=lstm``.
        test_keys: User and video of the recordings that the network will be tested on.

    Raises:
        InputError: The network has no such part, the checkpoint's does not fit it, or it was
            trained on recordings of the test part.
    """
    part = model.recurrent_part()
    if part is None:
        raise InputError(
            f"lstm_checkpoint: {model.name} has no LSTM that reads the head as it is; leave it out"
        )
    seen = len(checkpoint.trained_on.intersection(test_keys))
    if seen:
        raise InputError(
            f"lstm_checkpoint={checkpoint.path}: was trained or validated on {seen} of the "
            f"{len(test_keys)} test recordings; train it on this split"
        )
    if checkpoint.spec.sampling_rate_hz != model.spec.sampling_rate_hz:
        raise InputError(
            f"lstm_checkpoint={checkpoint.path}: was trained at {checkpoint.spec.sampling_rate_hz} "
            f"Hz, the task has {model.spec.sampling_rate_hz} Hz; use one task for both"
        )
    weights = {
        name.removeprefix(PART): value
        for name, value in checkpoint.weights.items()
        if name.startswith(PART)
    }
    own = part.module.state_dict()
    if FIRST in weights and weights[FIRST].shape[1] == part.head_features:
        more = own[FIRST].shape[1] - part.head_features
        weights[FIRST] = torch.nn.functional.pad(weights[FIRST], (0, more))
    if {name: value.shape for name, value in weights.items()} != {
        name: value.shape for name, value in own.items()
    }:
        raise InputError(
            f"lstm_checkpoint={checkpoint.path}: does not fit the LSTM of {model.name}; it must be "
            "of model=lstm with the same model.velocity and as many layers and units (star_vp and "
            "muse_vp: hidden=256 layers=2)"
        )
    part.module.load_state_dict(weights)
