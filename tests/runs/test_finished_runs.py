import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from vpnet.checkpoints.checkpoint_file import write_content
from vpnet.errors import InputError
from vpnet.runs.finished_runs import (
    PICTURES,
    PROMISED,
    check_no_links,
    check_other_seeds,
    clear_unfinished,
    has_finished,
    interrupted_at,
    is_finished,
    runs_in,
    runs_of,
)

WHOLE = (*PROMISED, *(f"{picture}.pdf" for picture in PICTURES))

CONFIG = {
    "seed": 1,
    "num_workers": 0,
    "saliency": None,
    "model": {"name": "fusion", "streams": ["head", "eye"]},
    "trainer": {"max_epochs": 60, "progress_bar": True},
    "logger": {"wandb": True, "group": None},
    "data": {"path": "a.parquet", "workers": None},
}


def changed(key: str, value: object) -> str:
    """The configuration as YAML, with another value at a key such as model.streams."""
    config = yaml.safe_load(yaml.safe_dump(CONFIG))
    *groups, name = key.split(".")
    node = config
    for group in groups:
        node = node[group]
    node[name] = value
    return yaml.safe_dump(config)


@pytest.fixture
def leave(tmp_path):
    """Function that makes the folder of a run of `CONFIG` with these files."""

    def make(*files: str) -> Path:
        for file in ("config.yaml", *files):
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text("")
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
        return tmp_path

    return make


def test_a_run_is_finished_when_it_has_all_that_is_promised(leave):
    run = leave(*WHOLE)
    assert is_finished(run)
    assert has_finished(run, yaml.safe_dump(CONFIG))


@pytest.mark.parametrize("missing", WHOLE)
def test_a_run_that_lacks_anything_is_not_finished(leave, missing):
    run = leave(*(file for file in WHOLE if file != missing))
    assert not is_finished(run)
    assert not has_finished(run, yaml.safe_dump(CONFIG))


def test_a_run_that_was_to_draw_nothing_is_finished_without_pictures(leave):
    run = leave(*PROMISED)
    assert not is_finished(run)
    (run / "config.yaml").write_text("plots: {format: none}")
    assert is_finished(run)


def test_a_folder_that_is_not_there_holds_nothing(tmp_path):
    assert not has_finished(tmp_path / "none", yaml.safe_dump(CONFIG))
    clear_unfinished(tmp_path / "none")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("logger.wandb", False),
        ("logger.group", "sweep"),
        ("num_workers", 4),
        ("trainer.progress_bar", False),
        ("plots", {"format": "pdf"}),
        ("data.workers", 8),
        ("ablation", {"rows": "a,b", "row": "a"}),
    ],
)
def test_what_cannot_change_a_result_does_not_count(leave, key, value):
    assert has_finished(leave(*WHOLE), changed(key, value))


@pytest.mark.parametrize(
    ("key", "value", "was"),
    [
        ("seed", 2, 1),
        ("seed", True, 1),
        ("saliency", {"path": "maps"}, None),
        ("model.streams", ["eye", "head"], ["head", "eye"]),
        ("model.user_embed", True, "not set"),
        ("trainer.max_epochs", 61, 60),
        ("data.path", "b.parquet", "a.parquet"),
    ],
)
def test_another_configuration_is_refused(leave, key, value, was):
    run = leave(*WHOLE)
    with pytest.raises(InputError) as refused:
        has_finished(run, changed(key, value))
    message = str(refused.value)
    if key == "saliency":
        assert "saliency is None there, not set now" in message
    else:
        assert f"{key} is {was} there, {value} now" in message
    assert message.startswith(f"{run}: holds a finished run of another configuration")
    assert "hydra.sweep.dir=..." in message
    assert "or delete this one" in message


def test_a_refusal_names_several_differences(leave):
    run = leave(*WHOLE)
    asked = yaml.safe_load(changed("seed", 2)) | {f"key{number}": number for number in range(6)}
    with pytest.raises(InputError) as refused:
        has_finished(run, yaml.safe_dump(asked))
    message = str(refused.value)
    assert "seed is 1 there, 2 now; key0 is not set there, 0 now; key1 is" in message
    assert "key2 is not set there, 2 now; 3 more; name another folder" in message


def test_an_unfinished_run_of_another_configuration_is_no_obstacle(leave):
    assert not has_finished(leave("errors.parquet"), changed("seed", 2))


def test_an_unfinished_run_is_cleared_and_nothing_else(leave):
    run = leave("checkpoints/last.ckpt", "csv/metrics.csv", "csv_2/metrics.csv", "notes.txt")
    clear_unfinished(run)
    left = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    assert left == {"config.yaml", "notes.txt"}


