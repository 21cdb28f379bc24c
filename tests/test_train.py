import json
import shutil
from pathlib import Path

import matplotlib.image
import polars as pl
import pytest
import torch
from omegaconf import OmegaConf
from polars.testing import assert_frame_equal

from vpnet.checkpoints.checkpoint import read_checkpoint
from vpnet.evaluation.viewport_metrics import error_deg
from vpnet.recordings.resampling import resample
from vpnet.runtime.run_lock import LOCK_FILE
from vpnet.simulation.simulated_study import simulate_recordings

KEYS = ["user", "video", "anchor_s", "horizon_s"]
HORIZONS_S = [round(0.2 * step, 1) for step in range(1, 26)]


def errors_of(run: Path) -> pl.DataFrame:
    return pl.read_parquet(run / "errors.parquet")


SETTINGS = ("seed=1", "model.width=32")
"""The smallest fusion."""


@pytest.fixture(scope="module")
def drawn_run(smoke_train, tmp_path_factory) -> Path:
    """Folder of a finished run with pictures; not to be written to."""
    folder = tmp_path_factory.mktemp("runs") / "drawn"
    with pytest.MonkeyPatch.context() as patch:
        # Draw fast.
        patch.setattr("vpnet.plots.style.DPI", 100)
        return smoke_train(folder, *SETTINGS, "plots.format=png")


@pytest.fixture(scope="module")
def second_run(smoke_train, tmp_path_factory) -> tuple[Path, Path]:
    """Folder of a run of the same seed, and a copy of it."""
    folder = tmp_path_factory.mktemp("runs")
    run = smoke_train(folder / "again", *SETTINGS)
    return run, shutil.copytree(run, folder / "copy")


@pytest.fixture
def again(second_run) -> Path:
    """Folder of a run of the same seed, as it ended; it may be written to."""
    run, copy = second_run
    shutil.rmtree(run)
    return shutil.copytree(copy, run)


@pytest.fixture
def truth() -> pl.DataFrame:
    """Where the simulated viewers of a smoke run looked, on the clock of the task."""
    parts = []
    for recording in simulate_recordings(users=5, videos=5, duration_s=16.0):
        resampled = resample(recording, 5)
        columns = {
            f"true_{axis}": resampled.viewport_center[:, column].numpy()
            for column, axis in enumerate("xyz")
        }
        step = (resampled.timestamps_s * 5).round().long().numpy()
        parts.append(
            pl.DataFrame({"step": step, **columns}).with_columns(
                user=pl.lit(recording.user_id), video=pl.lit(recording.video_id)
            )
        )
    return pl.concat(parts)


def test_a_run_leaves_all_that_is_promised(drawn_run):
    left = {str(path.relative_to(drawn_run)) for path in drawn_run.rglob("*") if path.is_file()}
    assert left - {LOCK_FILE} == {
        "config.yaml",
        "metrics.json",
        "metrics.parquet",
        "results.md",
        "errors.parquet",
        "predictions.parquet",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "csv/metrics.csv",
        "overview.png",
        "viewport_path.png",
        "error_by_horizon.png",
        "gates.png",
    }


def test_the_configuration_is_whole(drawn_run):
    config = OmegaConf.load(drawn_run / "config.yaml")
    text = (drawn_run / "config.yaml").read_text()
    assert "${" not in text
    assert "???" not in text
    assert config.seed == 1
    assert config.model.name == "fusion"
    assert config.model.user_embed is True
    assert config.data.users == 5
    assert config.trainer.max_epochs == 1
    assert config.task.horizons_s == HORIZONS_S


