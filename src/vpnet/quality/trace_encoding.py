"""Traces as short text: how a page of hundreds of recordings stays small.

The series of a trace become rows of 16-bit whole numbers, little-endian, each in steps of its own
size; of each number only the difference to the one before is written (modulo 2^16). The rows are
deflated and written in base64, which a browser takes apart again by itself.
"""

import base64
import zlib
from typing import Any

import numpy as np
from torch import Tensor

from vpnet.quality.trace import RecordingTrace

LARGEST = 32767
MISSING = -32768
"""Stands for NaN."""

STEP = {"deg": 0.05, "ms": 0.1, "s": 0.001}
"""Steps by unit, finer than a plot can show; coarser ones deflate better."""

STEP_WITHOUT_UNIT = 0.001


def encode_trace(trace: RecordingTrace) -> dict[str, Any]:
    """A trace as plain values for JSON.

    Args:
        trace: What to encode.

    Returns:
        ``names`` of the series, of which the first is ``time_s``; ``steps``, the value of 1 in each
        of them; ``points``, their length; ``deflated``, the text.
    """
    series = {"time_s": trace.times_s, **trace.series}
    steps = {name: _step(name, values) for name, values in series.items()}
    rows = [_whole_numbers(values, steps[name]) for name, values in series.items()]
    differences = np.diff(np.stack(rows), axis=1, prepend=np.int16(0)).astype("<i2")
    deflated = zlib.compress(differences.tobytes(), 9)
    return {
        "names": list(series),
        "steps": list(steps.values()),
        "points": len(trace.times_s),
        "deflated": base64.b64encode(deflated).decode("ascii"),
    }


def _step(name: str, values: Tensor) -> float:
    """The usual step of the unit, or a coarser one where the values would not fit."""
    known = values[values.isfinite()].abs()
    largest = float(known.max()) if len(known) else 0.0
    return max(STEP.get(name.rpartition("_")[2], STEP_WITHOUT_UNIT), largest / LARGEST)


def _whole_numbers(values: Tensor, step: float) -> np.ndarray:
    steps = (values.double() / step).round().clamp(-LARGEST, LARGEST)
    return steps.nan_to_num(MISSING).numpy().astype(np.int16)
