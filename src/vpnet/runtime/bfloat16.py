"""Whether a processor computes in bfloat16."""

from functools import cache

import torch


@cache
def cpu_has_bfloat16() -> bool:
    """Whether the CPU's recurrent networks run in bfloat16, found out with a tiny one.

    Without its instructions an LSTM raises an error from inside the library, and what else there is
    takes longer than in float32, several times so (docs/LOG.md).
    """
    network = torch.nn.LSTM(1, 1)
    try:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            network(torch.zeros(1, 1, 1))
    except RuntimeError:
        return False
    return True
