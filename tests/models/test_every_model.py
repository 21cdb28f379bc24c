"""What holds for every file in conf/model, whichever model it is."""

import functools
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from vpnet import settings
from vpnet.dataset.task import Task
from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.geometry.directions import great_circle_distance
from vpnet.models import all_models
from vpnet.models.forecaster import Forecaster
from vpnet.runtime.device import cpu_has_bfloat16

CONF = Path(__file__).resolve().parents[2] / "conf"
MODELS = sorted(file.stem for file in (CONF / "model").glob("*.yaml"))
TASKS = sorted(file.stem for file in (CONF / "task").glob("*.yaml"))
STAR_VP = {"star_vp", "muse_vp", "gated_star_vp"}
LEARNED = {"fusion", "lstm", "track"} | STAR_VP
"""Without training the static baseline."""

SEES_MAPS = LEARNED - {"lstm"}
PERSONAL = {"fusion", "muse_vp"}
GATED = {"fusion", "gated_star_vp"}
HALF_PRECISION_DEG = {
    "fusion": 0.1,
    "track": 0.2,
    "lstm": 0.25,
    "star_vp": 0.35,
    "muse_vp": 0.35,
    "gated_star_vp": 0.4,
}
"""How far bf16 may move a prediction, on the average: about three times as far as measured."""

IN_BFLOAT16 = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            name != "fusion" and not cpu_has_bfloat16(),
            reason="an LSTM in bf16 needs a processor that has it",
        ),
    )
    for name in sorted(HALF_PRECISION_DEG)
]

STREAMS = {
    "head only": {"has_gaze": False, "has_face": False, "has_saliency": False, "face_features": 0},
    "no gaze": {"has_gaze": False, "has_face": True, "has_saliency": True, "face_features": 3},
    "no saliency": {"has_gaze": True, "has_face": True, "has_saliency": False, "face_features": 3},
    "all": {
        "has_gaze": True,
        "has_face": True,
        "has_saliency": True,
        "has_crowd": True,
        "face_features": 3,
    },
}


SMALL = {"fusion": {"width": 32}, "lstm": {"hidden": 16}, "track": {"hidden": 16}}
SMALL |= dict.fromkeys(STAR_VP, {"hidden": 16})
"""Widths for what does not depend on them."""


