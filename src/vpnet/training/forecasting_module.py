"""The LightningModule: loss, logging, optimizer. The network does not depend on it."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torchmetrics import Metric

from vpnet.dataset.mirroring import mirror_half
from vpnet.dataset.window import ViewportWindow
from vpnet.errors import InputError
from vpnet.geometry.directions import great_circle_distance
from vpnet.models.forecaster import Forecaster
from vpnet.training.optimizers import catch_up
from vpnet.training.stages import Stage, parameter_groups


class KnownMean(Metric):
    """Mean of the known values, from sums and counts: batches and processes do not change it.

    torchmetrics has a `MeanMetric`, which ignores NaN: a network that has diverged would look good.

    Args:
        kwargs: Passed to `torchmetrics.Metric`.
    """

    full_state_update = False

    total: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, values: Tensor, known: Tensor) -> None:
        """Add values of any shape, and which of them count."""
        self.total += torch.where(known, values, 0).sum()
        self.count += known.sum()

    def compute(self) -> Tensor:
        """The mean; NaN where nothing was known."""
        return self.total / self.count


class ForecastingModule(pl.LightningModule):
    """Trains and tests one forecaster.

    Args:
        model: The network.
        loss: Takes predictions and window, gives a scalar.
        optimizer: Takes groups of parameters, gives an optimizer; None where nothing is trained.
        scheduler: Takes the optimizer, gives a scheduler, or None. It steps after each epoch; one
            that also takes ``batches``, the number of all batches, steps after each batch.
        checkpoint_entries: Further entries of the module's checkpoints, by key.
        mirror: Exchange left and right for half of the recordings in each training batch.
        test_metrics: Collects predictions in the test; None without a test.
        stage: Which parameters are trained, and how fast; None trains all alike.
    """

    def __init__(
        self,
        model: Forecaster,
        loss: nn.Module,
        optimizer: Callable[[list[dict[str, Any]]], Optimizer] | None,
        scheduler: Callable[..., LRScheduler] | None = None,
        checkpoint_entries: Mapping[str, Any] | None = None,
        mirror: bool = False,
        test_metrics: Metric | None = None,
        stage: Stage | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.make_optimizer = optimizer
        self.make_scheduler = scheduler
        self.checkpoint_entries = checkpoint_entries or {}
        self.mirror = mirror
        self.test_metrics = test_metrics
        self.stage = stage or Stage()
        horizons = (f"val/error_{horizon_s:g}s_deg" for horizon_s in model.spec.horizons_s)
        self.error_names = ("val/error_deg", *horizons)
        self.mean_errors = nn.ModuleList(KnownMean() for _ in self.error_names)
        self._validated = 0
        self._own_windows = math.inf

    def on_train_start(self) -> None:
        """A training resumes at the rate of its own schedule."""
        for config in self.trainer.lr_scheduler_configs:
            catch_up(config.scheduler)

    def training_step(self, window: ViewportWindow, batch_idx: int) -> Tensor:
        """Loss of a batch."""
        window = self.stage.show(window)
        if self.mirror:
            window = mirror_half(window)
        output = self.model.training_output(window)
        loss = self.loss(output.directions, window, output.reconstructed_history)
        loss = loss + self.model.regularization()
        self.log(
            "train/loss",
            loss,
            on_epoch=True,
            on_step=False,
            prog_bar=True,
            batch_size=len(window.user_index),
        )
        return loss

    def on_validation_start(self) -> None:
        """In the general stage all viewers are alike, here and in the checkpoint that follows."""
        self._validated, self._own_windows = 0, math.inf
        trainer = self.trainer
        if trainer.world_size > 1:
            windows = len(trainer.datamodule.val_windows)  # type: ignore[attr-defined]
            # Windows take turns: the first goes to the first process, the second to the second.
            self._own_windows = len(range(trainer.global_rank, windows, trainer.world_size))
        if self.stage.name == "general":
            self.model.forget_users()

    def validation_step(self, window: ViewportWindow, batch_idx: int) -> None:
        """Mean error over all horizons, and at each, in degrees; the gates of the first batch."""
        error_rad = great_circle_distance(self.model(window), window.future_directions)
        error_deg = torch.rad2deg(error_rad)
        known = window.future_valid & self._is_first_seen(len(error_deg)).unsqueeze(1)
        columns = zip(error_deg.unbind(1), known.unbind(1), strict=True)
        values = ((error_deg, known), *columns)
        for name, mean, update in zip(self.error_names, self.mean_errors, values, strict=True):
            assert isinstance(mean, KnownMean)
            mean.update(*update)
            # Logged as a metric, not as its value: only so processes add up sums and counts.
            self.log(name, mean, prog_bar=name == "val/error_deg", on_step=False, on_epoch=True)
        if batch_idx == 0:  # a sample suffices to see them move
            for name, gate in self.model.stream_gates(window).items():
                size = len(gate)
                self.log(f"val/gate_{name}", gate.mean(), batch_size=size, sync_dist=True)

    def _is_first_seen(self, batch: int) -> Tensor:
        """Which windows of a validation batch no process has seen before, shape ``(batch,)``.

        Where the windows do not divide evenly among several processes, Lightning repeats the first
        windows at the end, so that each process has as many.
        """
        place = torch.arange(self._validated, self._validated + batch, device=self.device)
        self._validated += batch
        return place < self._own_windows

    def on_train_epoch_end(self) -> None:
        """Let a schedule that follows the error see it before the checkpoint is written.

        Lightning would show it afterwards, and a resumed training would miss the last epoch's.
        """
        error_deg = self.trainer.callback_metrics.get("val/error_deg")
        for config in self.trainer.lr_scheduler_configs:
            scheduler: Any = config.scheduler
            if isinstance(scheduler, ReduceLROnPlateau) and error_deg is not None:
                scheduler.step(error_deg.item())

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step a schedule, unless `on_train_epoch_end` has: one that follows the error."""
        if not isinstance(scheduler, ReduceLROnPlateau):
            super().lr_scheduler_step(scheduler, metric)

    def test_step(self, window: ViewportWindow, batch_idx: int) -> None:
        """Give the predictions to the metrics."""
        assert self.test_metrics is not None, "testing needs test_metrics"
        self.test_metrics.update(
            self.model(window),
            window.future_directions,
            window.future_valid,
            window.recording_index,
            window.anchor_step,
        )

    def configure_optimizers(self) -> Any:
        """Optimizer and schedule; None where the model has nothing to train.

        Raises:
            InputError: The optimizer or the scheduler refuses its settings.
        """
        groups = parameter_groups(self.model, self.stage)
        if not groups:
            return None
        if self.make_optimizer is None:
            raise InputError(
                f"training.optimizer is null, and {self.model.name} has parameters to train; use "
                "training=adamw or another training that optimizes"
            )
        try:
            optimizer = self.make_optimizer(groups)
            for group in optimizer.param_groups:
                group["lr"] *= group["rate"]
            if self.make_scheduler is None:
                return optimizer
            scheduler: dict[str, Any] = {"monitor": "val/error_deg"}
            make = getattr(self.make_scheduler, "func", self.make_scheduler)
            if "batches" in inspect.signature(make).parameters:
                batches = self.trainer.estimated_stepping_batches
                if not math.isfinite(batches):
                    raise ValueError("a rate that falls to the end needs one; set max_epochs")
                scheduler["interval"] = "step"
                scheduler["scheduler"] = self.make_scheduler(optimizer, batches=int(batches))
            else:
                scheduler["scheduler"] = self.make_scheduler(optimizer)
        except (TypeError, ValueError) as error:
            raise InputError(f"training.optimizer and scheduler: {error}") from error
        return {"optimizer": optimizer, "lr_scheduler": scheduler}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the further entries."""
        checkpoint.update(self.checkpoint_entries)
