import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.recordings.clock import increasing_rows
from vpnet.recordings.findings import Severity


def lines(samples, first=2):
    return torch.arange(first, first + samples)


def seconds(*values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(
    ("clock", "kept"),
    [
        ((0.0, 0.1, 0.2), [0, 1, 2]),
        ((0.0, 0.0, 0.1, 0.1, 0.1, 0.2), [0, 2, 5]),
        ((0.0, 0.2, 0.15, 0.19, 0.2, 0.3), [0, 1, 5]),
        ((0.0, 1.0, 0.5, 0.9, 1.0, 1.1), [0, 1, 5]),
        ((0.0, 0.1, 9.0, 9.1), [0, 1, 2, 3]),
        ((3.0,), [0]),
        ((), []),
    ],
    ids=["good", "repeats", "jitters", "steps_back", "skips", "one", "none"],
)
def test_kept_rows(clock, kept):
    found = increasing_rows(seconds(*clock), "head.csv", lines(len(clock)), [])
    assert found.tolist() == kept


def found_in(*clock, first_line=2):
    findings = []
    increasing_rows(seconds(*clock), "head.csv", lines(len(clock), first_line), findings)
    return findings


def test_clock_that_runs_has_no_finding():
    assert found_in(0.0, 0.1, 9.0, 9.1) == []


def test_repeats_are_noted():
    (found,) = found_in(0.0, 0.2, 0.2, 0.15, 0.3)
    assert (found.code, found.severity) == ("playback_repeats", Severity.NOTE)
    assert (found.rows, found.lines) == (2, ((4, 5),))
    assert "found 2 of 5 rows at which it does not (1 step back)" in found.found


@pytest.mark.parametrize(("hold", "severity"), [(2, Severity.NOTE), (3, Severity.WARNING)])
def test_many_repeats_are_a_warning(hold, severity):
    (found,) = found_in(*(row // hold / 24 for row in range(60)))
    assert found.severity is severity


def test_step_back_is_an_error():
    (found,) = found_in(0.0, 1.0, 0.5, 0.95, 1.1, first_line=12)
    assert (found.code, found.severity) == ("playback_steps_back", Severity.ERROR)
    assert (found.rows, found.lines) == (2, ((14, 14),))
    assert found.message.startswith(
        "head.csv, line 14: playback time must not step back by more than 0.1 s, found 0.500 s "
        "after 1.000 s; was the video restarted?"
    )


def test_slow_drift_backwards_is_an_error():
    (found,) = found_in(1.0, 0.925, 0.85)
    assert found.code == "playback_steps_back"
    assert "line 4: " in found.message
    assert "found 0.850 s after 1.000 s" in found.message


def test_repeat_and_step_back_are_told_apart():
    back, repeats = found_in(0.0, 0.1, 0.1, 0.2, 0.3, 0.0, 0.1, 0.3, 0.4)
    assert (back.code, back.rows, back.lines) == ("playback_steps_back", 3, ((7, 8),))
    assert (repeats.code, repeats.rows, repeats.lines) == ("playback_repeats", 1, ((4, 4),))


def test_lines_of_samples_that_do_not_follow_each_other():
    findings = []
    clock = seconds(0.0, 0.1, 0.1, 0.2, 0.2, 0.3, 0.0, 0.4)
    increasing_rows(clock, "head.csv", torch.tensor([2, 3, 7, 8, 9, 10, 20, 21]), findings)
    assert [one.lines for one in findings] == [((20, 20),), ((7, 7), (9, 9))]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 3.0), min_size=1, max_size=40))
def test_kept_clock_increases_and_reaches_the_latest_time(clock):
    findings = []
    kept = increasing_rows(seconds(*clock), "head.csv", lines(len(clock)), findings)
    timestamps_s = seconds(*clock)[kept]
    assert (timestamps_s.diff() > 0).all()
    assert timestamps_s[0] == clock[0]
    assert timestamps_s[-1] == max(clock)
    assert sum(one.rows for one in findings) == len(clock) - len(kept)
