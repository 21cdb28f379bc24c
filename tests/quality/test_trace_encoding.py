import base64
import zlib
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.quality.trace import RecordingTrace, trace_recording
from vpnet.quality.trace_encoding import MISSING, encode_trace


def decode_trace(encoded: dict[str, Any]) -> dict[str, np.ndarray]:
    """The series of an encoded trace by name, NaN where nothing was measured."""
    numbers = np.frombuffer(zlib.decompress(base64.b64decode(encoded["deflated"])), "<i2")
    differences = numbers.reshape(len(encoded["names"]), encoded["points"])
    rows = differences.cumsum(axis=1, dtype=np.int16)
    return {
        name: np.where(row == MISSING, np.nan, row * step)
        for name, step, row in zip(encoded["names"], encoded["steps"], rows, strict=True)
    }


ANGLES_DEG = st.lists(st.floats(-180, 180) | st.just(float("nan")), min_size=1, max_size=50)


@settings(max_examples=100, deadline=None)
@given(ANGLES_DEG)
def test_series_survive_within_half_a_step(angles_deg):
    times_s = torch.arange(len(angles_deg), dtype=torch.float64) / 5
    values = torch.tensor(angles_deg, dtype=torch.float32)
    decoded = decode_trace(encode_trace(RecordingTrace(times_s, {"head_yaw_deg": values})))
    np.testing.assert_allclose(decoded["time_s"], times_s, atol=0.001)
    np.testing.assert_allclose(decoded["head_yaw_deg"], values, atol=0.026)


@pytest.mark.parametrize("largest_ms", [5.0, 3_000.0, 600_000.0])
def test_large_values_get_larger_steps(largest_ms):
    times_s = torch.arange(2, dtype=torch.float64)
    values = torch.tensor([float("nan"), largest_ms])
    decoded = decode_trace(encode_trace(RecordingTrace(times_s, {"interval_ms": values})))
    assert np.isnan(decoded["interval_ms"][0])
    assert decoded["interval_ms"][1] == pytest.approx(largest_ms, rel=1e-4)


def test_a_series_without_values_stays_empty():
    series = {"gaze_yaw_deg": torch.full((3,), float("nan"))}
    decoded = decode_trace(encode_trace(RecordingTrace(torch.arange(3.0), series)))
    assert np.isnan(decoded["gaze_yaw_deg"]).all()


def test_a_recording_takes_few_bytes(make_recording):
    trace = trace_recording(make_recording("B", "ride", 12_387))
    assert len(encode_trace(trace)["deflated"]) < 15_000
