import numpy as np
import polars as pl
import pytest
import torch

from vpnet.geometry.directions import yaw_and_elevation
from vpnet.geometry.rotations import forward_direction
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.simulation.headset_tables import (
    PUPIL_COLUMNS,
    as_layout_v1,
    with_columns,
    with_fixed_decimals,
)

CLOCK = "Timestamp PlaybackTime VideoFrame"
HEAD = (
    f"{CLOCK} UnitQuaternion.x UnitQuaternion.y UnitQuaternion.z UnitQuaternion.w HmdPosition.x "
    "HmdPosition.y HmdPosition.z EulerYaw EulerPitch EulerRoll VelYaw VelPitch VelRoll"
)
EYE = (
    f"{CLOCK} GazeDir.x GazeDir.y GazeDir.z GazeOrigin.x GazeOrigin.y GazeOrigin.z GazeYaw "
    "GazePitch LeftPupilDiam_NA RightPupilDiam_NA LeftOpenness RightOpenness BlinkL BlinkR "
    "LidTightenerL LidTightenerR UpperLidRaiserL UpperLidRaiserR LeftConfidence RightConfidence "
    "IsFixating FixationDurationMs BothEyesValid"
)
FACE = f"{CLOCK} FaceIsValid {' '.join(FACE_WEIGHTS)}"
COMBINED = (
    f"{CLOCK} HeadYaw HeadPitch HeadRoll GazeYaw GazePitch GazeRelativeH GazeRelativeV "
    "EyeHeadOffset AbsoluteGazeYaw AbsoluteGazePitch LeftOpenness RightOpenness BlinkL BlinkR "
    "FaceIsValid SmileL SmileR BrowDownL BrowDownR JawOpen EyeClosedL EyeClosedR FaceActivity"
)


@pytest.fixture
def tables(tables_of):
    return tables_of(0, 0)


def array(table: pl.DataFrame, *names: str) -> np.ndarray:
    return np.stack([table[name].to_numpy() for name in names], axis=-1).squeeze()


def test_columns_are_the_headsets(tables):
    columns = {name: table.columns for name, table in tables.named().items()}
    wanted = {"head": HEAD, "eye": EYE, "face": FACE, "combined": COMBINED}
    assert columns == {name: listed.split() for name, listed in wanted.items()}
    assert [len(columns[name]) for name in ("head", "eye", "face", "combined")] == [16, 26, 67, 26]


def test_tables_are_row_aligned_on_one_clock(tables):
    first = tables.head.select(CLOCK.split())
    assert all(table.select(CLOCK.split()).equals(first) for table in tables.named().values())
    steps_s = np.diff(array(tables.head, "Timestamp"))
    assert (steps_s > 0).all()
    assert np.median(steps_s) == pytest.approx(1 / 72, abs=1e-4)


def test_tables_begin_with_the_video_and_its_clock_runs(tables):
    frame, playback_s = array(tables.head, "VideoFrame"), array(tables.head, "PlaybackTime")
    assert playback_s[0] == frame[0] == 0
    assert (np.diff(playback_s) > 0).all()
    assert np.abs(frame - playback_s * 30).max() <= 1
    assert playback_s[-1] == pytest.approx(20.0, abs=0.02)


def test_gaze_is_held_for_2_rows_and_face_for_6(tables):
    gaze = array(tables.eye, "GazeDir.x", "GazeDir.y", "GazeDir.z")
    tracked = array(tables.eye, "BothEyesValid") == 1
    changed = (np.diff(gaze, axis=0) != 0).any(axis=1) & tracked[1:]
    assert set(np.flatnonzero(changed) % 2) == {1}
    assert changed.sum() > 0.95 * tracked.sum() / 2
    changed = (np.diff(array(tables.face, *FACE_WEIGHTS), axis=0) != 0).any(axis=1)
    assert (np.flatnonzero(changed) % 6 == 5).all()
    assert changed.sum() == (len(changed)) // 6


def test_gaze_is_held_while_the_eyes_are_closed(tables_of):
    blinked = 0
    for viewer in range(3):
        eye = tables_of(viewer, 0).eye
        tracked = array(eye, "BothEyesValid") == 1
        gaze = array(eye, "GazeDir.x", "GazeDir.y", "GazeDir.z")
        # A tracker that sees no eyes repeats what it saw last, from the first closed row on.
        closed = ~tracked[1:]
        assert (gaze[1:][closed] == gaze[:-1][closed]).all()
        blinked += closed.sum()
    assert blinked > 50


