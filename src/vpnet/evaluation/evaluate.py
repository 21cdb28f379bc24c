"""How every model is evaluated: Lightning's test loop, with the baselines on the same windows."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.errors import InputError
from vpnet.evaluation.evaluated_windows import EvaluatedWindows, check_shapes
from vpnet.models.baselines import ConstantVelocity, Static
from vpnet.models.forecaster import Forecaster
from vpnet.training.forecasting_module import ForecastingModule


def evaluate_with_baselines(
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
        collector = WindowCollector()
        tested = ForecastingModule(
            model, module.loss, module.make_optimizer, test_metrics=collector
        )
        trainer.test(tested, dataloaders=data.test_dataloader(), verbose=False)
        evaluated[key] = collector.compute()
    return evaluated


class WindowCollector(Metric):
    """Collects the windows of an evaluation, over batches, devices and processes.

    Means over users, percentiles and bootstrap intervals need each window, not running sums. A
    distributed sampler repeats windows to give every process as many; `compute` keeps each once.

    Args:
        kwargs: Passed to `torchmetrics.Metric`.
    """

    is_differentiable = False
    full_state_update = False

    predicted: list[Tensor]
    future: list[Tensor]
    valid: list[Tensor]
    recording_index: list[Tensor]
    anchor_step: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for state in ("predicted", "future", "valid", "recording_index", "anchor_step"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(
        self,
        predicted: Tensor,
        future_directions: Tensor,
        future_valid: Tensor,
        recording_index: Tensor,
        anchor_step: Tensor,
    ) -> None:
        """Add a batch; the tensors are those of `EvaluatedWindows`.

        Raises:
            ValueError: The shapes do not belong together.
        """
        check_shapes(predicted, future_directions, future_valid, recording_index, anchor_step)
        self.predicted.append(predicted.detach())
        self.future.append(future_directions.detach())
        self.valid.append(future_valid)
        self.recording_index.append(recording_index)
        self.anchor_step.append(anchor_step)

    def compute(self) -> EvaluatedWindows:
        """All windows, each once, sorted by recording, then by anchor.

        Raises:
            InputError: No window was evaluated.
        """
        if isinstance(self.recording_index, list) and not self.recording_index:
            raise InputError(
                "no window was evaluated: the set is empty; give it recordings longer than history "
                "and horizon together, or check the split"
            )
        recording_index = dim_zero_cat(self.recording_index).cpu()
        anchor_step = dim_zero_cat(self.anchor_step).cpu()
        order = torch.argsort(anchor_step, stable=True)
        order = order[torch.argsort(recording_index[order], stable=True)]
        key = torch.stack((recording_index[order], anchor_step[order]), dim=1)
        is_first = torch.ones(len(key), dtype=torch.bool)
        is_first[1:] = (key[1:] != key[:-1]).any(dim=1)
        kept = order[is_first]
        return EvaluatedWindows(
            dim_zero_cat(self.predicted).cpu()[kept],
            dim_zero_cat(self.future).cpu()[kept],
            dim_zero_cat(self.valid).cpu()[kept],
            recording_index[kept],
            anchor_step[kept],
        )
