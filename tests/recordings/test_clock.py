import logging

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.errors import InputError
from vpnet.recordings.clock import increasing_rows


def seconds(*values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(
    ("clock", "kept"),
    [
        ((0.0, 0.1, 0.2), [0, 1, 2]),
        ((0.0, 0.0, 0.1, 0.1, 0.1, 0.2), [0, 2, 5]),
        ((0.0, 0.2, 0.15, 0.19, 0.2, 0.3), [0, 1, 5]),
        ((0.0, 0.1, 9.0, 9.1), [0, 1, 2, 3]),
        ((3.0,), [0]),
        ((), []),
    ],
    ids=["good", "repeats", "steps_back", "skips", "one", "none"],
)
def test_kept_rows(clock, kept):
    assert increasing_rows(seconds(*clock), "head.csv", 2).tolist() == kept


def test_dropped_rows_are_counted(caplog):
    with caplog.at_level(logging.INFO):
        increasing_rows(seconds(0.0, 0.2, 0.2, 0.15, 0.3), "head.csv", 2)
    assert "head.csv: dropped 2 of 5 rows" in caplog.text
    assert "1 step back" in caplog.text


def test_step_back_is_refused():
    message = r"head\.csv, line 14: .*step back by more than 0\.1 s, found 0\.500 s after 1\.000 s"
    with pytest.raises(InputError, match=message):
        increasing_rows(seconds(0.0, 1.0, 0.5, 1.1), "head.csv", 12)


def test_slow_drift_backwards_is_refused():
    with pytest.raises(InputError, match="line 4: .*found 0.850 s after 1.000 s"):
        increasing_rows(seconds(1.0, 0.925, 0.85), "head.csv", 2)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 0.1), min_size=1, max_size=40))
def test_kept_clock_increases_and_reaches_the_latest_time(clock):
    timestamps_s = seconds(*clock)
    kept = timestamps_s[increasing_rows(timestamps_s, "head.csv", 2)]
    assert (kept.diff() > 0).all()
    assert kept[0] == clock[0]
    assert kept[-1] == max(clock)
