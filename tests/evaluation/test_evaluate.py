from functools import partial

import pytest
import pytorch_lightning as pl
import torch

from vpnet.evaluation.evaluate import evaluate_beside_baselines
from vpnet.models.constant_velocity import ConstantVelocity
from vpnet.models.linear import Linear
from vpnet.models.static import Static
from vpnet.runtime.trainer import make_trainer
from vpnet.training.forecasting_module import ForecastingModule
from vpnet.training.loss import ForecastLoss


@pytest.fixture
def trainer(tmp_path) -> pl.Trainer:
    return make_trainer(tmp_path, loggers=[], progress_bar=False)


def module_of(model) -> ForecastingModule:
    return ForecastingModule(model, ForecastLoss(3), partial(torch.optim.SGD, lr=0.1))


def test_the_baselines_stand_beside_the_model(tiny_data, trainer):
    module = module_of(Linear(tiny_data.spec))
    evaluated = evaluate_beside_baselines("linear", module, tiny_data, trainer)
    assert list(evaluated) == ["linear", "static", "constant_velocity"]
    windows = tiny_data.test_windows[list(range(len(tiny_data.test_windows)))]
    models = (module.model, Static(tiny_data.spec), ConstantVelocity(tiny_data.spec))
    for model, one in zip(models, evaluated.values(), strict=True):
        assert len(one) == len(tiny_data.test_windows) > 10
        assert torch.equal(one.future, windows.future_directions)
        assert torch.equal(one.valid, windows.future_valid)
        assert torch.equal(one.recording_index, windows.recording_index)
        assert torch.equal(one.anchor_step, windows.anchor_step)
        with torch.no_grad():
            torch.testing.assert_close(one.predicted, model(windows))
    static, moving = evaluated["static"], evaluated["constant_velocity"]
    assert not torch.equal(static.predicted, moving.predicted)
    assert set(static.recording_index.tolist()) == set(tiny_data.partition.test)


@pytest.mark.parametrize(("name", "kind"), [("static", Static), ("constant_velocity", None)])
def test_a_baseline_is_evaluated_once_and_with_its_own_settings(tiny_data, trainer, name, kind):
    slow = ConstantVelocity(tiny_data.spec, span_s=0.2, decay_s=0.1)
    model = slow if kind is None else kind(tiny_data.spec)
    evaluated = evaluate_beside_baselines(name, module_of(model), tiny_data, trainer)
    assert set(evaluated) == {"static", "constant_velocity"}
    assert next(iter(evaluated)) == name
    windows = tiny_data.test_windows[list(range(len(tiny_data.test_windows)))]
    torch.testing.assert_close(evaluated[name].predicted, model(windows))
