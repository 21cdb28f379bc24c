import polars as pl
import pytest

from vpnet.quest_pro.headset_clock import elapsed_seconds


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
