import json
from pathlib import Path

import matplotlib.image
import polars as pl
import pytest
import torch
from matplotlib.figure import Figure

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.splits import CrossVideo
from vpnet.errors import InputError
from vpnet.evaluation.error_tables import read_errors
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.evaluation.measurements import measure
from vpnet.evaluation.metrics_table import errors_by_user
from vpnet.models.baselines import Static
from vpnet.models.fusion import Fusion
from vpnet.runs.finished_runs import read_metrics_table
from vpnet.runs.report import draw_run_pictures, finish, write_report
from vpnet.saliency.fitted_sources import CenterBias
from vpnet.simulation.simulated_study import simulate_recordings


@pytest.fixture
def evaluated(tiny_data) -> dict[str, EvaluatedWindows]:
    """`own` is static turned by a little, so that the two differ."""
    windows = tiny_data.test_windows[list(range(len(tiny_data.test_windows)))]
    static = Static(tiny_data.spec)(windows)
    own = torch.nn.functional.normalize(static + torch.tensor([0.1, 0.0, 0.0]), dim=-1)
    rest = (windows.future_directions, windows.future_valid)
    rest += (windows.recording_index, windows.anchor_step)
    return {
        name: EvaluatedWindows(each, *rest) for name, each in (("own", own), ("static", static))
    }


def test_everything_is_written_and_agrees(tmp_path, evaluated, tiny_data):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "metrics.json").write_text("of a run that is not finished")
    _, summaries, table = write_report(folder, evaluated, tiny_data, bootstrap_draws=20)
    tables = {"results.md", "errors.parquet", "predictions.parquet", "metrics.parquet"}
    assert {path.name for path in folder.iterdir()} == tables, "not finished yet"
    finish(folder, "tiny", summaries, ["face"])
    assert {path.name for path in folder.iterdir()} == {*tables, "metrics.json"}
    written = json.loads((folder / "metrics.json").read_text())
    expected = {"task": "tiny", "absent_streams": ["face"], "models": summaries}
    assert written == json.loads(json.dumps(expected))
    assert (folder / "results.md").read_text() == table.to_markdown()
    assert list(summaries) == ["own", "static"]
    assert summaries["own"]["bootstrap"]["draws"] == 20


def test_rows_are_those_of_the_first_model(tmp_path, evaluated, tiny_data):
    summaries = write_report(tmp_path, evaluated, tiny_data, bootstrap_draws=20).summaries
    errors = read_errors(tmp_path)
    assert errors["horizon_s"].unique().sort().to_list() == [0.2, 0.5, 0.6, 1.0]
    mean_deg = errors.filter(pl.col("horizon_s") == 1.0)["error_deg"].mean()
    (at_one,) = (row for row in summaries["own"]["horizons"] if row["horizon_s"] == 1.0)
    assert mean_deg == pytest.approx(at_one["error_deg"]["mean_over_windows"])
    (other,) = (row for row in summaries["static"]["horizons"] if row["horizon_s"] == 1.0)
    assert mean_deg != pytest.approx(other["error_deg"]["mean_over_windows"])
    predictions = pl.read_parquet(tmp_path / "predictions.parquet")
    keys = ("user", "video", "anchor_s", "horizon_s", "interpolated")
    assert predictions.select(keys).equals(errors.select(keys))
    steps = predictions.filter(~pl.col("interpolated")).select("x", "y", "z")
    torch.testing.assert_close(steps.to_torch().reshape(-1, 3, 3), evaluated["own"].predicted)


def test_the_metrics_table_agrees_with_the_summaries(tmp_path, evaluated, tiny_data):
    summaries = write_report(tmp_path, evaluated, tiny_data, seed=7, bootstrap_draws=20).summaries
    finish(tmp_path, "tiny", summaries)
    table = read_metrics_table(tmp_path)
    assert table["model"].unique(maintain_order=True).to_list() == ["own", "static"]
    assert table["seed"].unique().to_list() == [7]
    errors = errors_by_user(table)
    for name, summary in summaries.items():
        for position, row in enumerate(summary["horizons"]):
            own = errors.filter(
                (pl.col("model") == name) & (pl.col("label") == f"{row['horizon_s']:g} s")
            ).sort("user")
            expected = [user["mean_deg"][position] for user in summary["users"].values()]
            assert own["error_deg"].to_list() == pytest.approx(expected)
            assert own["window_count"].sum() == row["window_count"]


def test_remarks_are_below_the_table(tmp_path, evaluated, tiny_data):
    remarks = ("NOT a test: 3 of 3",)
    table = write_report(tmp_path, evaluated, tiny_data, bootstrap_draws=20, remarks=remarks).table
    assert table.footnotes[-1] == "NOT a test: 3 of 3"
    assert "NOT a test: 3 of 3" in (tmp_path / "results.md").read_text()


def test_a_report_without_the_baseline_is_refused(tmp_path, evaluated, tiny_data):
    with pytest.raises(InputError, match="'static' is not among own"):
        write_report(tmp_path, {"own": evaluated["own"]}, tiny_data, bootstrap_draws=20)


