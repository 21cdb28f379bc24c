"""Every switch of train.py, beside those that test_train.py looks at closely."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import torch
from omegaconf import OmegaConf
from polars.testing import assert_frame_equal

from vpnet.checkpoints.checkpoint import read_checkpoint
from vpnet.viewer_ids import hash_of

REPOSITORY = Path(__file__).resolve().parents[1]
SMOKE = ("trainer=smoke", "logger=csv", "bootstrap_draws=50", "plots.format=none")
TINY = ("data.users=5", "data.videos=5", "data.duration_s=16")
KEYS = ["user", "video", "anchor_s", "horizon_s"]


def errors_of(run: Path) -> pl.DataFrame:
    return pl.read_parquet(run / "errors.parquet")


NARROW = "model.width=32"
"""The smallest fusion."""
LSTM = ("model=lstm", "model.hidden=8")

OTHERS = [
    *("static", "linear", "lstm"),
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("constant_velocity", "track", "star_vp", "muse_vp", "gated_star_vp")
    ),
]


@pytest.mark.parametrize("model", OTHERS)
def test_every_other_model_runs(smoke_train, fusion_run, tmp_path, model):
    run = smoke_train(tmp_path / "run", f"model={model}")
    assert read_checkpoint(run / "checkpoints" / "best.ckpt").model["name"] == model
    models = json.loads((run / "metrics.json").read_text())["models"]
    assert next(iter(models)) == model
    assert set(models) == {model, "static", "constant_velocity"}
    assert_frame_equal(errors_of(run).select(KEYS), errors_of(fusion_run).select(KEYS))
    baseline = json.loads((fusion_run / "metrics.json").read_text())["models"]["static"]
    assert models["static"] == baseline, "the baseline is the same beside every model"


@pytest.mark.slow
def test_what_a_model_sees_is_the_same_in_training_and_prediction(
    run_script, predict_from, tmp_path, simulated_study
):
    """Salient points, folds, crowd, lookahead and weighting travel with the checkpoint."""
    run = tmp_path / "run"
    trained = run_script(
        "train.py",
        *("data=quest_pro", f"data.root={simulated_study}", "split=cross_user", "model=muse_vp"),
        *("saliency=behavioural", "saliency.folds=2", "crowd=true", "saliency_lookahead_s=0.6"),
        *("saliency_weighting=solid_angle", f"hydra.run.dir={run}", *SMOKE),
    )
    assert trained.code == 0, trained.err
    user, video = errors_of(run).select("user", "video").row(0)
    predicted = predict_from(run, simulated_study / user / video)
    tested = pl.read_parquet(run / "predictions.parquet").filter(~pl.col("interpolated"))
    both = tested.join(predicted, on=KEYS, suffix="_again")
    assert len(both) > 20
    for axis in "xyz":
        assert (both[axis] - both[f"{axis}_again"]).abs().max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        # The grouped and the ordered loaders deal every window out once.
        ("model=track", "saliency=behavioural", "saliency.folds=2", "training.group_size=8"),
        # Without saliency its attention has parameters that no gradient reaches.
        ("model=star_vp",),
    ],
    ids=["track", "star_vp"],
)
def test_two_processes_train_what_one_tests(smoke_train, tmp_path, settings):
    settings = (*settings, "split=cross_user")
    two = tmp_path / "two"
    # Its processes start the script again, so that it must be one.
    settings = (*SMOKE, *TINY, *settings)
    subprocess.run(
        [sys.executable, "train.py", *settings, "trainer.devices=2", "trainer.strategy=ddp"]
        + [f"hydra.run.dir={two}"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        timeout=300,
    )
    best = two / "checkpoints" / "best.ckpt"
    again = smoke_train(tmp_path / "one", *settings, "fit=false", f"checkpoint={best}")
    by_key = [errors_of(run).sort(KEYS) for run in (two, again)]
    assert_frame_equal(*by_key, check_exact=False, abs_tol=1e-4)


def test_center_bias_is_learned_and_kept(smoke_train, tmp_path):
    run = smoke_train(tmp_path / "run", "saliency=center_bias", NARROW)
    checkpoint = read_checkpoint(run / "checkpoints" / "best.ckpt")
    assert checkpoint.spec.has_saliency
    assert checkpoint.saliency_state["map"].std() > 0
    again = smoke_train(
        tmp_path / "again", f"checkpoint={checkpoint.path}", "fit=false", "split.seed=1"
    )
    assert (
        errors_of(again)["video"].unique().to_list() != errors_of(run)["video"].unique().to_list()
    )


def test_where_others_looked_is_learned_and_travels_with_the_checkpoint(
    smoke_train, predict_from, simulated_study, tmp_path
):
    few = ("data.users=4", "data.videos=2", NARROW)
    settings = ("saliency=behavioural", "saliency.height=10", "split=cross_user", *few)
    run = smoke_train(tmp_path / "run", *settings)
    expected = pl.read_parquet(run / "predictions.parquet").filter(~pl.col("interpolated"))
    user, video = expected.select("user", "video").row(0)
    predicted = predict_from(run, simulated_study / user / video)
    joined = expected.filter(user=user, video=video).join(predicted, on=KEYS, suffix="_found")
    assert len(joined) > 100
    assert (joined["x"] - joined["x_found"]).abs().max() < 1e-4


def test_the_personal_stage_starts_where_the_general_one_ended(
    smoke_train, general_run, fusion_run, train_refused, tmp_path
):
    first = general_run / "checkpoints" / "best.ckpt"
    start = ("stage=personal", f"checkpoint={first}")
    personal = smoke_train(tmp_path / "personal", *start, "training.optimizer.lr=0")
    assert_frame_equal(errors_of(personal), errors_of(general_run), abs_tol=1e-3)
    checkpoint = read_checkpoint(personal / "checkpoints" / "best.ckpt")
    assert (read_checkpoint(first).stage, checkpoint.stage) == ("general", "personal")
    assert checkpoint.run["training"]["batch_size"] == 32
    assert checkpoint.users == read_checkpoint(first).users

    single = fusion_run / "checkpoints" / "best.ckpt"
    message = train_refused("stage=personal", f"checkpoint={single}")
    assert f"stage=personal starts from a checkpoint of stage=general, {single} is of" in message


def test_a_network_starts_with_the_lstm_that_it_is_given(smoke_train, train_refused, tmp_path):
    first = smoke_train(tmp_path / "first", *LSTM, "training.optimizer.lr=0.01")
    start = f"lstm_checkpoint={first / 'checkpoints' / 'best.ckpt'}"
    second = smoke_train(tmp_path / "second", *LSTM, start, "training.optimizer.lr=0")
    assert_frame_equal(errors_of(second), errors_of(first), abs_tol=1e-3)
    cold = smoke_train(tmp_path / "cold", *LSTM, "training.optimizer.lr=0")
    assert (errors_of(cold)["error_deg"] - errors_of(first)["error_deg"]).abs().max() > 1e-2
    message = train_refused(*TINY, *LSTM, start, "split.seed=1")
    assert "recordings that are not of this split's training and validation" in message


@pytest.mark.slow
def test_a_checkpoint_remembers_what_trained_its_start(smoke_train, fusion_run, tmp_path):
    """Else a later test on those recordings would be taken for one."""
    start = read_checkpoint(fusion_run / "checkpoints" / "best.ckpt")
    run = smoke_train(tmp_path / "run", f"checkpoint={start.path}", "split.seed=1")
    found = read_checkpoint(run / "checkpoints" / "best.ckpt").trained_on
    assert start.trained_on < found
    assert len(found) == 5 * 5, (
        "the video that tested the first now trains, and the other way round"
    )


@pytest.mark.slow
def test_the_personal_stage_goes_on_where_it_stopped(smoke_train, general_run, tmp_path):
    start = f"checkpoint={general_run / 'checkpoints' / 'best.ckpt'}"
    tenth = ("stage=personal", "stage.rest=tenth", start, "training.optimizer.lr=0.01")
    personal = smoke_train(tmp_path / "personal", *tenth)
    moved_deg = errors_of(personal)["error_deg"] - errors_of(general_run)["error_deg"]
    assert moved_deg.abs().max() > 1e-3
    last = f"checkpoint={personal / 'checkpoints' / 'last.ckpt'}"
    again = smoke_train(tmp_path / "again", last, "resume=true", "trainer.max_epochs=2")
    config = OmegaConf.load(again / "config.yaml")
    assert config.stage == {"name": "personal", "rest": "tenth"}
    assert config.training.optimizer.lr == 0.01
    state = torch.load(again / "checkpoints" / "last.ckpt", weights_only=True)
    rates = [group["initial_lr"] for group in state["optimizer_states"][0]["param_groups"]]
    assert rates == pytest.approx([0.01, 0.001])


@pytest.mark.parametrize("model", ["static", "lstm"])
def test_a_stage_that_a_model_cannot_have_is_refused(model, train_refused, tiny_settings):
    message = train_refused(f"model={model}", "stage=general", *tiny_settings)
    assert f"this {model} has none; use stage=single" in message


@pytest.mark.slow
def test_the_short_task_runs(smoke_train, tmp_path):
    run = smoke_train(tmp_path / "run", "task=short_term")
    errors = errors_of(run)
    assert errors["horizon_s"].unique().sort().to_list() == [0.2, 0.5, 1.0]
    assert not errors["interpolated"].any()
    assert json.loads((run / "metrics.json").read_text())["task"] == "short_term"


def test_a_study_on_disk_gives_what_it_gives_in_memory(
    run_script, smoke_train, simulated_study, tmp_path
):
    """Files hold six decimals."""
    arguments = [*SMOKE, "data=quest_pro"]
    arguments += [f"data.root={simulated_study}", f"hydra.run.dir={tmp_path / 'disk'}"]
    arguments += ["saliency=file", f"saliency.path={simulated_study / 'saliency'}", "model=static"]
    ended = run_script("train.py", *arguments)
    assert ended.code == 0, ended.err
    memory = smoke_train(tmp_path / "memory", "model=static")
    assert_frame_equal(errors_of(tmp_path / "disk"), errors_of(memory), abs_tol=1e-2)
    checkpoint = read_checkpoint(tmp_path / "disk" / "checkpoints" / "best.ckpt")
    assert checkpoint.saliency == {"name": "file"}, "no path of the machine"
    found = checkpoint.saliency_settings()
    assert found == {"name": "file", "path": str(simulated_study / "saliency")}, (
        "config.yaml has it"
    )


@pytest.mark.slow
def test_fusion_reads_the_maps_of_a_study(run_script, simulated_study, tmp_path):
    arguments = ["trainer=smoke", "logger=csv", "bootstrap_draws=50", "data=quest_pro"]
    arguments += [f"data.root={simulated_study}", f"hydra.run.dir={tmp_path / 'run'}"]
    arguments += ["saliency=file", f"saliency.path={simulated_study / 'saliency'}"]
    ended = run_script("train.py", *arguments)
    assert ended.code == 0, ended.err
    assert "masked" not in ended.out


@pytest.mark.slow
def test_a_sweep_leaves_a_run_folder_for_every_combination(
    run_script, smoke_settings, tiny_settings, tmp_path
):
    sweep = tmp_path / "sweep"
    ended = run_script(
        "train.py",
        "-m",
        "model=fusion",
        "user_embed=true,false",
        "seed=1,2",
        *smoke_settings,
        *tiny_settings,
        f"hydra.sweep.dir={sweep}",
    )
    assert ended.code == 0, ended.err
    runs = sorted(path for path in sweep.iterdir() if path.is_dir())
    assert len(runs) == 4
    found = set()
    for run in runs:
        config = OmegaConf.load(run / "config.yaml")
        found.add((config.model.user_embed, config.seed))
        model = read_checkpoint(run / "checkpoints" / "best.ckpt").model
        assert model["user_embed"] == config.model.user_embed
        assert len(errors_of(run)) == 25 * 26
    assert found == {(embed, seed) for embed in (True, False) for seed in (1, 2)}


@pytest.mark.slow
def test_wandb_asks_for_nothing(repository, smoke_settings, tiny_settings, tmp_path):
    """In a process of its own, with no terminal, no credentials and a home that is empty."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("WANDB_")
    }
    environment |= {"HOME": str(tmp_path), "NETRC": str(tmp_path / "netrc")}
    settings = [setting for setting in smoke_settings if not setting.startswith("logger=")]
    run = tmp_path / "run"
    ended = subprocess.run(
        [
            sys.executable,
            str(repository / "train.py"),
            *settings,
            *tiny_settings,
            "logger=wandb",
            "plots.format=png",
            "model=static",
            f"hydra.run.dir={run}",
        ],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    (offline,) = (run / "wandb").glob("offline-run-*")
    (log,) = offline.glob("run-*.wandb")
    identifier = log.stem.removeprefix("run-")
    content = log.read_bytes()
    assert f"model-{identifier}".encode() in content
    assert b"best.ckpt" in content
    assert b"test/error_1s_deg" in content
    assert list(offline.glob("files/media/images/overview*.png"))


def test_what_a_model_does_without_is_said(run_script, tmp_path):
    given = (*SMOKE, *TINY, "split=cross_user", "saliency=center_bias", "crowd=true")
    ended = run_script("train.py", *given, *LSTM, f"hydra.run.dir={tmp_path / 'run'}")
    assert ended.code == 0
    assert "saliency: lstm does not look at it" in ended.out
    assert "crowd: lstm" not in ended.out


def test_whoever_trains_on_asks_the_viewers_of_the_new_split(smoke_train, tmp_path):
    """Viewers of the first training may be those that are tested now."""
    settings = ("crowd=true", "split=cross_user", NARROW)
    first = smoke_train(tmp_path / "first", *settings)
    best = first / "checkpoints" / "best.ckpt"
    settings = (f"checkpoint={best}", "split=cross_user", "split.seed=1")
    second = smoke_train(tmp_path / "second", *settings)

    def in_crowd(run: Path) -> set[str]:
        """Those who are tested in the second run and in the crowd of this one."""
        state = read_checkpoint(run / "checkpoints" / "best.ckpt").crowd_state or {}
        videos = (name for name in state if name.startswith("viewers of "))
        hashes = {bytes(row) for name in videos for row in state[name].tolist()}
        salt, users = bytes(state["salt"].tolist()), set(errors_of(second)["user"])
        return {user for user in users if hash_of(user, salt) in hashes}

    assert in_crowd(first), "else nothing is tested here"
    assert not in_crowd(second)
