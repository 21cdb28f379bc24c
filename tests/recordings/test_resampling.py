import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.directions import direction_from_angles, great_circle_distance
from vpnet.geometry.rotations import forward_direction
from vpnet.recordings.recording import Recording
from vpnet.recordings.resampling import resample


def turning(timestamps_s: Tensor, *, rate_deg_s: float = 10.0, streams: bool = False) -> Recording:
    """A head that turns right at constant speed; gaze 5 degrees ahead, face a ramp of time."""
    yaw_rad = torch.deg2rad(rate_deg_s * timestamps_s)
    zero = torch.zeros_like(yaw_rad)
    valid = torch.ones(len(timestamps_s), dtype=torch.bool)
    recording = Recording(
        user_id="u",
        video_id="v",
        source="made.csv",
        timestamps_s=timestamps_s,
        viewport_center=direction_from_angles(yaw_rad, zero),
        head_valid=valid,
    )
    if not streams:
        return recording
    orientation = torch.stack((zero, torch.sin(yaw_rad / 2), zero, torch.cos(yaw_rad / 2)), -1)
    return dataclasses.replace(
        recording,
        head_orientation_xyzw=orientation,
        gaze_direction=direction_from_angles(yaw_rad + math.radians(5), zero),
        gaze_valid=valid,
        gaze_offset_deg=torch.stack((zero + 5, zero, zero + 5), -1),
        is_fixating=valid,
        fixation_duration_s=timestamps_s.clone(),
        face=timestamps_s.unsqueeze(1) / 100,
        face_names=("Jaw_Drop",),
        face_valid=valid,
    )


def clock(rate_hz: float, duration_s: float, first_s: float = 0.0) -> Tensor:
    return first_s + torch.arange(int(duration_s * rate_hz) + 1, dtype=torch.float64) / rate_hz


@settings(max_examples=60, deadline=None)
@given(
    first_s=st.floats(0, 50),
    steps_s=st.lists(st.floats(0.005, 0.8), min_size=4, max_size=40),
    rate_hz=st.sampled_from([5, 7.5, 10, 30]),
)
def test_grid_is_every_multiple_of_the_step_inside_and_no_other(first_s, steps_s, rate_hz):
    timestamps_s = first_s + torch.tensor([0.0, *steps_s], dtype=torch.float64).cumsum(0)
    inside = [
        k / rate_hz
        for k in range(math.ceil(float(timestamps_s[-1]) * rate_hz) + 2)
        if float(timestamps_s[0]) * rate_hz - 1e-6 <= k <= float(timestamps_s[-1]) * rate_hz + 1e-6
    ]
    recording = turning(timestamps_s, streams=True)
    if len(inside) < 2:
        with pytest.raises(InputError, match="at least two steps of the task's clock"):
            resample(recording, rate_hz)
        return
    resampled = resample(recording, rate_hz)
    assert resampled.timestamps_s.tolist() == inside
    apart = great_circle_distance(
        resampled.viewport_center,
        direction_from_angles(
            torch.deg2rad(10 * resampled.timestamps_s), torch.zeros(len(inside)).double()
        ),
    )
    # Slerp follows a steady turn exactly.
    assert (apart[resampled.head_valid] < 1e-6).all()


@pytest.mark.parametrize("streams", [False, True], ids=["head only", "all streams"])
def test_a_recording_on_the_grid_is_unchanged(streams):
    recording = turning(clock(30, 3.0), streams=streams)
    resampled = resample(recording, 30)
    for field in dataclasses.fields(Recording):
        before, after = getattr(recording, field.name), getattr(resampled, field.name)
        if isinstance(before, Tensor):
            torch.testing.assert_close(after, before, rtol=0, atol=1e-12)
        else:
            assert after == before, field.name


