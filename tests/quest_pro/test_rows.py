"""Rows that repeat, step back or are missing in one of the files."""

import numpy as np
import polars as pl
import pytest
import torch

from vpnet.errors import InputError
from vpnet.geometry.directions import yaw_and_elevation
from vpnet.quality.checking import with_checks
from vpnet.quest_pro.reader import read_quest_pro
from vpnet.quest_pro.rows import elapsed_seconds
from vpnet.recordings.findings import Severity
from vpnet.studies.study import StudyOptions


@pytest.fixture
def check(write_quest_pro, quest_pro_tables):
    """Function that writes tables and gives all that is found in them."""

    def read(**tables):
        folder = write_quest_pro(quest_pro_tables | tables)
        study = with_checks(read_quest_pro(folder, study=StudyOptions(cache=False)))
        (checked,) = study.checked()
        return checked

    return read


def finding(checked, code):
    (found,) = (one for one in checked.findings if one.code == code)
    return found


def test_step_back_is_an_error(quest_pro_tables, replace_values, check):
    head = replace_values(quest_pro_tables["head"], "PlaybackTime", slice(50, 51), 0.25)
    checked = check(head=head)
    found = finding(checked, "playback_steps_back")
    assert (found.severity, found.rows) == (Severity.ERROR, 1)
    assert "line 52: playback time must not step back" in found.message
    assert "found 0.250 s after 0.542 s" in found.message
    assert checked.recording.samples == 71


def test_stalled_rows_amid_playback_do_not_steer_the_clock(quest_pro_tables, check):
    """The player's clock is 0 while it has no frame: nothing was seen twice."""
    stalled = pl.int_range(pl.len()).is_between(40, 44)
    head = quest_pro_tables["head"].with_columns(
        VideoFrame=pl.when(stalled).then(-1).otherwise("VideoFrame"),
        PlaybackTime=pl.when(stalled).then(0.0).otherwise("PlaybackTime"),
    )
    checked = check(head=head)
    assert checked.recording.samples == 67
    found = finding(checked, "rows_without_frame")
    assert (found.rows, found.lines) == (5, ((42, 46),))
    codes = {one.code for one in checked.findings}
    assert not codes & {"playback_steps_back", "playback_repeats"}


def test_row_without_a_frame_does_not_take_the_time_of_the_next(quest_pro_tables, check):
    row, clock = pl.int_range(pl.len()), pl.col("PlaybackTime")
    head = quest_pro_tables["head"].with_columns(
        VideoFrame=pl.when(row == 40).then(-1).otherwise("VideoFrame"),
        PlaybackTime=pl.when(row == 40).then(clock.shift(-1)).otherwise(clock),
    )
    timestamps_s = check(head=head).recording.timestamps_s
    expected = [row / 72 for row in range(72) if row != 30]
    assert timestamps_s.tolist() == pytest.approx(expected)


def test_repeats_after_stalled_rows_are_named_by_their_lines(quest_pro_tables, check):
    row, clock = pl.int_range(pl.len()), pl.col("PlaybackTime")
    head = quest_pro_tables["head"].with_columns(
        VideoFrame=pl.when(row.is_between(40, 44)).then(-1).otherwise("VideoFrame"),
        PlaybackTime=pl.when(row == 60).then(clock.shift(1)).otherwise(clock),
    )
    assert finding(check(head=head), "playback_repeats").lines == ((62, 62),)


def test_rows_before_playback_are_measured_as_they_are_found(quest_pro_tables, check):
    """A clock may run before the first frame: VideoFrame says when playback began."""
    head = quest_pro_tables["head"].with_columns(
        PlaybackTime=pl.int_range(pl.len()) / 72 + 0.01,
        VideoFrame=pl.when(pl.int_range(pl.len()) < 20).then(-1).otherwise(3),
    )
    checked = check(head=head)
    assert finding(checked, "rows_before_playback").rows == 20
    assert checked.measurements["rows_before_playback"] == 20


def test_rows_of_a_clock_at_0_belong_to_their_samples(quest_pro_tables, check, replace_values):
    head = replace_values(quest_pro_tables["head"], "PlaybackTime", slice(None), 0.0)
    eye = replace_values(quest_pro_tables["eye"], "IsFixating", slice(0, 2), 0.0)
    checked = check(head=head, eye=eye)
    assert checked.recording.samples == 82
    share = checked.measurements["recorded_fixating_share"]
    assert share == pytest.approx(80 / 82)


def test_held_player_clock_keeps_the_first_row_of_each_update(quest_pro_tables, check):
    clock = (quest_pro_tables["head"]["PlaybackTime"] * 24 + 1e-9).floor() / 24
    head = quest_pro_tables["head"].with_columns(clock.alias("PlaybackTime"))
    checked = check(head=head)
    recording = checked.recording
    assert torch.allclose(recording.timestamps_s.diff(), torch.tensor(1 / 24).double())
    yaw_rad, _ = yaw_and_elevation(recording.viewport_center)
    # Rows 13, 16, 19, ... are those at which the clock was read.
    expected_deg = head["EulerYaw"].gather_every(3, offset=13).to_list()[: recording.samples]
    assert torch.rad2deg(yaw_rad).tolist() == pytest.approx(expected_deg)
    # Two of three rows have no time of their own: a slower clock than any video's.
    assert finding(checked, "playback_repeats").severity is Severity.WARNING


