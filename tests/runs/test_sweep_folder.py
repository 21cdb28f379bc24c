import pytest

from vpnet.runs.sweep_folder import runs_in, runs_of


@pytest.fixture
def sweep(tmp_path):
    """Folder of a sweep: run 10 and run 2 are finished, run 3 is not."""
    for run, files in (("10_seed-1", 2), ("2_seed-2", 2), ("3_seed-3", 1)):
        folder = tmp_path / "sweep" / run
        folder.mkdir(parents=True)
        for name in ("config.yaml", "metrics.json")[:files]:
            (folder / name).touch()
    (tmp_path / "sweep" / "multirun.yaml").touch()
    return tmp_path / "sweep"


def test_the_runs_of_a_sweep_come_in_the_order_of_their_numbers(sweep):
    found = runs_in(sweep)
    assert [run.name for run in found.finished] == ["2_seed-2", "10_seed-1"]
    assert [run.name for run in found.unfinished] == ["3_seed-3"]


def test_rows_of_an_ablation_have_their_runs_one_level_down(sweep):
    assert [run.name for run in runs_in(sweep.parent).finished] == ["2_seed-2", "10_seed-1"]


def test_a_run_is_itself_and_is_counted_once(sweep):
    run = sweep / "2_seed-2"
    assert runs_of([run]).finished == (run,)
    assert runs_of([run, sweep]).finished == (run, sweep / "10_seed-1")


def test_a_folder_of_nothing_is_left_to_whoever_reads_it(tmp_path):
    assert runs_of([tmp_path]) == ((tmp_path,), ())
