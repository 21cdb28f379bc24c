"""Random numbers that depend on names, not on the order in which things are simulated."""

import hashlib

import numpy as np


def random_stream(seed: int, *names: str) -> np.random.Generator:
    """A generator of its own for each combination of seed and names.

    Adding a viewer or a video therefore changes no other viewer or video, and nothing that is
    recorded of them. Answers do change with the videos: each is shown at another place then.

    Args:
        seed: Seed of the simulated study.
        names: What the numbers are for, such as a user id and a video id.

    Returns:
        The same numbers for the same arguments, on every machine.
    """
    key = "\0".join((str(seed), *names)).encode()
    return np.random.default_rng(
        int.from_bytes(hashlib.blake2b(key, digest_size=16).digest(), "big")
    )
