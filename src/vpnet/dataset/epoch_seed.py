"""Seeds of an epoch: what it draws depends on its number, not on what was drawn before it.

A training that was interrupted and resumed therefore draws what it would have drawn anyway.
"""

import numpy as np

ORDER, NOISE = 0, 1
"""What a seed is for: the order of the windows, or everything else that is drawn."""


def epoch_seed(seed: int, epoch: int, purpose: int = NOISE, process: int = 0) -> int:
    """A seed for one epoch, unlike those of other epochs and of other seeds.

    Args:
        seed: The seed of the run.
        epoch: The epoch, from 0.
        purpose: `ORDER` or `NOISE`; the two are independent.
        process: Which of several processes draws. They must agree on the order, and each has its
            own noise.

    Returns:
        A whole number below 2^32, as numpy takes it.
    """
    return int(np.random.SeedSequence((seed, epoch, purpose, process)).generate_state(1)[0])