def test_tables_have_a_row_per_window_and_horizon(drawn_run):
    errors, predictions = errors_of(drawn_run), pl.read_parquet(drawn_run / "predictions.parquet")
    assert errors.columns == [*KEYS, "interpolated", "error_deg"]
    assert predictions.columns == [*KEYS, "yaw_deg", "elevation_deg", "x", "y", "z", "interpolated"]
    assert errors["video"].n_unique() == 1, "one of five videos tests"
    assert errors["user"].unique().sort().to_list() == ["S01", "S02", "S03", "S04", "S05"]
    # Of 16 s, anchors at 6, 7, 8, 9 and 10 s have 5 s of future.
    expected = pl.DataFrame({"anchor_s": [6.0, 7.0, 8.0, 9.0, 10.0]}).join(
        pl.DataFrame({"horizon_s": [*HORIZONS_S, 0.5]}), how="cross"
    )
    for _, recording in errors.group_by("user", "video"):
        found = recording.select("anchor_s", "horizon_s")
        assert_frame_equal(found, expected, check_row_order=False)
    keys = [*KEYS, "interpolated"]
    assert_frame_equal(errors.select(keys), predictions.select(keys))
    assert errors.filter("interpolated")["horizon_s"].unique().to_list() == [0.5]


def test_errors_are_those_of_the_predictions(drawn_run, truth):
    """Where the horizon is a step; between two, the truth is interpolated as well."""
    predictions = pl.read_parquet(drawn_run / "predictions.parquet").filter(~pl.col("interpolated"))
    predictions = predictions.with_columns(
        step=((pl.col("anchor_s") + pl.col("horizon_s")) * 5).round().cast(pl.Int64)
    )
    joined = predictions.join(truth, on=["user", "video", "step"]).join(
        errors_of(drawn_run), on=KEYS
    )
    assert len(joined) == len(predictions) == 25 * 25
    recomputed_deg = error_deg(
        torch.from_numpy(joined.select("x", "y", "z").to_numpy()).double(),
        torch.from_numpy(joined.select("true_x", "true_y", "true_z").to_numpy()),
    )
    torch.testing.assert_close(
        recomputed_deg, torch.tensor(joined["error_deg"].to_list()).double(), atol=1e-3, rtol=0
    )


def test_metrics_are_means_of_the_errors(drawn_run):
    metrics = json.loads((drawn_run / "metrics.json").read_text())
    assert metrics["task"] == "long_term"
    assert list(metrics["models"]) == ["fusion", "static", "constant_velocity"]
    errors = errors_of(drawn_run)
    for row in metrics["models"]["fusion"]["horizons"]:
        at = errors.filter((pl.col("horizon_s") - row["horizon_s"]).abs() < 1e-6)
        per_user = at.group_by("user").agg(pl.col("error_deg").mean())
        assert row["error_deg"]["mean_over_users"] == pytest.approx(per_user["error_deg"].mean())
        assert row["error_deg"]["mean_over_windows"] == pytest.approx(at["error_deg"].mean())
    table = (drawn_run / "results.md").read_text()
    for model in metrics["models"]:
        assert f"| {model} | users |" in table


def test_pictures_can_be_looked_at(drawn_run):
    for name in ("overview", "viewport_path", "error_by_horizon", "gates"):
        picture = matplotlib.image.imread(drawn_run / f"{name}.png")
        assert min(picture.shape[:2]) > 200
        assert picture[..., :3].std() > 0.01, "not blank"


def test_training_is_logged(drawn_run):
    logged = pl.read_csv(drawn_run / "csv" / "metrics.csv")
    for column in ("train/loss", "val/error_deg", "val/error_1s_deg", "test/error_1s_deg"):
        values = logged[column].drop_nulls()
        assert len(values) == 1
        assert 0 < values[0] < 180


def test_the_checkpoint_says_what_it_is(drawn_run):
    checkpoint = read_checkpoint(drawn_run / "checkpoints" / "best.ckpt")
    config = OmegaConf.to_container(OmegaConf.load(drawn_run / "config.yaml"))
    assert isinstance(config, dict)
    assert checkpoint.model == config["model"]
    assert checkpoint.task == config["task"]
    names = ("S01", "S02", "S03", "S04", "S05")
    assert [checkpoint.users.row_of(name) for name in names] == [1, 2, 3, 4, 5]
    assert checkpoint.users.row_of("S06") == 0


