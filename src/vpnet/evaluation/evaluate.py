"""The one way a model is evaluated: Lightning's test loop into `ViewportMetrics`."""

import pytorch_lightning as pl

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.evaluation.metric import ViewportMetrics
from vpnet.models.constant_velocity import ConstantVelocity
from vpnet.models.forecaster import Forecaster
from vpnet.models.static import Static
from vpnet.training.forecasting_module import ForecastingModule


def evaluate_beside_baselines(
    name: str, module: ForecastingModule, data: ViewportDataModule, trainer: pl.Trainer
) -> dict[str, EvaluatedWindows]:
    """Predictions of a model, of `static` and of `constant_velocity` on the test windows.

    Args:
        name: Name of the model.
        module: The model.
        data: Windows.
        trainer: Its devices and precision are used.

    Returns:
        By name, the model first.
    """
    spec = module.model.spec
    models: dict[str, Forecaster] = {
        "static": Static(spec),
        # On a clock slower than 5 Hz the shortest span is one step.
        "constant_velocity": ConstantVelocity(spec, max(0.2, 1 / spec.sampling_rate_hz)),
    }
    models = {name: module.model, **{key: model for key, model in models.items() if key != name}}
    evaluated = {}
    for key, model in models.items():
        metrics = ViewportMetrics()
        tested = ForecastingModule(model, module.loss, module.make_optimizer, test_metrics=metrics)
        trainer.test(tested, dataloaders=data.test_dataloader(), verbose=False)
        evaluated[key] = metrics.compute()
    return evaluated
