"""A sweep ends with one table of its runs, and names those that failed."""

import copy
import functools
import re
from collections.abc import Callable

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, read_write

from vpnet.cli.sweep_tables import HERE, SweepTable, check_rows
from vpnet.errors import InputError


@pytest.fixture(scope="module")
def sweep(run_script, smoke_settings, tiny_settings, tmp_path_factory):
    """Folder and output of a sweep over a list, text with signs, and a seed that is refused."""
    folder = tmp_path_factory.mktemp("sweeps") / "sweep"
    settings = (*smoke_settings, *tiny_settings, "model=static", f"hydra.sweep.dir={folder}")
    ended = run_script(
        "train.py",
        "-m",
        "seed=-1,1,2",
        "face_features=choice([Jaw_Drop])",
        "+logger.notes='a b=c'",
        *settings,
    )
    return folder, ended


def test_one_table_of_all_runs_is_the_last_of_them(sweep):
    folder, ended = sweep
    assert ended.out.count("│ static, 2 seeds") == 1
    tail = ended.out.partition("│ static, 2 seeds")[2]
    assert "run folder:" not in tail, "it comes behind the last run"
    assert (
        f"sweep folder: {folder}\nthis table again: vpnet results {folder} --bootstrap-draws 50\n"
        in tail
    )


def test_the_command_prints_it_again(sweep, vpnet):
    folder, ended = sweep
    printed = vpnet("results", folder)
    assert "static, 2 seeds" in printed
    row = re.search(r"static, 2 seeds .*", ended.out)
    assert row is not None
    assert row[0].split("│")[2:9] == re.search(r"static, 2 seeds .*", printed)[0].split("│")[2:9]


def test_a_run_that_failed_is_named_and_the_others_are_done(sweep):
    folder, ended = sweep
    assert ended.code == 2
    assert "error: seed must be a whole number from 0 to 4294967295, got -1" in ended.err
    assert re.search(r"failed with this: 0_\S+\n1 of 3 runs failed", ended.err)
    assert "Traceback" not in ended.err
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 2


def test_folders_can_be_pasted(sweep):
    folder, _ = sweep
    names = [path.name for path in folder.iterdir() if path.is_dir()]
    assert sorted(name.partition("_")[0] for name in names) == ["1", "2"]
    for name in names:
        # What is swept, and nothing that all runs share.
        assert re.fullmatch(r"[12]_face_features-Jaw_Drop_seed-[12]", name), name


def test_results_name_the_runs_without_any(sweep, vpnet, tmp_path):
    begun = tmp_path / "sweep" / "3_seed-4"
    begun.mkdir(parents=True)
    (begun / "config.yaml").touch()
    folder, _ = sweep
    printed = vpnet("results", folder, begun.parent)
    assert f"not finished: {begun}" in printed.replace("\n", "")


def test_a_defect_keeps_its_traceback_and_its_exit_code(capsys, tmp_path):
    config = OmegaConf.create(
        {
            "bootstrap_draws": 10,
            "hydra": {
                "mode": RunMode.MULTIRUN,
                "launcher": {"_target_": HERE},
                "runtime": {"output_dir": "sweep/0_seed-1"},
                "sweep": {"dir": str(tmp_path)},
            },
        }
    )
    ended = JobReturn(status=JobStatus.FAILED)
    ended.return_value = ZeroDivisionError("a defect")
    table = SweepTable()
    table.on_job_end(config, ended)
    assert ended.status is JobStatus.COMPLETED, "the sweep goes on to its table"
    with pytest.raises(SystemExit) as exit_code:
        table.on_multirun_end(config)
    assert exit_code.value.code == 1
    printed = capsys.readouterr().err
    assert "ZeroDivisionError: a defect" in printed
    assert "error: a defect\nfailed with this: 0_seed-1\n1 of 1 runs failed\n" in printed


@pytest.fixture(scope="module")
def ablation_sweep(repository) -> Callable[..., DictConfig]:
    """Function that composes a sweep over an ablation, as Hydra hands it to a callback."""

    @functools.cache
    def composed(experiment: str) -> DictConfig:
        with initialize_config_dir(str(repository / "conf"), version_base="1.3"):
            return compose("train", [f"experiment={experiment}"], return_hydra_config=True)

    def make(experiment: str, *overrides: str) -> DictConfig:
        config = copy.deepcopy(composed(experiment))
        # The values that are swept over are not in the configuration itself.
        with read_write(config.hydra):
            config.hydra.overrides.task = [f"experiment={experiment}", *overrides]
        return config

    return make


@pytest.mark.parametrize(
    ("experiment", "overrides", "message"),
    [
        (
            "ablation_fusion",
            ["user_embed=true"],
            r"user_embed=true: would undo .*, for full says nothing of user_embed; leave it out",
        ),
        (
            "ablation_fusion",
            ["ablation/fusion=no_user", "user_embed=true", "seed=1,2"],
            r"user_embed=true: would undo .* for no_user says user_embed=False; .* "
            "choose rows that agree with ablation/fusion=ROW,ROW",
        ),
        (
            "ablation_fusion",
            ["ablation/fusion=full,head_only", "model.streams=[head]"],
            r"model.streams=\[head\]: would undo .*for full says nothing of model.streams",
        ),
        (
            "ablation_fusion",
            ["ablation/fusion=choice(head_only,eye_only)", "model.streams=[head]"],
            r"for eye_only says model.streams=\['eye'\]",
        ),
        ("ablation_fusion", ["user_embed=true,false"], "would undo what the rows"),
        (
            "ablation_fusion",
            ["model.user_embed=true"],
            "model.user_embed=true: would undo .*for full says nothing of user_embed",
        ),
        ("ablation_fusion", ["model=lstm"], "model=lstm: the rows are those of fusion; leave it"),
        ("ablation_fusion", ["model=fusion,lstm"], "model=fusion,lstm: the rows are those of"),
        ("ablation_muse_vp", ["user_embed=false"], "for user_embed says nothing of user_embed"),
        ("ablation_muse_vp", ["model.user_embed=false"], "for user_embed says nothing of user"),
        (
            "ablation_muse_vp",
            ["ablation.rows=star_vp"],
            "choose some of them with ablation/muse_vp=",
        ),
    ],
)
def test_what_would_undo_a_row_is_refused(ablation_sweep, experiment, overrides, message):
    with pytest.raises(InputError, match=message):
        check_rows(ablation_sweep(experiment, *overrides))


@pytest.mark.parametrize(
    ("experiment", "overrides"),
    [
        ("ablation_fusion", []),
        ("ablation_fusion", ["model=fusion"]),
        ("ablation_fusion", ["ablation/fusion=full,head_only", "user_embed=false"]),
        ("ablation_fusion", ["ablation/fusion=no_user", "model.user_embed=false"]),
        ("ablation_fusion", ["ablation/fusion=full,no_user", "model.streams=[head,eye]"]),
        ("ablation_fusion", ["ablation/fusion=head_only", "model.streams=[head]"]),
        ("ablation_fusion", ["ablation/fusion=no_such_row", "model.encoder=gru", "seed=1,2"]),
        ("ablation_muse_vp", ["ablation/muse_vp=star_vp,eye_lstm", "user_embed=false"]),
    ],
)
def test_what_leaves_the_asked_rows_as_they_are_is_let_through(
    ablation_sweep, experiment, overrides
):
    check_rows(ablation_sweep(experiment, *overrides))