@functools.cache
def composed(*overrides: str) -> dict[str, Any]:
    """The configuration as train.py reads it."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("train", list(overrides)), resolve=True)
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def build(model_name: str, task_name: str, streams: str, *, full_size: bool = False) -> Forecaster:
    """The model as train.py makes it, but for its widths."""
    crowd = "crowd=true" if streams == "all" else "crowd=false"
    model_settings = composed(f"model={model_name}", crowd)["model"]
    if not full_size:
        model_settings = model_settings | SMALL.get(model_name, {})
    task = Task(**composed(f"task={task_name}")["task"])
    spec = WindowSpec(
        task.sampling_rate_hz,
        task.history_steps,
        task.horizon_steps,
        users=3,
        saliency_view=all_models.MODELS[model_name].saliency_view,
        **STREAMS[streams],
    )
    torch.manual_seed(0)
    model = settings.build(all_models.MODELS, model_settings, "model", spec=spec)
    assert isinstance(model, Forecaster)
    return model.eval()


@pytest.mark.parametrize(
    ("task_name", "streams"),
    [*((task, "all") for task in TASKS), *(("long_term", few) for few in STREAMS if few != "all")],
)
@pytest.mark.parametrize("model_name", MODELS)
def test_a_window_becomes_unit_vectors(model_name, task_name, streams, make_window, stir):
    model = build(model_name, task_name, streams)
    stir(model)
    window = make_window(model.spec, batch=5)
    directions = model(window)
    assert directions.shape == (5, len(model.spec.horizon_steps), 3)
    lengths = torch.linalg.vector_norm(directions, dim=-1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))
    torch.testing.assert_close(model(window), directions, rtol=0, atol=0, msg="deterministic")


@pytest.mark.parametrize("task_name", TASKS)
@pytest.mark.parametrize("model_name", MODELS)
def test_a_prediction_never_depends_on_the_future(model_name, task_name, make_window, stir):
    model = build(model_name, task_name, "all")
    stir(model)
    window = make_window(model.spec)
    other = window._replace(
        future_directions=torch.full_like(window.future_directions, torch.nan),
        future_valid=~window.future_valid,
    )
    assert torch.equal(model(window), model(other))


@pytest.mark.parametrize("model_name", MODELS)
def test_a_prediction_does_not_depend_on_the_rest_of_the_batch(model_name, make_window, stir):
    model = build(model_name, "long_term", "all")
    stir(model)
    window = make_window(model.spec, batch=4)
    shared = {"saliency_maps", "saliency_points"}
    for row in range(4):
        parts = {
            name: value if name in shared else value[row : row + 1]
            for name, value in window._asdict().items()
        }
        alone = model(ViewportWindow(**parts))
        assert great_circle_distance(alone, model(window)[row : row + 1]).max() < 1e-5


@pytest.mark.parametrize("stream", ["gaze", "face", "crowd"])
@pytest.mark.parametrize("model_name", MODELS)
def test_what_a_masked_sample_holds_changes_nothing(model_name, stream, make_window, stir):
    model = build(model_name, "long_term", "all")
    stir(model)
    window = make_window(model.spec, lost_share=0.5)
    masks = {"gaze": "gaze_valid", "face": "face_valid"}
    holding = {
        "gaze": ("gaze_directions", "gaze_offset_deg", "is_fixating", "fixation_duration_s"),
        "face": ("face",),
        "crowd": ("crowd_directions",),
    }[stream]
    masked = ~getattr(window, masks.get(stream, f"{stream}_valid"))
    changed = {}
    for name in holding:
        values = getattr(window, name).clone()
        values[masked] = torch.nan
        changed[name] = values
    assert masked.any()
    assert torch.equal(model(window._replace(**changed)), model(window))


@pytest.mark.parametrize("seen", [(), (1, 2)])
@pytest.mark.parametrize("model_name", sorted(SEES_MAPS))
def test_maps_without_viewers_change_nothing(model_name, seen, make_window, stir):
    """The first and the last among them, which an index of -1 is easily taken for."""
    model = build(model_name, "long_term", "all")
    stir(model)
    window = make_window(model.spec, maps=4)
    unseen = torch.tensor([number not in seen for number in range(4)])
    index = window.saliency_index.masked_fill(unseen[window.saliency_index], -1)
    window = window._replace(saliency_index=index)

    def spoilt(rows: torch.Tensor) -> torch.Tensor:
        maps, points = window.saliency_maps.clone(), window.saliency_points.clone()
        maps[rows], points[rows] = torch.nan, torch.nan
        return model(window._replace(saliency_maps=maps, saliency_points=points))

    assert torch.equal(spoilt(unseen), model(window))
    assert spoilt(~unseen).isnan().any() == bool(seen), "what is seen matters"


@pytest.mark.parametrize("model_name", MODELS)
def test_windows_without_any_map_in_the_batch_are_served(model_name, make_window, stir):
    model = build(model_name, "long_term", "all")
    stir(model)
    window = make_window(model.spec, maps=0)
    assert (window.saliency_index == -1).all()
    shared = {"saliency_maps", "saliency_points"}
    masked = make_window(model.spec)._replace(
        **{n: v for n, v in window._asdict().items() if n not in shared}
    )
    torch.testing.assert_close(model(window), model(masked))


@pytest.mark.parametrize("task_name", TASKS)
@pytest.mark.parametrize("model_name", sorted(LEARNED))
def test_an_untrained_network_holds_the_head_still(model_name, task_name, make_window):
    model = build(model_name, task_name, "all")
    window = make_window(model.spec)
    apart_rad = great_circle_distance(model(window), window.history_directions[:, -1:])
    assert apart_rad.max() < 1e-5


def test_parameters_are_those_that_train():
    counts = {name: build(name, "long_term", "all").parameter_count for name in MODELS}
    assert {name for name, count in counts.items() if count > 0} == LEARNED
    model = build("lstm", "long_term", "all")
    model.get_parameter("recurrent.output.bias").requires_grad_(False)
    assert model.parameter_count == counts["lstm"] - 3


@pytest.mark.parametrize("model_name", MODELS)
def test_a_model_says_what_it_is(model_name):
    model = build(model_name, "long_term", "no gaze")
    assert model.name == model_name, "the configuration and the tables call it the same"
    expected = f"{model_name}: {model.parameter_count:,} trainable parameters"
    lacked = {"fusion": "eye, offset", "muse_vp": "eye", "gated_star_vp": "eye"}
    if model_name in lacked:
        expected += f"; masked, as the data lack them: {lacked[model_name]}"
    assert model.describe() == expected


def test_a_model_says_what_is_frozen():
    model = build("lstm", "long_term", "all")
    whole = model.parameter_count
    model.get_parameter("recurrent.output.bias").requires_grad_(False)
    assert model.describe() == f"lstm: {whole - 3:,} trainable parameters of {whole:,}"


@pytest.mark.parametrize("model_name", MODELS)
def test_without_its_users_a_model_predicts_for_all_alike(model_name, make_window, stir):
    model = build(model_name, "long_term", "all")
    stir(model)
    assert set(model.personal_parameters()) <= {name for name, _ in model.named_parameters()}
    assert bool(model.personal_parameters()) == (model_name in PERSONAL)
    window = make_window(model.spec)
    first, second = (
        window._replace(user_index=torch.full_like(window.user_index, user)) for user in (1, 2)
    )
    assert torch.equal(model(first), model(second)) == (model_name not in PERSONAL)
    model.forget_users()
    assert torch.equal(model(first), model(second))


@pytest.mark.parametrize("model_name", MODELS)
def test_gates_are_shares(model_name, make_window):
    model = build(model_name, "long_term", "all")
    gates = model.stream_gates(make_window(model.spec))
    assert bool(gates) == (model_name in GATED)
    for gate in gates.values():
        assert gate.shape == (6,)
        assert ((gate >= 0) & (gate <= 1)).all()


@pytest.mark.parametrize("model_name", sorted(LEARNED))
def test_every_parameter_learns(model_name, make_window, stir):
    model = build(model_name, "long_term", "all").train()
    stir(model)
    window = make_window(model.spec, batch=32)
    error = great_circle_distance(model(window), window.future_directions).mean()
    (error + model.regularization()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert (parameter.grad != 0).any(), name


@pytest.mark.parametrize("model_name", IN_BFLOAT16)
def test_half_precision_trains_and_gives_whole_directions(model_name, make_window, stir):
    model = build(model_name, "long_term", "all").train()
    stir(model)
    window = make_window(model.spec, batch=16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        directions = model(window)
        error = great_circle_distance(directions, window.future_directions).mean()
    assert directions.dtype == torch.float32
    lengths = torch.linalg.vector_norm(directions, dim=-1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))
    error.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("model_name", IN_BFLOAT16)
def test_half_precision_hardly_moves_a_prediction_at_full_size(model_name, make_window, stir):
    model = build(model_name, "long_term", "all", full_size=True)
    stir(model, 0.02)
    window = make_window(model.spec, batch=32)
    whole = model(window)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model(window)
    turned_rad = great_circle_distance(whole, window.history_directions[:, -1:])
    assert torch.rad2deg(turned_rad).median() > 5, "there is something to move"
    apart_deg = torch.rad2deg(great_circle_distance(half, whole))
    assert apart_deg.mean() < HALF_PRECISION_DEG[model_name]
    assert apart_deg.max() < 3


@pytest.mark.parametrize("model_name", sorted(LEARNED))
def test_a_few_windows_are_learned_by_heart(model_name, make_spec, make_window):
    """Any future can be learned to under 1 degree."""
    make = all_models.MODELS[model_name]
    width = {"width" if model_name == "fusion" else "hidden": 64}
    torch.manual_seed(0)
    model = make(make_spec(saliency_view=make.saliency_view), **width).eval()  # without dropout
    window = make_window(model.spec, batch=3, lost_share=0.0)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3 if model_name in STAR_VP else 5e-3)
    for _ in range(300):
        error_rad = great_circle_distance(model(window), window.future_directions).mean()
        if torch.rad2deg(error_rad) < 0.9:
            break
        optimizer.zero_grad()
        error_rad.backward()
        optimizer.step()
    error_rad = great_circle_distance(model(window), window.future_directions).mean()
    assert torch.rad2deg(error_rad) < 1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler here")
@pytest.mark.parametrize("model_name", sorted(LEARNED))
def test_a_compiled_model_gives_the_same_directions(model_name, make_window, stir):
    model = build(model_name, "long_term", "all", full_size=True)
    stir(model)
    compiled = torch.compile(model)
    for batch in (4, 7):
        window = make_window(model.spec, batch=batch, seed=batch)
        apart_rad = great_circle_distance(compiled(window), model(window))
        assert torch.rad2deg(apart_rad).max() < 0.05
