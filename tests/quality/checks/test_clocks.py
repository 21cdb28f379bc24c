import dataclasses

import polars as pl
import pytest
import torch

from vpnet.dataset.task import Task
from vpnet.quality.checking import check_tables
from vpnet.recordings.resampling import resample


def test_a_gap_is_found(recording, found):
    shift_s = torch.where(recording.timestamps_s > 20, 0.8, 0.0)
    gap = dataclasses.replace(recording, timestamps_s=recording.timestamps_s + shift_s)
    assert "found 0.81 s after 20.0 s of playback (gaps: 1)" in found(gap)["playback_gaps"].message


def test_a_slow_recording_has_no_gaps(recording, found):
    slow = dataclasses.replace(recording, timestamps_s=recording.timestamps_s * 20)
    assert "playback_gaps" not in found(slow)


def test_a_late_start_is_found(recording, found):
    late = dataclasses.replace(recording, timestamps_s=recording.timestamps_s + 3)
    assert list(found(late)) == ["starts_late"]


@pytest.mark.parametrize(("gap_s", "is_found"), [(0.55, False), (0.65, True)])
def test_a_gap_in_a_slow_recording_is_three_steps(recording, found, gap_s, is_found):
    step_s = 0.2
    slow_s = torch.arange(recording.samples) * step_s
    slow_s[2000:] += gap_s - step_s
    slow = dataclasses.replace(recording, timestamps_s=slow_s.double())
    assert ("playback_gaps" in found(slow)) is is_found


@pytest.mark.parametrize(("first_s", "is_found"), [(0.95, False), (1.05, True)])
def test_a_second_is_no_late_start(recording, found, first_s, is_found):
    later = dataclasses.replace(recording, timestamps_s=recording.timestamps_s + first_s)
    assert ("starts_late" in found(later)) is is_found


def test_what_a_gap_costs_is_said_with_the_defaults_of_the_task(recording, found):
    shift_s = torch.where(recording.timestamps_s > 20, 0.4, 0.0)
    gap = dataclasses.replace(recording, timestamps_s=recording.timestamps_s + shift_s)
    bridged_s = Task.max_head_gap_s
    assert f"({bridged_s:g} s by default)" in found(gap)["playback_gaps"].meaning
    assert resample(gap, 10.0, max_head_gap_s=bridged_s).head_valid.all()


@pytest.fixture
def of_head(recording, tables):
    """Function that gives the findings after some columns of the head table were changed."""

    def check(*changes, recording=None):
        head = tables.head.with_columns(*changes)
        alone = dataclasses.replace(tables, head=head, eye=None, face=None, combined=None)
        findings, measurements = check_tables(alone, recording)
        return {finding.code: finding for finding in findings}, measurements

    return check


def test_few_rows_a_second_are_found(of_head):
    findings, _ = of_head(pl.col("Timestamp", "PlaybackTime") * 2)
    assert list(findings) == ["row_rate_low"]
    assert "found 36.0" in findings["row_rate_low"].message


def test_a_pause_is_found_with_its_lines(of_head):
    playback_s = pl.col("PlaybackTime")
    paused = pl.when(playback_s < 20).then(playback_s).otherwise((playback_s - 3).clip(20))
    findings, measurements = of_head(paused)
    assert list(findings) == ["playback_paused"]
    assert "found 3.0 s at 20.0 s of the video (pauses: 1)" in findings["playback_paused"].message
    assert findings["playback_paused"].lines == ((1452, 1668),)
    assert measurements["playback_speed"] == pytest.approx(1, abs=1e-3)


def test_a_clock_held_between_frames_is_no_pause(of_head):
    findings, measurements = of_head((pl.col("PlaybackTime") * 30).floor() / 30)
    assert findings == {}
    assert measurements["playback_speed"] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("speed", "codes"), [(1.03, ["clock_drift"]), (1.005, [])])
def test_drift_is_found(of_head, speed, codes):
    findings, measurements = of_head(pl.col("PlaybackTime") * speed)
    assert list(findings) == codes
    assert measurements["playback_speed"] == pytest.approx(speed)


def test_a_skip_is_no_drift(of_head):
    skipped = pl.col("PlaybackTime") + 10 * (pl.col("PlaybackTime") > 30)
    findings, measurements = of_head(skipped)
    assert findings == {}
    assert measurements["playback_speed"] == pytest.approx(1)


@pytest.mark.parametrize(("pause_s", "is_found"), [(0.45, False), (0.55, True)])
def test_half_a_second_is_no_pause(of_head, pause_s, is_found):
    playback_s = pl.col("PlaybackTime")
    paused = pl.when(playback_s < 20).then(playback_s).otherwise((playback_s - pause_s).clip(20))
    assert ("playback_paused" in of_head(paused)[0]) is is_found


@pytest.mark.parametrize(("skip_s", "is_found"), [(0.09, True), (0.11, False)])
def test_steps_in_which_the_clocks_part_are_left_out_of_the_speed(of_head, skip_s, is_found):
    skipping = pl.col("PlaybackTime") + skip_s * pl.col("PlaybackTime").floor()
    assert ("clock_drift" in of_head(skipping)[0]) is is_found


@pytest.mark.parametrize(("end_s", "is_found"), [(9.5, False), (10.5, True)])
def test_a_short_recording_shows_no_drift(tables, end_s, is_found):
    head = tables.head.filter(pl.col("PlaybackTime") <= end_s)
    fast = head.with_columns(pl.col("PlaybackTime") * 1.03)
    alone = dataclasses.replace(tables, head=fast, eye=None, face=None, combined=None)
    codes = [finding.code for finding in check_tables(alone, None)[0]]
    assert codes == ["clock_drift"] * is_found


@pytest.mark.parametrize(("scale", "is_found"), [(1000, True), (0.001, True), (4, False)])
def test_another_unit_of_playback_time_is_found(of_head, scale, is_found):
    findings, _ = of_head(pl.col("PlaybackTime") * scale)
    assert ("playback_unit" in findings) == is_found