@pytest.fixture
def leave_last(leave) -> Callable[..., Path]:
    """Function that leaves an interrupted run and its last checkpoint."""

    def make(*parts: str) -> Path:
        run = leave("checkpoints/last.ckpt")
        content = {"epoch": 0, "global_step": 1, "pytorch-lightning_version": "2.6.6"}
        content |= {"state_dict": {}, "vpnet": {}, **{part: [] for part in parts}}
        write_content(content, run / "checkpoints" / "last.ckpt")
        return run

    return make


def test_an_interrupted_run_is_known_by_its_last_checkpoint(leave_last):
    run = leave_last("optimizer_states")
    assert interrupted_at(run, yaml.safe_dump(CONFIG)) == run / "checkpoints" / "last.ckpt"
    assert interrupted_at(run, changed("num_workers", 4)) is not None
    with pytest.raises(InputError, match="holds an interrupted run of another configuration: seed"):
        interrupted_at(run, changed("seed", 2))
    assert (run / "checkpoints" / "last.ckpt").is_file()
    own = str(run / "checkpoints" / "last.ckpt")
    assert interrupted_at(run, changed("checkpoint", own)) is None, "the user names it"


def test_a_damaged_checkpoint_is_refused_and_stays(leave_last):
    assert interrupted_at(leave_last(), yaml.safe_dump(CONFIG)) is None, "weights alone"
    run = leave_last("optimizer_states")
    last = run / "checkpoints" / "last.ckpt"
    for content in (last.read_bytes()[:-20], b""):
        last.write_bytes(content)
        with pytest.raises(InputError, match=f"last.ckpt: .*delete {run} to start over"):
            interrupted_at(run, yaml.safe_dump(CONFIG))
        assert last.read_bytes() == content


def test_a_run_that_starts_from_its_own_folder_keeps_its_start(leave):
    run = leave("checkpoints/last.ckpt", "checkpoints/best.ckpt")
    clear_unfinished(run, run / "checkpoints" / "best.ckpt")
    assert [file.name for file in (run / "checkpoints").iterdir()] == ["best.ckpt"]


def test_a_run_folder_of_links_is_refused(leave, tmp_path):
    """Somebody else's: what vpnet deletes and writes there would lie where he says."""
    run = leave("checkpoints/last.ckpt", "csv/metrics.csv")
    check_no_links(run)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for part in ("checkpoints/best.ckpt", "csv_2", "csv"):
        if (run / part).is_dir():
            shutil.rmtree(run / part)
        (run / part).symlink_to(elsewhere)
        with pytest.raises(InputError, match=f"{part}: is a link"):
            check_no_links(run)
        (run / part).unlink()


def test_training_that_ended_no_epoch_begins_anew(leave, tmp_path):
    assert interrupted_at(leave("csv/metrics.csv"), yaml.safe_dump(CONFIG)) is None
    assert interrupted_at(tmp_path / "none", yaml.safe_dump(CONFIG)) is None


def test_a_finished_run_is_not_cleared(leave):
    run = leave("checkpoints/best.ckpt", *WHOLE)
    clear_unfinished(run)
    assert (run / "checkpoints" / "best.ckpt").is_file()


def test_a_folder_of_something_else_is_not_cleared(leave):
    run = leave("checkpoints/best.ckpt")
    (run / "config.yaml").unlink()
    clear_unfinished(run)
    assert (run / "checkpoints" / "best.ckpt").is_file()


@pytest.fixture
def beside(tmp_path):
    """Function that makes the YAML of seed 2, beside which seed 1 of its row is finished."""
    named = {"ablation": {"rows": "full,less", "row": "full"}}
    run = tmp_path / "seed_1"
    run.mkdir()
    for file in WHOLE:
        (run / file).write_text("")
    (run / "config.yaml").write_text(yaml.safe_dump(CONFIG | named))
    return lambda **settings: yaml.safe_dump(CONFIG | named | {"seed": 2} | settings)


def test_seeds_of_a_row_differ_in_the_seed_alone(beside, tmp_path):
    check_other_seeds(tmp_path / "seed_2", beside(num_workers=3))
    with pytest.raises(InputError, match=r"seed_2: its saliency is x, that of .*seed_1 is None"):
        check_other_seeds(tmp_path / "seed_2", beside(saliency="x"))


def test_only_finished_runs_of_an_ablation_are_compared(beside, tmp_path):
    without = yaml.safe_load(beside(saliency="x"))
    del without["ablation"]
    check_other_seeds(tmp_path / "seed_2", yaml.safe_dump(without))
    with pytest.raises(InputError):
        check_other_seeds(tmp_path / "seed_2", beside(saliency="x"))
    (tmp_path / "seed_1" / "metrics.json").unlink()
    check_other_seeds(tmp_path / "seed_2", beside(saliency="x"))


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


def test_a_folder_of_nothing_counts_as_finished_so_that_reading_it_fails(tmp_path):
    assert runs_of([tmp_path]) == ((tmp_path,), ())
