from functools import partial

import polars as pl
import pytest
import torch

from vpnet.errors import InputError
from vpnet.evaluation.evaluate import WindowCollector
from vpnet.geometry.directions import great_circle_distance
from vpnet.models.baselines import Static
from vpnet.models.fusion import Fusion
from vpnet.models.lstm import LSTM
from vpnet.training.forecasting_module import KnownMean
from vpnet.training.optimizers import warm_cosine
from vpnet.training.stages import Stage


def test_validation_logs_means_over_known_steps_whatever_the_batches(
    data, make_module, quiet_trainer, tmp_path
):
    # Lose some futures, unevenly over the batches of 10.
    data.samples.head_valid[data.val_windows.anchors[2:9] + 5] = False
    quiet_trainer().validate(make_module(Static(data.spec)), datamodule=data, verbose=False)
    logged = pl.read_csv(tmp_path / "csv" / "metrics.csv")
    window = data.val_windows[list(range(len(data.val_windows)))]
    error_deg = torch.rad2deg(
        great_circle_distance(window.history_directions[:, -1:], window.future_directions)
    )
    known = window.future_valid
    assert not known.all()
    expected = {
        "val/error_deg": error_deg[known].mean(),
        "val/error_0.2s_deg": error_deg[known[:, 0], 0].mean(),
        "val/error_1s_deg": error_deg[known[:, 1], 1].mean(),
    }
    for name, value in expected.items():
        assert logged[name].to_list() == [pytest.approx(value.item(), abs=1e-3)]


@pytest.mark.filterwarnings("ignore:You are trying to `self.log")
def test_the_training_loss_counts_the_regularization(data, make_module):
    model = Fusion(data.spec, diversity_weight=3.0, diversity_margin=9.0).eval()
    module = make_module(model)
    window = data.train_windows[[0, 3, 6]]
    alone = module.loss(model(window), window)
    crowding = model.regularization()
    assert crowding > 1
    assert module.training_step(window, 0).item() == pytest.approx((alone + crowding).item())


@pytest.mark.filterwarnings("ignore:You are trying to `self.log")
def test_the_general_stage_trains_on_unknown_users(data, make_module):
    torch.manual_seed(0)
    model = Fusion(data.spec, diversity_weight=0.0).eval()
    window = data.train_windows[[0, 3, 6]]
    unknown = window._replace(user_index=torch.zeros_like(window.user_index))
    with torch.no_grad():
        model.heads.second += 0.1
    general = make_module(model, stage=Stage("general")).training_step(window, 0)
    single = make_module(model)
    assert torch.equal(general, single.training_step(unknown, 0))
    assert not torch.equal(general, single.training_step(window, 0))


@pytest.mark.filterwarnings("ignore:You are trying to `self.log")
def test_half_of_the_training_windows_are_mirrored_where_set(data, make_module):
    class Watched(Static):
        """Keeps what it is shown."""

        def forward(self, window):
            seen.append(window)
            return super().forward(window)

    seen = []
    torch.manual_seed(0)
    window = data.train_windows[list(range(160))]
    x = window.history_directions[:, -1, 0]
    window = window._replace(recording_index=torch.arange(160))
    for mirror, least, most in ((False, 0, 0), (True, 50, 110)):
        make_module(Watched(data.spec), mirror=mirror).training_step(window, 0)
        flipped = (seen[-1].history_directions[:, -1, 0] != x).sum()
        assert least <= flipped <= most
    make_module(Watched(data.spec), mirror=True).validation_step(window, 0)
    assert seen[-1] is window, "only training has a mirror"


def test_testing_hands_every_window_to_the_metrics(data, make_module, quiet_trainer):
    metrics = WindowCollector()
    module = make_module(Static(data.spec), test_metrics=metrics)
    quiet_trainer().test(module, datamodule=data, verbose=False)
    evaluated = metrics.compute()
    window = data.test_windows[list(range(len(data.test_windows)))]
    assert torch.equal(evaluated.future, window.future_directions)
    assert torch.equal(evaluated.anchor_step, window.anchor_step)
    assert torch.equal(evaluated.predicted[:, 0], window.history_directions[:, -1])


def test_nothing_to_train_needs_no_optimizer(data, make_module):
    assert make_module(Static(data.spec)).configure_optimizers() is None


def test_frozen_parameters_are_in_no_group(data, make_module):
    model = LSTM(data.spec, hidden=8, layers=1)
    model.recurrent.encoder.requires_grad_(False)
    optimizer = make_module(model, lr=0.5).configure_optimizers()
    (group,) = optimizer.param_groups
    assert group["lr"] == 0.5
    trained = {id(parameter) for parameter in group["params"]}
    assert trained == {
        id(parameter) for name, parameter in model.named_parameters() if "encoder" not in name
    }


def test_a_scheduler_steps_once_an_epoch(data, make_module, quiet_trainer):
    halve = partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.5)
    module = make_module(scheduler=halve, lr=0.01)
    trainer = quiet_trainer(max_epochs=3)
    trainer.fit(module, datamodule=data)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.01 / 8)


def test_a_scheduler_that_takes_the_batches_steps_after_each(data, make_module, quiet_trainer):
    seen = []

    def constant(optimizer, batches):
        seen.append(batches)
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda batch: 1 - batch / batches)

    trainer = quiet_trainer(max_epochs=2)
    trainer.fit(make_module(scheduler=constant, lr=0.01), datamodule=data)
    assert seen == [2 * len(data.train_dataloader())]
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.0)


def test_a_rate_that_falls_to_the_end_needs_an_end(data, make_module, quiet_trainer):
    module = make_module(scheduler=partial(warm_cosine, warm_up_batches=2))
    with pytest.raises(InputError, match="training.optimizer and scheduler: .*set max_epochs"):
        quiet_trainer(max_epochs=-1).fit(module, datamodule=data)


def test_a_scheduler_may_wait_for_the_validation_error(data, make_module, quiet_trainer):
    wait = partial(torch.optim.lr_scheduler.ReduceLROnPlateau, patience=0, threshold=1e9)
    trainer = quiet_trainer(max_epochs=3)
    trainer.fit(make_module(scheduler=wait, lr=0.01), datamodule=data)
    assert trainer.optimizers[0].param_groups[0]["lr"] < 0.01


@pytest.mark.parametrize("sizes", [(12,), (1, 11), (5, 4, 3)])
def test_however_values_are_batched_their_mean_is_the_same(sizes):
    generator = torch.Generator().manual_seed(0)
    error_deg = 90 * torch.rand(12, 3, generator=generator)
    known = torch.rand(12, 3, generator=generator) < 0.6
    error_deg[~known] = torch.nan  # unknown steps may hold any value
    mean = KnownMean()
    for batch in zip(error_deg.split(sizes), known.split(sizes), strict=True):
        mean.update(*batch)
    torch.testing.assert_close(mean.compute(), error_deg[known].mean())


def test_a_network_that_has_diverged_does_not_look_good():
    mean = KnownMean()
    mean.update(torch.tensor([1.0, torch.nan]), torch.tensor([True, True]))
    assert mean.compute().isnan()


def test_nothing_known_is_no_number():
    mean = KnownMean()
    mean.update(torch.tensor([1.0]), torch.tensor([False]))
    assert mean.compute().isnan()


def test_a_checkpoint_holds_no_errors(make_module):
    module = make_module()
    assert all(name.startswith("model.") for name in module.state_dict())
