import json

import polars as pl
import pytest
import torch

from vpnet.errors import InputError
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.runs.report import finish, write_report
from vpnet.evaluation.tables import read_errors
from vpnet.models.static import Static


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
    summaries, table = write_report(folder, evaluated, tiny_data, bootstrap_draws=20)
    tables = {"results.md", "errors.parquet", "predictions.parquet"}
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
    summaries, _ = write_report(tmp_path, evaluated, tiny_data, bootstrap_draws=20)
    errors = read_errors(tmp_path)
    assert errors["horizon_s"].unique().sort().to_list() == [0.2, 0.5, 0.6, 1.0]
    mean_deg = errors.filter(pl.col("horizon_s") == 1.0)["error_deg"].mean()
    (at_one,) = (row for row in summaries["own"]["horizons"] if row["horizon_s"] == 1.0)
    assert mean_deg == pytest.approx(at_one["error_deg"]["mean_over_windows"])
    (other,) = (row for row in summaries["static"]["horizons"] if row["horizon_s"] == 1.0)
    assert mean_deg != pytest.approx(other["error_deg"]["mean_over_windows"])
    predictions = pl.read_parquet(tmp_path / "predictions.parquet")
    assert predictions.drop("x", "y", "z").equals(errors.drop("error_deg"))
    steps = predictions.filter(~pl.col("interpolated")).select("x", "y", "z")
    torch.testing.assert_close(steps.to_torch().reshape(-1, 3, 3), evaluated["own"].predicted)


def test_remarks_stand_below_the_table(tmp_path, evaluated, tiny_data):
    _, table = write_report(tmp_path, evaluated, tiny_data, 20, ("NOT a test: 3 of 3",))
    assert table.footnotes[-1] == "NOT a test: 3 of 3"
    assert "NOT a test: 3 of 3" in (tmp_path / "results.md").read_text()


def test_a_report_without_the_baseline_is_refused(tmp_path, evaluated, tiny_data):
    with pytest.raises(InputError, match="'static' is not among own"):
        write_report(tmp_path, {"own": evaluated["own"]}, tiny_data, bootstrap_draws=20)