def test_one_seed_gives_one_result(smoke_train, drawn_run, again, tmp_path):
    other = errors_of(smoke_train(tmp_path / "other", *SETTINGS, "seed=2"))
    same = errors_of(again)
    assert_frame_equal(same, errors_of(drawn_run), check_exact=True)
    assert_frame_equal(other.select(KEYS), same.select(KEYS))
    assert (other["error_deg"] - same["error_deg"]).abs().max() > 1e-3


def test_a_checkpoint_is_evaluated_to_the_same_errors(smoke_train, drawn_run, tmp_path):
    """The seed that made its weights plays no part, nor does the logger's folder."""
    checkpoint = drawn_run / "checkpoints" / "best.ckpt"
    run = smoke_train(tmp_path / "run", f"checkpoint={checkpoint}", "fit=false", "seed=7")
    assert_frame_equal(errors_of(run), errors_of(drawn_run), check_exact=True)
    assert not (run / "checkpoints").exists()


def test_training_goes_on_where_it_stopped(smoke_train, drawn_run, tmp_path):
    first = drawn_run / "checkpoints" / "last.ckpt"
    run = smoke_train(
        tmp_path / "run", f"checkpoint={first}", "resume=true", "trainer.max_epochs=3", "seed=1"
    )
    logged = pl.read_csv(run / "csv" / "metrics.csv").filter(pl.col("train/loss").is_not_null())
    assert logged["epoch"].to_list() == [1, 2]
    before, after = (
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
        for folder in (drawn_run, run)
    )
    assert after["global_step"] == 3 * before["global_step"] > 0
    assert read_checkpoint(run / "checkpoints" / "best.ckpt").users == read_checkpoint(first).users


def test_an_interrupted_run_goes_on_after_its_last_epoch(smoke_train, again):
    run = again
    for left in ("metrics.json", "errors.parquet"):
        (run / left).unlink()
    # As if it had been interrupted in the second of two epochs.
    config = OmegaConf.load(run / "config.yaml")
    config.trainer.max_epochs = 2
    OmegaConf.save(config, run / "config.yaml")
    logged_before = (run / "csv" / "metrics.csv").read_bytes()
    before = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    smoke_train(run, *SETTINGS, "trainer.max_epochs=2")
    assert (run / "csv" / "metrics.csv").read_bytes() == logged_before
    logged = pl.read_csv(run / "csv_2" / "metrics.csv").filter(pl.col("train/loss").is_not_null())
    assert logged["epoch"].to_list() == [1]
    last = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["global_step"] == 2 * before["global_step"] > 0
    assert last["vpnet"]["salt"] == before["vpnet"]["salt"], "hashes stay those of the run"
    best = [
        state["best_model_score"]
        for name, state in last["callbacks"].items()
        if name.startswith("ModelCheckpoint") and state["monitor"] is not None
    ]
    errors_deg = [
        pl.read_csv(run / name / "metrics.csv")["val/error_deg"].drop_nulls().min()
        for name in ("csv", "csv_2")
    ]
    assert best == [pytest.approx(min(errors_deg), rel=1e-5)]


def test_a_run_interrupted_in_its_test_is_tested(smoke_train, drawn_run, again):
    run = again
    for left in ("metrics.json", "errors.parquet"):
        (run / left).unlink()
    last = run / "checkpoints" / "last.ckpt"
    written_ns = last.stat().st_mtime_ns
    smoke_train(run, *SETTINGS)
    assert last.stat().st_mtime_ns == written_ns, "it was not trained again"
    assert_frame_equal(errors_of(run), errors_of(drawn_run), check_exact=True)


def test_a_checkpoint_is_a_start_without_its_epochs(smoke_train, drawn_run, tmp_path):
    first = drawn_run / "checkpoints" / "best.ckpt"
    run = smoke_train(tmp_path / "run", f"checkpoint={first}", "training.optimizer.lr=0")
    logged = pl.read_csv(run / "csv" / "metrics.csv")
    assert logged["epoch"].drop_nulls().max() == 0
    assert_frame_equal(errors_of(run), errors_of(drawn_run))
