import matplotlib.image
import pytest
import torch

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.splits import CrossVideo
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.evaluation.summary import summarize
from vpnet.models.fusion import Fusion
from vpnet.models.static import Static
from vpnet.runs.run_pictures import draw_run_pictures
from vpnet.saliency.center_bias import CenterBias
from vpnet.simulation.study import simulate_recordings


def evaluate(data: ViewportDataModule) -> tuple[EvaluatedWindows, dict]:
    """The static model's predictions, and its summary under two names."""
    windows = data.test_windows[list(range(len(data.test_windows)))]
    evaluated = EvaluatedWindows(
        Static(data.spec)(windows),
        windows.future_directions,
        windows.future_valid,
        windows.recording_index,
        windows.anchor_step,
    )
    summary = summarize(
        evaluated,
        recording_users=data.samples.user_ids,
        horizons_s=data.task.horizons_s,
        bootstrap_draws=20,
    )
    return evaluated, {"fusion": summary, "static": summary}


def test_three_pictures_are_drawn(tiny_data, tmp_path):
    evaluated, summaries = evaluate(tiny_data)
    model = Static(tiny_data.spec)
    files = draw_run_pictures(tmp_path, model, evaluated, summaries, tiny_data)
    assert set(files) == {"viewport_path", "error_by_horizon", "overview"}
    for name, file in files.items():
        assert file == tmp_path / f"{name}.png"
        picture = matplotlib.image.imread(file)
        assert min(picture.shape[:2]) > 200
        assert picture[..., :3].std() > 0.01, "not blank"


def test_a_model_with_gates_has_a_picture_of_them(tiny_data, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "vpnet.runs.run_pictures.plot_gates", lambda *given, title: drawn.append((*given, title))
    )
    evaluated, summaries = evaluate(tiny_data)
    model = Fusion(tiny_data.spec).train()
    files = draw_run_pictures(tmp_path, model, evaluated, summaries, tiny_data)
    assert files["gates"] == tmp_path / "gates.png"
    ((gates, anchors_s, path, title),) = drawn
    assert path == files["gates"]
    assert set(gates) == {"head", "eye", "offset"}
    # One viewer's recording, whole, as the model sees it when it predicts.
    assert anchors_s.tolist() == [1.0 + second for second in range(8)]
    user, video = title.removeprefix("Gates: viewer ").split(", video ")
    position = tiny_data.keys(range(tiny_data.samples.recordings)).index((user, video))
    rows = torch.nonzero(evaluated.recording_index == position)[:, 0].tolist()
    expected = model.eval().stream_gates(tiny_data.test_windows[rows])
    for name, gate in gates.items():
        assert torch.equal(gate, expected[name])


@pytest.fixture(scope="module")
def data_with_saliency(tiny_data) -> ViewportDataModule:
    recordings = simulate_recordings(users=4, videos=4, duration_s=10.0)
    return ViewportDataModule(
        recordings, CrossVideo(0.25, 0.25), tiny_data.task, saliency=CenterBias(24, 48)
    )


def test_saliency_lies_behind_the_paths(tiny_data, data_with_saliency, tmp_path):
    """The windows are the same; only the background can make the pictures differ."""
    pictures = []
    for name, data in (("without", tiny_data), ("with", data_with_saliency)):
        evaluated, summaries = evaluate(data)
        files = draw_run_pictures(tmp_path / name, Static(data.spec), evaluated, summaries, data)
        pictures.append({key: matplotlib.image.imread(file) for key, file in files.items()})
    without, with_map = pictures
    assert (without["error_by_horizon"] == with_map["error_by_horizon"]).all()
    for name in ("viewport_path", "overview"):
        changed = (abs(without[name] - with_map[name]) > 0.02).any(axis=-1)
        assert changed.mean() > 0.02


def test_windows_are_cut_in_the_order_of_the_evaluation(tiny_data):
    """Pictures take the window at a prediction's place for its own."""
    windows = tiny_data.test_windows[list(range(len(tiny_data.test_windows)))]
    key = torch.stack((windows.recording_index, windows.anchor_step), dim=1)
    assert key.tolist() == sorted(key.tolist())
