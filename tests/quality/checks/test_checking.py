import dataclasses

import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.quality.checking import check_recording, check_tables
from vpnet.recordings.recording import Recording
from vpnet.simulation.simulated_study import simulate_recordings


def test_a_clean_recording_is_silent(recording, found):
    assert found(recording) == {}


def test_clean_simulated_recordings_are_silent():
    for one in simulate_recordings(users=3, videos=2, duration_s=32.0, seed=5):
        assert check_recording(one)[0] == []


def test_measurements_of_a_known_recording(recording):
    measured = check_recording(recording)[1]
    expected = {
        "rows": 4608,
        "first_s": 0,
        "last_s": 64,
        "duration_s": 64,
        "row_rate_hz": 72,
        "gaze_rate_hz": 36,
        "face_rate_hz": 12,
        "gaze_held_ratio": 2,
        "blinks_per_min": 15,
        "gaze_valid_share": 1 - 0.15 / 4,
        "face_valid_share": 1,
        "longest_gap_s": 1 / 72,
    }
    assert {name: measured[name] for name in expected} == pytest.approx(expected, rel=0.05)


def test_head_alone_has_no_measurements_of_gaze_or_face(recording):
    alone = Recording(
        recording.user_id,
        recording.video_id,
        recording.source,
        recording.timestamps_s,
        recording.viewport_center,
        recording.head_valid,
    )
    findings, measurements = check_recording(alone)
    assert findings == []
    assert not [name for name in measurements if "gaze" in name or "face" in name]


def test_equal_movements_have_one_fingerprint(recording):
    later = dataclasses.replace(recording, user_id="P2", timestamps_s=recording.timestamps_s + 0.1)
    prints = [check_recording(one)[1]["fingerprint"] for one in (recording, later)]
    assert prints[0] == prints[1]
    assert prints[0] == int(prints[0]) < 2**48


@settings(max_examples=20, deadline=None)
@given(
    samples=st.integers(2, 60),
    valid_share=st.floats(0, 1),
    rate_hz=st.sampled_from([0.5, 5.0, 72.0]),
    seed=st.integers(0, 99),
)
def test_no_recording_is_too_odd(samples, valid_share, rate_hz, seed):
    """Whatever was lost, checks end with findings and finite numbers, never with an error."""
    draw = torch.Generator().manual_seed(seed)
    steps_s = 0.01 + torch.rand(samples, generator=draw, dtype=torch.float64) * 2 / rate_hz
    center = torch.nn.functional.normalize(
        torch.randn(samples, 3, generator=draw, dtype=torch.float64), dim=-1
    )
    valid = [torch.rand(samples, generator=draw) < valid_share for _ in range(3)]
    odd = Recording(
        "P1",
        "v",
        "P1/v",
        steps_s.cumsum(0),
        center,
        valid[0],
        gaze_direction=center,
        gaze_valid=valid[1],
        gaze_offset_deg=torch.zeros(samples, 3, dtype=torch.float64),
        is_fixating=valid[1],
        fixation_duration_s=torch.zeros(samples, dtype=torch.float64),
        face=torch.zeros(samples, 2, dtype=torch.float64),
        face_names=("Jaw_Drop", "FaceActivity"),
        face_valid=valid[2],
    )
    _, measurements = check_recording(odd)
    assert torch.tensor(list(measurements.values())).isfinite().all()


def test_clean_tables_are_silent(recording, tables, rows):
    findings, measurements = check_tables(tables, recording, rows)
    assert findings == []
    expected = {
        "row_rate_hz": 72,
        "playback_speed": 1,
        "rows_before_playback": 10,
        "blinks_per_min": 15,
    }
    assert {name: measurements[name] for name in expected} == pytest.approx(expected, rel=1e-3)
    assert set(measurements) - set(expected) == {
        "recorded_offset_median_deg",
        "recorded_fixating_share",
    }


def test_layout_v1_has_no_blinks_and_frames(recording, tables, rows):
    v1 = dataclasses.replace(
        tables,
        head=tables.head.drop("VideoFrame"),
        eye=tables.eye.drop("BlinkL", "BlinkR"),
    )
    assert check_tables(v1, recording, rows)[0] == []


def test_head_alone_can_be_checked(tables):
    alone = dataclasses.replace(tables, eye=None, face=None, combined=None)
    findings, measurements = check_tables(alone, None)
    assert findings == []
    assert measurements["row_rate_hz"] == pytest.approx(72)


def test_dates_as_timestamps_are_no_obstacle(recording, tables, rows):
    dates = {
        name: getattr(tables, name).with_columns(pl.col("Timestamp").cast(pl.String))
        for name in ("head", "eye", "face", "combined")
    }
    findings, measurements = check_tables(dataclasses.replace(tables, **dates), recording, rows)
    assert findings == []
    assert "playback_speed" not in measurements
    assert "recorded_fixating_share" in measurements


def test_samples_are_found_by_row_whatever_the_clock(recording, tables, rows):
    """PlaybackTime that is 0 throughout tells no rows apart."""
    clock = {
        name: getattr(tables, name).with_columns(pl.lit(0.0).alias("PlaybackTime"))
        for name in ("head", "eye", "face", "combined")
    }
    _, expected = check_tables(tables, recording, rows)
    findings, measurements = check_tables(dataclasses.replace(tables, **clock), recording, rows)
    assert findings == []
    share = measurements["recorded_fixating_share"]
    assert share == expected["recorded_fixating_share"] > 0.5


@pytest.mark.parametrize("name", ["eye", "face", "combined"])
def test_a_foreign_table_is_left_to_the_reader(recording, tables, rows, name):
    foreign = getattr(tables, name).with_columns(pl.col("Timestamp") + 1e4)
    assert check_tables(dataclasses.replace(tables, **{name: foreign}), recording, rows)[0] == []