@pytest.mark.parametrize(("rows", "severity"), [(1, Severity.NOTE), (22, Severity.WARNING)])
def test_shorter_file_is_matched_by_timestamp(quest_pro_tables, check, rows, severity):
    tables = {
        name: pl.concat([table.with_columns(pl.col("Timestamp") + 10 * part) for part in range(2)])
        for name, table in quest_pro_tables.items()
    }
    clock = pl.Series("PlaybackTime", np.arange(164) / 72 + 1 / 72)
    tables["head"] = tables["head"].with_columns(clock, VideoFrame=pl.lit(3))
    tables["eye"] = pl.concat([tables["eye"][:50], tables["eye"][50 + rows :]])
    checked = check(**tables)
    found = finding(checked, "rows_missing")
    assert (found.severity, found.rows) == (severity, rows)
    assert f"eye.csv: every row of {checked.source}/head.csv must" in found.message
    assert f"found none for {rows} of 164" in found.message
    expected = [1] * 50 + [0] * rows + [1] * (114 - rows)
    assert checked.recording.gaze_valid.int().tolist() == expected
    yaw_deg = torch.rad2deg(yaw_and_elevation(checked.recording.gaze_direction)[0])
    gaze = tables["eye"].select(pl.arctan2("GazeDir.x", "GazeDir.z").degrees()).to_series()
    assert yaw_deg[checked.recording.gaze_valid].tolist() == pytest.approx(gaze.to_list())


def test_shorter_head_file_is_noted_once(quest_pro_tables, check):
    checked = check(head=quest_pro_tables["head"][:60])
    found = finding(checked, "rows_missing")
    assert found.file.endswith("head.csv")
    assert found.rows == 22
    assert checked.recording.samples == 50
    assert checked.recording.gaze_valid.all()


def test_repeated_timestamps_match_in_order(quest_pro_tables, check):
    tables = {
        name: table.with_columns((pl.col("Timestamp") * 36).floor() / 36)
        for name, table in quest_pro_tables.items()
    }
    weight = pl.Series("Jaw_Drop", np.arange(82) / 100)
    tables["face"] = tables["face"].with_columns(weight)[:80]
    recording = check(**tables).recording
    assert recording.face[:70, 24].tolist() == pytest.approx((np.arange(10, 80) / 100).tolist())
    assert not recording.face_valid[70:].any()


@pytest.mark.parametrize("shared", [0, 3])
def test_eye_file_of_another_recording_is_an_error(quest_pro_tables, check, shared):
    """A few Timestamps that agree by chance do not make it the same recording."""
    row = pl.int_range(pl.len())
    eye = quest_pro_tables["eye"].with_columns(
        pl.when(row < 82 - shared).then(pl.col("Timestamp") + 0.005).otherwise("Timestamp")
    )
    checked = check(eye=eye)
    found = finding(checked, "foreign_file")
    assert f"found {shared} of 82 among them (the first are 400.005 and 400.0)" in found.message
    assert found.severity is Severity.ERROR
    assert checked.recording.gaze_direction is None
    assert checked.recording.face is not None
    assert not any(one.code == "rows_missing" for one in checked.findings)


def test_combined_file_of_another_recording_is_only_a_warning(quest_pro_tables, check):
    combined = quest_pro_tables["head"].select(pl.col("Timestamp") + 1000)
    found = finding(check(combined=combined), "foreign_file")
    assert found.severity is Severity.WARNING
    assert found.file.endswith("combined.csv")


@pytest.mark.parametrize(
    ("rows", "value", "message"),
    [
        (range(82), -1.0, "the video was never played"),
        ([*range(10), 11, 11], None, "at least 2 rows during playback, found 1 among 12"),
    ],
)
def test_recording_that_was_never_played_cannot_be_used(
    quest_pro_tables, check, replace_values, rows, value, message
):
    head = quest_pro_tables["head"][list(rows)]
    if value is not None:
        head = replace_values(head, "PlaybackTime", slice(None), value)
    checked = check(head=head)
    assert message in finding(checked, "never_played").message
    assert checked.recording is None
    with pytest.raises(InputError, match=message):
        list(read_quest_pro(checked.source, study=StudyOptions(cache=False)))


@pytest.mark.parametrize("unit", [1, 1e3, 1e6, 1e9])
@pytest.mark.parametrize("step_s", [0.0005, 1 / 72, 0.49])
def test_the_unit_is_told_by_the_steps(unit, step_s):
    times_s = [100 + step_s * row for row in (0, 1, 1, 2, 3, 9)]
    elapsed_s = elapsed_seconds(pl.Series([time * unit for time in times_s]))
    assert elapsed_s.to_list() == pytest.approx([time - 100 for time in times_s], rel=1e-6)


@pytest.mark.parametrize(
    "timestamps", [["10:00", "10:01"], [5.0], [], [3.0, 3.0, 3.0], [0.0, 1e-5, 2e-5], [0.0, 1e9]]
)
def test_no_clock_of_a_headset(timestamps):
    assert elapsed_seconds(pl.Series(timestamps)) is None
