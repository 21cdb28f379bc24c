"""Offsets and fixations as the headset derived them."""

import numpy as np
import polars as pl
import pytest
import torch

from vpnet.errors import InputError
from vpnet.quest_pro.reader import HeadsetColumns, read_quest_pro
from vpnet.readers.reading import read_any
from vpnet.recordings.findings import Severity
from vpnet.studies.study import StudyOptions


@pytest.fixture
def combined_table(quest_pro_tables):
    """Function that derives combined.csv; the sign is that of HeadPitch in its difference."""

    def derive(sign=-1.0):
        head, eye = quest_pro_tables["head"], quest_pro_tables["eye"]
        gaze_yaw_deg = np.rad2deg(np.arctan2(eye["GazeDir.x"], eye["GazeDir.z"]))
        gaze_pitch_deg = np.rad2deg(np.arcsin(eye["GazeDir.y"]))
        horizontal = gaze_yaw_deg - head["EulerYaw"].to_numpy()
        vertical = gaze_pitch_deg + sign * head["EulerPitch"].to_numpy()
        return head.select("Timestamp").with_columns(
            GazeRelativeH=pl.Series(horizontal),
            GazeRelativeV=pl.Series(vertical),
            EyeHeadOffset=pl.Series(np.hypot(horizontal, vertical)),
        )

    return derive


def check(folder, **settings):
    (checked,) = read_any(folder, layout="quest_pro", cache=False, **settings).checked()
    return checked


def codes(checked):
    return {one.code for one in checked.findings}


def test_recorded_offsets_are_off_by_default(quest_pro_tables, write_quest_pro, combined_table):
    folder = write_quest_pro(quest_pro_tables | {"combined": combined_table()})
    recording = check(folder).recording
    assert recording.gaze_offset_deg[:, 2].max() < 10


@pytest.mark.parametrize(("mirror", "sign"), [(False, 1), (True, -1)])
def test_recorded_offsets_that_mix_signs(
    quest_pro_tables, write_quest_pro, combined_table, mirror, sign
):
    combined = combined_table()
    folder = write_quest_pro(quest_pro_tables | {"combined": combined})
    expected = check(folder, mirror=mirror).recording
    checked = check(folder, recorded_offsets=True, mirror=mirror)
    (found,) = (one for one in checked.findings if one.code == "recorded_offsets_mixed_sign")
    assert found.severity is Severity.WARNING
    # The head is 20 degrees down, and so is the gaze: their difference is 0, their sum -40.
    assert "found it 40.0 degrees (median) from that, and 0.0 from their sum" in found.message
    offset_deg = checked.recording.gaze_offset_deg
    assert offset_deg[:, 0].tolist() == pytest.approx((sign * combined["GazeRelativeH"])[10:])
    assert offset_deg[:, 1].tolist() == pytest.approx([-40.0] * 72)
    assert offset_deg[:, 2].tolist() == pytest.approx(combined["EyeHeadOffset"][10:])
    assert torch.equal(checked.recording.gaze_direction, expected.gaze_direction)
    assert torch.equal(checked.recording.gaze_valid, expected.gaze_valid)


def test_recorded_offsets_of_one_sign_are_no_finding(
    quest_pro_tables, write_quest_pro, combined_table
):
    folder = write_quest_pro(quest_pro_tables | {"combined": combined_table(sign=1.0)})
    checked = check(folder, recorded_offsets=True)
    assert checked.recording.gaze_offset_deg[:, 1].tolist() == pytest.approx([0.0] * 72)
    assert "recorded_offsets_mixed_sign" not in codes(checked)


def test_rows_without_a_recorded_offset_have_the_true_one(
    quest_pro_tables, write_quest_pro, combined_table, replace_values
):
    combined = replace_values(combined_table(), "GazeRelativeV", slice(20, 22), float("nan"))
    eye = replace_values(quest_pro_tables["eye"], "BothEyesValid", slice(30, 32), 0)
    tables = quest_pro_tables | {"combined": combined[:80], "eye": eye}
    folder = write_quest_pro(tables)
    expected = check(folder).recording
    checked = check(folder, recorded_offsets=True)
    (missing,) = (one for one in checked.findings if one.code == "rows_missing")
    assert missing.file == str(folder / "combined.csv")
    offset_deg = checked.recording.gaze_offset_deg
    for true in (slice(10, 12), slice(20, 22), slice(70, 72)):
        assert torch.equal(offset_deg[true], expected.gaze_offset_deg[true])
    assert (offset_deg[12:20, 1] < -39).all()


@pytest.mark.parametrize("drop", [None, "GazeRelativeV"])
def test_recorded_offsets_that_are_not_there_are_refused(
    quest_pro_tables, write_quest_pro, combined_table, drop
):
    tables = quest_pro_tables | ({"combined": combined_table().drop(drop)} if drop else {})
    folder = write_quest_pro(tables)
    with pytest.raises(InputError, match=r"combined\.csv: .*set recorded_offsets=false"):
        list(
            read_quest_pro(
                folder,
                study=StudyOptions(cache=False),
                headset=HeadsetColumns(recorded_offsets=True),
            )
        )


def test_recorded_fixations(quest_pro_tables, write_quest_pro, replace_values):
    eye = replace_values(quest_pro_tables["eye"], "IsFixating", slice(40, 50), 0)
    eye = replace_values(eye, "BothEyesValid", slice(60, 62), 0)
    eye = eye.with_columns(FixationDurationMs=pl.int_range(pl.len()) * 10)
    folder = write_quest_pro(quest_pro_tables | {"eye": eye})
    recording = check(folder, recorded_fixations=True).recording
    fixating = [1] * 30 + [0] * 10 + [1] * 10 + [0] * 2 + [1] * 20
    assert recording.is_fixating.int().tolist() == fixating
    expected_s = [(row + 10) / 100 * one for row, one in enumerate(fixating)]
    assert recording.fixation_duration_s.tolist() == pytest.approx(expected_s)


def test_recorded_fixations_that_are_not_there_are_refused(quest_pro_tables, write_quest_pro):
    folder = write_quest_pro(quest_pro_tables)
    with pytest.raises(InputError, match=r"eye\.csv: .*no FixationDurationMs; set recorded_fixat"):
        list(
            read_quest_pro(
                folder,
                study=StudyOptions(cache=False),
                headset=HeadsetColumns(recorded_fixations=True),
            )
        )