@pytest.fixture(autouse=True, scope="module")
def _small_pictures():
    """Draw fast."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vpnet.plots.style.DPI", 60)
        yield


def evaluate(data: ViewportDataModule) -> tuple[EvaluatedWindows, dict]:
    """The static model's predictions, and their metrics under two names."""
    windows = data.test_windows[list(range(len(data.test_windows)))]
    evaluated = EvaluatedWindows(
        Static(data.spec)(windows),
        windows.future_directions,
        windows.future_valid,
        windows.recording_index,
        windows.anchor_step,
    )
    measured = measure(evaluated, horizons_s=data.task.horizons_s)
    return evaluated, {"fusion": measured, "static": measured}


@pytest.fixture(scope="module")
def drawn(tiny_data, tmp_path_factory) -> tuple[Path, dict[str, Path]]:
    """Folder of the pictures of the static model, and what its drawing gave."""
    folder = tmp_path_factory.mktemp("drawn")
    evaluated, measured = evaluate(tiny_data)
    model = Static(tiny_data.spec)
    return folder, draw_run_pictures(folder, model, evaluated, measured, tiny_data)


def test_three_pictures_are_drawn(drawn):
    folder, files = drawn
    assert set(files) == {"viewport_path", "error_by_horizon", "overview"}
    for name, file in files.items():
        assert file == folder / f"{name}.png"
        picture = matplotlib.image.imread(file)
        assert min(picture.shape[:2]) > 200
        assert picture[..., :3].std() > 0.01, "not blank"


def test_pictures_come_in_the_formats_that_are_wanted(tiny_data, tmp_path):
    evaluated, measured = evaluate(tiny_data)
    model = Static(tiny_data.spec)
    files = draw_run_pictures(
        tmp_path, model, evaluated, measured, tiny_data, formats=("pdf", "svg")
    )
    assert files["overview"] == tmp_path / "overview.pdf"
    assert {file.suffix for file in tmp_path.iterdir()} == {".pdf", ".svg"}
    assert len(list(tmp_path.iterdir())) == 6


def test_the_gates_of_all_viewers_of_a_video_are_drawn(tiny_data, tmp_path, monkeypatch):
    drawn = []

    def record(gates, anchors_s, *, title):
        drawn.append((gates, anchors_s, title))
        return Figure()

    monkeypatch.setattr("vpnet.runs.report.gates_figure", record)
    evaluated, measured = evaluate(tiny_data)
    model = Fusion(tiny_data.spec).train()
    files = draw_run_pictures(tmp_path, model, evaluated, measured, tiny_data)
    assert files["gates"] == tmp_path / "gates.png"
    ((gates, anchors_s, title),) = drawn
    assert set(gates) == {"head", "eye", "offset"}
    assert anchors_s.tolist() == [1.0 + second for second in range(8)]
    # Each viewer's recording, whole, as the model sees it when it predicts.
    video, viewers = title.removeprefix("Gates: video ").removesuffix(" viewers").split(", ")
    recordings = [
        recording
        for recording in evaluated.recording_index.unique().tolist()
        if tiny_data.samples.video_ids[recording] == video
    ]
    assert int(viewers) == len(recordings) > 1
    for number, recording in enumerate(recordings):
        rows = torch.nonzero(evaluated.recording_index == recording)[:, 0].tolist()
        expected = model.eval().stream_gates(tiny_data.test_windows[rows])
        for name, gate in gates.items():
            lost = torch.where(expected[name] > 0, expected[name], torch.nan)
            torch.testing.assert_close(gate[number].float(), lost, equal_nan=True)


@pytest.fixture(scope="module")
def data_with_saliency(tiny_data) -> ViewportDataModule:
    recordings = simulate_recordings(users=4, videos=4, duration_s=10.0)
    return ViewportDataModule(
        recordings, CrossVideo(0.25, 0.25), tiny_data.task, saliency=CenterBias(24, 48)
    )


def test_saliency_is_behind_the_paths(drawn, data_with_saliency, tmp_path):
    """The windows are the same; only the background can make the pictures differ."""
    data = data_with_saliency
    evaluated, measured = evaluate(data)
    files = draw_run_pictures(tmp_path, Static(data.spec), evaluated, measured, data)
    without, with_map = (
        {key: matplotlib.image.imread(file) for key, file in each.items()}
        for each in (drawn[1], files)
    )
    assert (without["error_by_horizon"] == with_map["error_by_horizon"]).all()
    for name in ("viewport_path", "overview"):
        changed = (abs(without[name] - with_map[name]) > 0.02).any(axis=-1)
        assert changed.mean() > 0.02


def test_windows_are_cut_in_the_order_of_the_evaluation(tiny_data):
    """Pictures take the window at a prediction's place for its own."""
    windows = tiny_data.test_windows[list(range(len(tiny_data.test_windows)))]
    key = torch.stack((windows.recording_index, windows.anchor_step), dim=1)
    assert key.tolist() == sorted(key.tolist())
