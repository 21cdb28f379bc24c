import base64
import dataclasses
import zlib
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.quality.trace import (
    MISSING,
    POINTS,
    RecordingTrace,
    encode_trace,
    eye_openness,
    trace_recording,
)
from vpnet.recordings.recording import Recording


def test_a_trace_is_short_and_complete(make_recording):
    recording = make_recording("B", "ride", 1500)
    trace = trace_recording(recording)
    assert len(trace.times_s) == POINTS
    assert set(trace.series) == {
        "head_yaw_deg",
        "head_elevation_deg",
        "interval_ms",
        "gaze_yaw_deg",
        "gaze_elevation_deg",
        "offset_horizontal_deg",
        "offset_vertical_deg",
        "offset_magnitude_deg",
        "eye_openness",
        "face_activity",
    }
    for values in trace.series.values():
        assert values.shape == trace.times_s.shape
    torch.testing.assert_close(trace.times_s, recording.timestamps_s[::3])
    expected_deg = (36 * trace.times_s + 180) % 360 - 180
    turned_deg = (trace.series["head_yaw_deg"] - expected_deg).abs() % 360
    assert torch.minimum(turned_deg, 360 - turned_deg).max() < 1e-3


def test_lost_gaze_leaves_a_gap(make_recording):
    trace = trace_recording(make_recording("B", "ride"))
    lost = (trace.times_s >= 5) & (trace.times_s <= 8)
    for name in ("gaze_yaw_deg", "offset_horizontal_deg"):
        assert torch.equal(trace.series[name].isnan(), lost)
    assert trace.series["head_yaw_deg"].isfinite().all()


def test_streams_that_are_absent_are_left_out(make_recording):
    head = make_recording("B", "ride")
    trace = trace_recording(
        Recording("B", "ride", "study", head.timestamps_s, head.viewport_center, head.head_valid)
    )
    assert set(trace.series) == {"head_yaw_deg", "head_elevation_deg", "interval_ms"}


@settings(max_examples=30, deadline=None)
@given(samples=st.integers(2, 2000), late=st.integers(1, 1999), data=st.data())
def test_no_extreme_is_lost(make_recording, samples, late, data):
    late = min(late, samples - 1)
    recording = make_recording("B", "ride", samples)
    timestamps_s = recording.timestamps_s.clone()
    timestamps_s[late:] += 3.0
    far = data.draw(st.sampled_from(torch.nonzero(recording.gaze_valid).flatten().tolist()))
    offset_deg = recording.gaze_offset_deg.clone()
    offset_deg[far, 2] = 44.0
    face = recording.face.clone()
    face[:, :2] = 0.0
    face[far, :2] = 0.7
    trace = trace_recording(
        dataclasses.replace(
            recording, timestamps_s=timestamps_s, gaze_offset_deg=offset_deg, face=face
        )
    )
    assert len(trace.times_s) <= POINTS
    assert trace.series["interval_ms"].nan_to_num(0).max() == pytest.approx(3000 + 1000 / 72)
    assert trace.series["offset_magnitude_deg"].nan_to_num(0).max() == pytest.approx(44)
    assert trace.series["eye_openness"].min() == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("closed", "looking_down", "openness"),
    [((0.0, 0.0), (0.0, 0.0), 1.0), ((0.4, 0.2), (0.3, 0.1), 0.6), ((1.0, 1.0), (0.5, 0.5), 0.0)],
    ids=["open", "half", "closed"],
)
def test_openness_of_known_weights(closed, looking_down, openness):
    names = ("Eyes_Closed_L", "Eyes_Closed_R", "Eyes_Look_Down_L", "Eyes_Look_Down_R")
    face = torch.tensor([[*closed, *looking_down]], dtype=torch.float64)
    found = eye_openness(face, names)
    assert found is not None
    assert found.item() == pytest.approx(openness)
    assert eye_openness(face[:, :3], names[:3]) is None


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
