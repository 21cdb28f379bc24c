import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
import torch
from omegaconf import OmegaConf
from typer.testing import CliRunner

from vpnet.cli.app import app
from vpnet.cli.sweep_tables import AblationTable

SWEEP = ("-m", "experiment=ablation_fusion", "model.width=32")


@pytest.fixture(scope="module")
def sweep(run_script, smoke_settings, tiny_settings, tmp_path_factory) -> Path:
    """Folder of a sweep of two rows, one seed; not to be written to."""
    folder = tmp_path_factory.mktemp("sweeps") / "ablation_fusion"
    settings = (*smoke_settings, *tiny_settings, "seed=1", "ablation/fusion=full,no_user")
    ended = run_script("train.py", *SWEEP, *settings, f"hydra.sweep.dir={folder}")
    assert ended.code == 0, ended.err
    assert "table: " in ended.out
    return folder


def test_rows_are_chosen_by_their_group(run_script, tiny_settings, tmp_path):
    """Over ablation.rows itself Hydra would sweep, and every row would be run for each of them."""
    settings = (
        *tiny_settings,
        "ablation.rows=full,no_user",
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    )
    ended = run_script("train.py", *SWEEP, *settings)
    assert ended.code == 2
    assert "choose some of them with ablation/fusion=ROW,ROW" in ended.err
    assert not list(tmp_path.rglob("config.yaml"))


def test_a_sweep_leaves_its_rows_and_its_table(sweep):
    assert not OmegaConf.load(sweep / "no_user" / "seed_1" / "config.yaml").user_embed
    table = pl.read_csv(sweep / "table.csv")
    assert table["row"].unique(maintain_order=True).to_list() == ["full", "no_user", "static"]
    assert len(table) == 3 * 9
    text = (sweep / "table.md").read_text()
    assert "| no user, 1 seed | error |" in text
    assert "the data lack saliency" in text
    assert "rows not run: head_only, eye_only, no_offset, no_face, no_saliency" in text
    assert "INCOMPLETE" not in text
    assert not list(sweep.rglob("wandb")), "logger=csv touches nothing of W&B"


def test_the_command_makes_the_table_again(sweep):
    made = [(sweep / f"table.{kind}").read_text() for kind in ("md", "csv")]
    for kind in ("md", "csv"):
        (sweep / f"table.{kind}").unlink()
    ended = CliRunner().invoke(app, ["ablation", str(sweep)])
    assert ended.exit_code == 0, ended.output
    assert "no user, 1 seed" in ended.output
    again = [(sweep / f"table.{kind}").read_text() for kind in ("md", "csv")]
    assert made[0].splitlines()[:6] == again[0].splitlines()[:6]
    # The command draws more bootstrap resamples than the smoke run.
    without_intervals = [
        [line.split(",")[:5] for line in text.splitlines()] for text in (made[1], again[1])
    ]
    assert without_intervals[0] == without_intervals[1]


def test_a_finished_sweep_runs_nothing_again(sweep, run_script, smoke_settings, tiny_settings):
    before = {file: file.stat().st_mtime_ns for file in sweep.glob("*/*/*")}
    settings = (*smoke_settings, *tiny_settings, "seed=1", "ablation/fusion=full,no_user")
    command = ("train.py", *SWEEP, *settings, f"hydra.sweep.dir={sweep}")
    ended = run_script(*command, "trainer.progress_bar=true", "num_workers=1")
    assert ended.code == 0, ended.err
    assert ended.out.count("finished before") == 2
    assert "table: " in ended.out
    assert {file: file.stat().st_mtime_ns for file in sweep.glob("*/*/*")} == before
    ended = run_script(*command, "training.batch_size=7")
    assert ended.code == 2
    assert "training.batch_size is 256 there, 7 now; name another folder" in ended.err
    ended = run_script(*command, "training.batch_size=7", "seed=2")
    assert ended.code == 2
    assert "seed_1 is 256; runs over seeds differ in the seed alone, sweep another" in ended.err
    assert not list(sweep.glob("*/seed_2")), "found before anything is trained"
    assert {file: file.stat().st_mtime_ns for file in sweep.glob("*/*/*")} == before


def test_a_single_run_is_recognised_too(smoke_train, run_script, tmp_path):
    run = smoke_train(tmp_path / "run", "model=static")
    written = (run / "metrics.json").stat().st_mtime_ns
    smoke_train(tmp_path / "run", "model=static")
    assert (run / "metrics.json").stat().st_mtime_ns == written
    ended = run_script("train.py", "model=linear", f"hydra.run.dir={run}")
    assert ended.code == 2
    assert "holds a finished run of another configuration" in ended.err
    assert (run / "metrics.json").stat().st_mtime_ns == written


def test_a_sweep_without_a_table_says_why(capsys, tmp_path):
    config = OmegaConf.create(
        {"hydra": {"sweep": {"dir": str(tmp_path)}}, "bootstrap_draws": 10, "logger": {}}
    )
    with pytest.raises(SystemExit) as ended:
        AblationTable().on_multirun_end(config)
    assert ended.value.code == 2
    assert "holds no finished run of an ablation" in capsys.readouterr().err


@pytest.mark.slow
def test_a_killed_sweep_goes_on_where_it_was(
    repository, run_script, smoke_settings, tiny_settings, tmp_path
):
    """SIGKILL while the second of three runs trains; the same command runs two, not three."""
    folder = tmp_path / "sweep"
    # Long enough that the second run is surely killed in the middle.
    command = ("train.py", "-m", "experiment=ablation_fusion", *smoke_settings, *tiny_settings)
    command += ("seed=1,2,3", "ablation/fusion=head_only", f"hydra.sweep.dir={folder}")
    command += ("trainer.max_epochs=10", "training.patience=null")
    seeds = [folder / "head_only" / f"seed_{seed}" for seed in (1, 2, 3)]
    process = subprocess.Popen(
        [sys.executable, str(repository / command[0]), *command[1:]],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while not (seeds[1] / "checkpoints" / "last.ckpt").is_file():
            assert process.poll() is None, "the sweep ended by itself"
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (seeds[0] / "metrics.json").is_file()
    assert not (seeds[1] / "metrics.json").exists()
    assert not seeds[2].exists()
    finished = {file: file.stat().st_mtime_ns for file in seeds[0].iterdir()}

    ended = run_script(*command)
    assert ended.code == 0, ended.err
    assert ended.out.count("finished before") == 1
    assert {file: file.stat().st_mtime_ns for file in seeds[0].iterdir()} == finished
    assert "head only, 3 seeds" in (folder / "table.md").read_text()

    whole = tmp_path / "whole"
    ended = run_script(*command, "seed=2", f"hydra.sweep.dir={whole}")
    assert ended.code == 0, ended.err
    for file in ("best.ckpt", "last.ckpt"):
        weights, expected = (
            torch.load(run / "checkpoints" / file, weights_only=True)["state_dict"]
            for run in (seeds[1], whole / "head_only" / "seed_2")
        )
        for name, value in expected.items():
            assert torch.equal(weights[name], value), name
    again, once = (
        pl.read_parquet(run / "errors.parquet")
        for run in (seeds[1], whole / "head_only" / "seed_2")
    )
    assert again.equals(once), "an interruption changes no number"