@pytest.mark.parametrize("rounding_s", [-1e-7, 4e-16, 1e-7])
def test_a_lone_sample_on_the_grid_is_kept_whatever_its_rounding(rounding_s):
    recording = turning(clock(5, 4.0), streams=True)
    timestamps_s = recording.timestamps_s.clone()
    timestamps_s[10] += rounding_s
    alone = torch.zeros(recording.samples, dtype=torch.bool)
    alone[[0, 10, 20]] = True
    recording = dataclasses.replace(
        recording, timestamps_s=timestamps_s, head_valid=alone, gaze_valid=alone, face_valid=alone
    )
    resampled = resample(recording, 5)
    for mask in (resampled.head_valid, resampled.gaze_valid, resampled.face_valid):
        assert mask is not None
        assert mask.nonzero().squeeze(1).tolist() == [0, 10, 20]
    assert great_circle_distance(
        resampled.viewport_center[10], recording.viewport_center[10]
    ) == pytest.approx(0, abs=1e-6)


def test_directions_without_orientation_are_blended_on_the_chord():
    recording = turning(torch.tensor([0.0, 1.0], dtype=torch.float64), rate_deg_s=40)
    resampled = resample(recording, 4)
    x, _, z = resampled.viewport_center.unbind(-1)
    yaw_deg = torch.rad2deg(torch.atan2(x, z))
    quarter = math.degrees(
        math.atan2(0.25 * math.sin(math.radians(40)), 0.75 + 0.25 * math.cos(math.radians(40)))
    )
    assert yaw_deg.tolist() == pytest.approx([0, quarter, 20, 40 - quarter, 40])


def test_orientations_are_blended_as_scipy_does():
    timestamps_s = torch.tensor([0.03, 0.21, 0.5, 0.83, 1.1], dtype=torch.float64)
    rotations = Rotation.from_quat(np.random.default_rng(0).normal(size=(5, 4)))
    orientation = torch.from_numpy(rotations.as_quat())
    orientation[2] *= -1  # the same rotation
    recording = dataclasses.replace(
        turning(timestamps_s),
        viewport_center=forward_direction(orientation),
        head_orientation_xyzw=orientation,
    )
    resampled = resample(recording, 10)
    assert resampled.head_orientation_xyzw is not None
    expected = Slerp(timestamps_s.numpy(), rotations)(resampled.timestamps_s.numpy())
    found = Rotation.from_quat(resampled.head_orientation_xyzw.numpy())
    assert (found.inv() * expected).magnitude().max() < 1e-6
    torch.testing.assert_close(
        resampled.viewport_center, forward_direction(resampled.head_orientation_xyzw)
    )


MASKS = ("head_valid", "gaze_valid", "face_valid")


@pytest.mark.parametrize(
    ("lost_s", "bridged"),
    [
        (0.08, {"head_valid", "gaze_valid", "face_valid"}),
        (0.2, {"head_valid", "face_valid"}),
        (0.45, {"head_valid"}),
        (1.2, set()),
    ],
)
def test_each_stream_bridges_gaps_up_to_its_own_length(lost_s, bridged):
    recording = turning(clock(100, 5.0), streams=True)
    time_s = recording.timestamps_s
    # The valid samples on either side are at 2.005 s - 0.005 s and lost_s later.
    mask = (time_s < 2.005) | (time_s > 2.0 + lost_s - 0.005)
    for name in MASKS:
        resampled = resample(dataclasses.replace(recording, **{name: mask}), 30)
        within = (resampled.timestamps_s > 2.0 + 1e-6) & (
            resampled.timestamps_s < 2.0 + lost_s - 1e-6
        )
        found = getattr(resampled, name)
        assert within.any()
        assert found[~within].all(), "what was measured stays"
        assert found[within].all() == (name in bridged)
        assert found[within].any() == (name in bridged)
        for other in set(MASKS) - {name}:
            assert getattr(resampled, other).all(), f"{other} does not suffer"


def test_longest_gaps_are_arguments():
    recording = turning(clock(100, 5.0), streams=True)
    lost = (recording.timestamps_s > 2.0) & (recording.timestamps_s < 2.5)
    recording = dataclasses.replace(recording, head_valid=~lost, gaze_valid=~lost, face_valid=~lost)
    wide = resample(recording, 30, max_gaze_gap_s=0.6, max_face_gap_s=0.6)
    assert all(getattr(wide, name).all() for name in MASKS)
    narrow = resample(recording, 30, max_head_gap_s=0.1)
    assert not any(getattr(narrow, name).all() for name in MASKS)


