"""The learning rate over the epochs."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def cosine(optimizer: Optimizer, epochs: int) -> LambdaLR:
    """Half a cosine from the full rate to zero.

    A function of the epoch alone: training that is resumed with more epochs follows the longer
    curve from where it stands, which `CosineAnnealingLR` with its stored state does not.

    Args:
        optimizer: Its rate is the full one.
        epochs: Epochs until zero.
    """
    return LambdaLR(
        optimizer, lambda epoch: (1 + math.cos(math.pi * min(epoch / max(epochs, 1), 1))) / 2
    )