def test_layout_v1_writes_zero_for_a_pupil_that_was_not_measured(tables):
    lost = np.arange(len(tables.eye)) % 3 == 0
    columns = {name: np.where(lost, -1.0, array(tables.eye, name)) for name in PUPIL_COLUMNS}
    old = as_layout_v1(with_columns(tables, eye=columns))
    assert not {*PUPIL_COLUMNS} & set(old.eye.columns)
    sides = array(old.eye, "LeftPupilDiam", "RightPupilDiam")
    assert (sides[lost] == 0).all()
    assert (sides[~lost] >= 2.5).all()
    average = array(old.combined, "AvgPupil")
    assert (average[lost] == 0).all()
    np.testing.assert_allclose(average[~lost], sides[~lost].mean(axis=1), atol=1e-4)


def test_quaternions_and_gaze_are_unit_and_agree_with_their_angles(tables):
    xyzw = torch.from_numpy(array(tables.head, *(f"UnitQuaternion.{axis}" for axis in "xyzw")))
    gaze = torch.from_numpy(array(tables.eye, *(f"GazeDir.{axis}" for axis in "xyz")))
    for vectors, yaw_name, pitch_name, sign, table in (
        (forward_direction(xyzw), "EulerYaw", "EulerPitch", -1, tables.head),
        (gaze, "GazeYaw", "GazePitch", 1, tables.eye),
    ):
        yaw_deg, elevation_deg = (angle.rad2deg().numpy() for angle in yaw_and_elevation(vectors))
        apart_deg = np.remainder(yaw_deg - array(table, yaw_name) + 180, 360) - 180
        assert np.abs(apart_deg).max() < 1e-3
        assert np.abs(elevation_deg - sign * array(table, pitch_name)).max() < 1e-3
    for vectors in (xyzw, gaze):
        assert (vectors.norm(dim=1) - 1).abs().max() < 1e-5


def test_combined_subtracts_angles_of_one_sign(tables):
    combined = tables.combined
    truth = array(combined, "GazePitch") + array(combined, "HeadPitch")
    relative_h, relative_v = array(combined, "GazeRelativeH"), array(combined, "GazeRelativeV")
    np.testing.assert_allclose(relative_v, truth, atol=2e-4)
    np.testing.assert_allclose(
        array(combined, "EyeHeadOffset"), np.hypot(relative_h, relative_v), atol=2e-4
    )
    np.testing.assert_allclose(
        array(combined, "AbsoluteGazePitch"), array(combined, "GazePitch"), atol=2e-4
    )


def test_openness_confidence_and_pupil(tables):
    eye, face = tables.eye, tables.face
    look_down = array(face, "Eyes_Look_Down_L", "Eyes_Look_Down_R").min(axis=1)
    for name, side in (("Left", "L"), ("Right", "R")):
        openness = np.clip(1 - (array(face, f"Eyes_Closed_{side}") + look_down), 0, 1)
        np.testing.assert_allclose(array(eye, f"{name}Openness"), openness, atol=1e-4)
        pupil_mm = array(eye, f"{name}PupilDiam_NA")
        assert 2.5 <= pupil_mm.min() < pupil_mm.max() <= 5.0
        assert np.abs(np.diff(pupil_mm)).max() < 0.3, "it widens slowly"
        tracked = array(eye, "BothEyesValid") == 1
        assert ((array(eye, f"{name}Confidence") > 0) == tracked).all()
    assert 0.9 < array(eye, "BothEyesValid").mean() < 1


def test_recorded_fixations_compare_distinct_measurements(tables):
    fixating = array(tables.eye, "IsFixating") == 1
    gaze = array(tables.eye, "GazeDir.x", "GazeDir.y", "GazeDir.z")
    held = (np.diff(gaze, axis=0) == 0).all(axis=1) & (array(tables.eye, "BothEyesValid")[1:] == 1)
    same = fixating[1:][held] == fixating[:-1][held]
    assert same.mean() > 0.99, "a held row says what its measurement said"
    assert 0.6 < fixating.mean() < 0.95
    duration_ms = array(tables.eye, "FixationDurationMs")
    assert (duration_ms[~fixating] == 0).all()
    assert 100 < duration_ms.max() < 5000


def test_numbers_are_written_with_fixed_decimals_and_nothing_is_lost(tables):
    for table in tables.named().values():
        text = with_fixed_decimals(table).write_csv()
        lines = [line.split(",") for line in text.splitlines()]
        decimals = {tuple(len(value.partition(".")[2]) for value in line) for line in lines[1:]}
        assert len(decimals) == 1
        read = pl.read_csv(text.encode(), schema_overrides=table.schema)
        assert read.equals(table)