def test_a_slow_source_is_no_gap():
    resampled = resample(turning(clock(5, 4.0), streams=True), 30)
    assert all(getattr(resampled, name).all() for name in MASKS), "0.2 s is its usual interval"


def test_nothing_is_invented_before_the_first_and_after_the_last_valid_sample():
    recording = turning(clock(50, 4.0), streams=True)
    measured = (recording.timestamps_s >= 0.49) & (recording.timestamps_s <= 3.51)
    resampled = resample(
        dataclasses.replace(
            recording, head_valid=measured, gaze_valid=measured, face_valid=measured
        ),
        10,
    )
    expected = (resampled.timestamps_s > 0.49) & (resampled.timestamps_s < 3.51)
    for name in MASKS:
        assert torch.equal(getattr(resampled, name), expected)


def test_the_state_of_the_fixation_is_that_of_the_latest_sample():
    timestamps_s = torch.tensor([0.0, 0.09, 0.18, 0.29, 0.4], dtype=torch.float64)
    fixating = torch.tensor([True, False, True, True, False])
    duration_s = torch.tensor([0.3, 0.0, 0.05, 0.16, 0.0], dtype=torch.float64)
    recording = dataclasses.replace(
        turning(timestamps_s, streams=True), is_fixating=fixating, fixation_duration_s=duration_s
    )
    resampled = resample(recording, 10)
    assert resampled.is_fixating is not None
    assert resampled.fixation_duration_s is not None
    assert resampled.is_fixating.tolist() == [True, False, True, True, False]
    assert resampled.fixation_duration_s.tolist() == [0.3, 0.0, 0.05, 0.16, 0.0]

    lost = dataclasses.replace(recording, gaze_valid=torch.tensor([True, True, True, False, False]))
    resampled = resample(lost, 10)
    assert resampled.is_fixating is not None
    assert resampled.fixation_duration_s is not None
    assert resampled.is_fixating.tolist() == [True, False, False, False, False]
    assert resampled.fixation_duration_s.tolist() == [0.3, 0.0, 0.0, 0.0, 0.0]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_what_lost_samples_hold_never_shows(data):
    recording = turning(clock(20, 3.0), streams=True)
    mask = st.lists(st.booleans(), min_size=recording.samples, max_size=recording.samples)
    valid = {name: torch.tensor(data.draw(mask)) for name in MASKS}
    assert recording.gaze_direction is not None
    assert recording.face is not None
    clean = resample(dataclasses.replace(recording, **valid), 5)
    spoilt = resample(
        dataclasses.replace(
            recording,
            **valid,
            # The head must agree with the orientation, so the gaze and the face are spoilt.
            gaze_direction=recording.gaze_direction.where(valid["gaze_valid"].unsqueeze(1), 7e7),
            face=recording.face.where(valid["face_valid"].unsqueeze(1), -1e9),
        ),
        5,
    )
    for mask_name, name in (("gaze_valid", "gaze_direction"), ("face_valid", "face")):
        assert torch.equal(getattr(clean, mask_name), getattr(spoilt, mask_name))
        seen = getattr(clean, mask_name)
        assert torch.equal(getattr(clean, name)[seen], getattr(spoilt, name)[seen])
    for field in dataclasses.fields(Recording):
        value = getattr(clean, field.name)
        assert not isinstance(value, Tensor) or value.isfinite().all(), field.name


def test_a_stream_lost_throughout_is_masked_throughout():
    recording = turning(clock(20, 3.0), streams=True)
    never = torch.zeros(recording.samples, dtype=torch.bool)
    resampled = resample(
        dataclasses.replace(recording, head_valid=never, gaze_valid=never, face_valid=never), 5
    )
    assert not any(getattr(resampled, name).any() for name in MASKS)


def test_too_short_a_recording_is_refused():
    with pytest.raises(InputError, match=r"made.csv: .*\(5 Hz\), it covers 0.05 to 0.35 s .*'u'"):
        resample(turning(torch.tensor([0.05, 0.35], dtype=torch.float64)), 5)
