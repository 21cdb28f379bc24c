import shutil

import pytest

from vpnet.errors import InputError
from vpnet.runs.ablation import ablation_of

FULL = {"ada": [(2.0, 10.0), (4.0, 20.0)], "bob": [(5.0, 30.0)]}
"""Per user 3 and 5 at 0.2 s, 15 and 30 at 1 s: means over users 4 and 22.5."""
LESS = {"ada": [(3.0, 10.0), (7.0, 20.0)], "bob": [(9.0, 24.0)]}
"""Per user 5 and 9 at 0.2 s, 15 and 24 at 1 s: means over users 7 and 19.5."""
WORSE = {"ada": [(5.0, 10.0), (9.0, 20.0)], "bob": [(15.0, 30.0)]}
"""Per user 7 and 15 at 0.2 s, as FULL at 1 s."""


def test_rows_are_held_against_the_first_user_by_user(leave_ablation_run, tmp_path):
    leave_ablation_run("less", 1, LESS)
    leave_ablation_run("full", 1, FULL)
    ablation = ablation_of(tmp_path / "sweep")
    assert [row.name for row in ablation.rows] == ["full", "less", "static"]
    assert [row.label for row in ablation.rows] == ["label of full", "label of less", "static"]
    assert [row.is_compared for row in ablation.rows] == [False, True, True]
    first, less, static = ablation.rows
    assert [error.label for error in less.errors] == ["0.2 s", "1 s", "0.2-1 s"]
    assert [error.candidate_deg for error in first.errors] == pytest.approx([4.0, 22.5, 13.25])
    at_short, at_long, over_range = less.errors
    # ada +2, bob +4; with two users the extreme resamples are the users.
    assert (at_short.candidate_deg, at_short.difference_deg) == pytest.approx((7.0, 3.0))
    assert at_short.interval_deg == pytest.approx((2.0, 4.0))
    assert at_short.gain_percent == pytest.approx(-75.0)
    assert at_short.is_clear
    # ada 0, bob -6.
    assert (at_long.candidate_deg, at_long.difference_deg) == pytest.approx((19.5, -3.0))
    assert at_long.interval_deg == pytest.approx((-6.0, 0.0))
    assert not at_long.is_clear
    # ada (2 + 0) / 2, bob (4 - 6) / 2.
    assert over_range.difference_deg == pytest.approx(0.0)
    assert over_range.interval_deg == pytest.approx((-1.0, 1.0))
    # Static is 10 everywhere: ada +7, bob +5 at 0.2 s.
    assert static.runs == ()
    assert static.errors[0].candidate_deg == pytest.approx(10.0)
    assert static.errors[0].difference_deg == pytest.approx(6.0)
    assert static.errors[0].interval_deg == pytest.approx((5.0, 7.0))
    assert static.errors[0].window_count == 3


def test_seeds_are_averaged_first(leave_ablation_run, tmp_path):
    for seed in (1, 2):
        leave_ablation_run("full", seed, FULL)
    leave_ablation_run("less", 1, LESS)
    leave_ablation_run("less", 2, WORSE)
    ablation = ablation_of(tmp_path / "sweep")
    _, less, _ = ablation.rows
    assert len(less.runs) == 2
    assert ablation.seeds == (1, 2)
    assert ablation.incomplete == ()
    # ada (5 + 7) / 2 and bob (9 + 15) / 2, less 3 and 5.
    assert less.errors[0].candidate_deg == pytest.approx(9.0)
    assert less.errors[0].interval_deg == pytest.approx((3.0, 7.0))
    # The seeds' means over users are 7 and 11 at 0.2 s, 19.5 and 22.5 at 1 s.
    assert less.seed_deviation_deg[:2] == pytest.approx((4 / 2**0.5, 3 / 2**0.5))
    assert ablation.rows[-1].seed_deviation_deg == ()


def test_what_is_missing_is_said_and_the_rest_is_there(leave_ablation_run, tmp_path):
    rows = {"rows": "full,less,never"}
    for seed in (1, 2, 3):
        leave_ablation_run("full", seed, FULL, **rows)
    leave_ablation_run("less", 2, LESS, **rows)
    leave_ablation_run("less", 3, {}, is_finished=False, **rows)
    ablation = ablation_of(tmp_path / "sweep")
    assert [row.name for row in ablation.rows] == ["full", "less", "static"]
    assert ablation.incomplete == ("less lacks seed 1, 3",)
    assert ablation.not_run == ("never",)
    assert ablation.rows[1].errors[0].difference_deg == pytest.approx(3.0)


def test_without_the_first_row_nothing_is_compared(leave_ablation_run, tmp_path):
    leave_ablation_run("less", 1, LESS)
    leave_ablation_run("full", 1, {}, is_finished=False)
    ablation = ablation_of(tmp_path / "sweep")
    assert ablation.incomplete == ("full has no finished run",)
    assert ablation.not_run == ()
    assert [row.is_compared for row in ablation.rows] == [False, False]
    assert [row.errors[0].candidate_deg for row in ablation.rows] == pytest.approx([7.0, 10.0])


def test_what_the_data_lack_and_what_differs_is_kept(leave_ablation_run, tmp_path):
    leave_ablation_run("full", 1, FULL, absent_streams=("eye", "face"))
    leave_ablation_run("less", 1, FULL, absent_streams=("eye",), lr=0.2)
    ablation = ablation_of(tmp_path / "sweep")
    assert ablation.absent_streams == ("eye", "face")
    assert ablation.differing == ("lr", "model.variant")


def test_runs_of_a_row_that_differ_are_refused(leave_ablation_run, tmp_path):
    leave_ablation_run("full", 1, FULL)
    leave_ablation_run("full", 2, FULL, lr=0.2)
    with pytest.raises(
        InputError, match=r"seed_2: its lr is 0.2, that of .*seed_1 is 0.1; .*another folder"
    ):
        ablation_of(tmp_path / "sweep")


def test_a_run_that_counts_twice_is_refused(leave_ablation_run, tmp_path):
    run = leave_ablation_run("full", 1, FULL)
    shutil.copytree(run, run.with_name("seed_2"))
    with pytest.raises(InputError, match="both have seed 1"):
        ablation_of(tmp_path / "sweep")


def test_rows_on_other_windows_are_refused(leave_ablation_run, tmp_path):
    leave_ablation_run("full", 1, FULL)
    leave_ablation_run("less", 1, {"ada": [(3.0, 10.0)], "bob": [(9.0, 24.0)]})
    with pytest.raises(InputError, match="runs are compared on the same windows and horizons"):
        ablation_of(tmp_path / "sweep")


@pytest.mark.parametrize("begun", [True, False])
def test_a_folder_without_a_finished_run_is_refused(leave_ablation_run, tmp_path, begun):
    if begun:
        leave_ablation_run("full", 1, {}, is_finished=False)
    with pytest.raises(InputError, match="sweep: holds no finished run of an ablation; give the"):
        ablation_of(tmp_path / "sweep")
