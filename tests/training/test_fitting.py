from functools import partial
from pathlib import Path

import polars as pl
import pytest
import pytorch_lightning
import torch

from vpnet.checkpoints.checkpoint import read_checkpoint
from vpnet.errors import InputError
from vpnet.geometry.directions import great_circle_distance
from vpnet.models.all_models import MODELS
from vpnet.models.baselines import ConstantVelocity, Linear, Static
from vpnet.models.forecaster import Forecaster
from vpnet.models.fusion import Fusion
from vpnet.models.lstm import LSTM
from vpnet.training.fitting import fit
from vpnet.training.optimizers import cosine


def metrics_of(folder: Path) -> pl.DataFrame:
    return pl.read_csv(folder / "csv" / "metrics.csv")


def validation_error_deg(model: Forecaster, data) -> float:
    window = data.val_windows[list(range(len(data.val_windows)))]
    with torch.no_grad():
        error_rad = great_circle_distance(model.eval()(window), window.future_directions)
    return torch.rad2deg(error_rad[window.future_valid].mean()).item()


def test_gradients_learn_and_the_best_epoch_is_kept(data, make_module, quiet_trainer, tmp_path):
    before_deg = validation_error_deg(make_module().model, data)
    module = make_module()
    trainer = quiet_trainer(max_epochs=3)
    best = fit(module, data, trainer)
    assert best == tmp_path / "checkpoints" / "best.ckpt"
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file()
    validated = metrics_of(tmp_path)["val/error_deg"].drop_nulls()
    assert len(validated) == 3
    fresh = LSTM(data.spec, hidden=8, layers=1)
    read_checkpoint(best).load_into(fresh)
    assert validation_error_deg(fresh, data) == pytest.approx(validated.min(), abs=1e-3)
    losses = metrics_of(tmp_path)["train/loss"].drop_nulls()
    assert losses[-1] < losses[0]
    assert validation_error_deg(fresh, data) != pytest.approx(before_deg, abs=1e-3)


def test_the_last_epoch_is_kept_though_it_is_no_better(data, make_module, quiet_trainer, tmp_path):
    best = fit(make_module(lr=0.0), data, quiet_trainer(max_epochs=3))
    assert torch.load(best, weights_only=True)["epoch"] == 0
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 2


def test_a_closed_form_is_solved_from_one_pass(data, make_module, quiet_trainer, tmp_path):
    module = make_module(Linear(data.spec))
    best = fit(module, data, quiet_trainer(max_epochs=0))
    expected = Linear(data.spec)
    expected.accumulate(data.train_windows[list(range(len(data.train_windows)))])
    expected.solve()
    loaded = Linear(data.spec)
    read_checkpoint(best).load_into(loaded)
    torch.testing.assert_close(loaded.weights, expected.weights, rtol=1e-3, atol=1e-4)
    assert loaded.weights.abs().max() > 0.01
    logged = metrics_of(tmp_path)["val/error_deg"].drop_nulls().to_list()
    assert logged == [pytest.approx(validation_error_deg(expected, data), abs=1e-2)]


@pytest.mark.parametrize("kind", [Static, ConstantVelocity])
def test_a_model_without_parameters_is_written_as_it_is(
    kind, data, make_module, quiet_trainer, tmp_path
):
    best = fit(make_module(kind(data.spec)), data, quiet_trainer(max_epochs=0))
    checkpoint = read_checkpoint(best)
    assert MODELS[checkpoint.model["name"]] is kind
    assert checkpoint.weights == {}
    model = kind(data.spec)
    checkpoint.load_into(model)
    logged = metrics_of(tmp_path)["val/error_deg"].drop_nulls().to_list()
    assert logged == [pytest.approx(validation_error_deg(model, data), abs=1e-3)]


def trained_weights(data, make_module, quiet_trainer, folder: Path, seed: int):
    pytorch_lightning.seed_everything(seed, verbose=False)
    # Of all models it draws the most: dropout, hidden streams, hidden users, order of batches.
    module = make_module(Fusion(data.spec), lr=1e-3)
    trainer = quiet_trainer(folder, limit_train_batches=2, limit_val_batches=1)
    fit(module, data, trainer)
    return module.model.state_dict(), metrics_of(folder)


def test_the_same_seed_gives_the_same_numbers(data, make_module, quiet_trainer, tmp_path):
    first, first_metrics = trained_weights(data, make_module, quiet_trainer, tmp_path / "a", 7)
    again, again_metrics = trained_weights(data, make_module, quiet_trainer, tmp_path / "b", 7)
    other, _ = trained_weights(data, make_module, quiet_trainer, tmp_path / "c", 8)
    assert first_metrics.equals(again_metrics)
    for name, value in first.items():
        assert torch.equal(value, again[name]), name
    assert not torch.equal(first["heads.bias"], other["heads.bias"])


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_resuming_continues_the_epochs_and_the_optimizer(
    data, make_module, quiet_trainer, tmp_path
):
    batches = len(data.train_dataloader())
    fit(make_module(), data, quiet_trainer(tmp_path / "first", max_epochs=2))
    last = tmp_path / "first" / "checkpoints" / "last.ckpt"

    resumed = make_module()
    trainer = quiet_trainer(tmp_path / "second", max_epochs=3)
    best = fit(resumed, data, trainer, resume_from=last)
    assert best == tmp_path / "second" / "checkpoints" / "best.ckpt"
    assert trainer.current_epoch == 3
    assert trainer.global_step == 3 * batches
    assert metrics_of(tmp_path / "second")["epoch"].unique().to_list() == [2]
    (state, *_) = trainer.optimizers[0].state.values()
    assert state["step"] == 3 * batches

    finished = make_module()
    trainer = quiet_trainer(tmp_path / "third", max_epochs=2)
    with pytest.raises(InputError, match=r"2 done before; raise training.max_epochs"):
        fit(finished, data, trainer, resume_from=last)
    weights = read_checkpoint(last).weights
    for name, value in finished.model.state_dict().items():
        assert torch.equal(value, weights[name]), "the resumed weights are those of the checkpoint"


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_resuming_with_more_epochs_follows_the_longer_curve_at_once(
    data, make_module, quiet_trainer, tmp_path
):
    rates = []

    class Rates(pytorch_lightning.Callback):
        def on_train_epoch_start(self, trainer, *_):
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    for folder, epochs, start in (("short", 2, None), ("long", 4, "short")):
        module = make_module(lr=0.01, scheduler=partial(cosine, epochs=epochs))
        trainer = quiet_trainer(tmp_path / folder, max_epochs=epochs)
        trainer.callbacks.append(Rates())
        last = start and tmp_path / start / "checkpoints" / "last.ckpt"
        fit(module, data, trainer, resume_from=last)
    # Half way of either curve is the same rate: the second epoch of two, the third of four.
    assert rates == pytest.approx([0.01, 0.005, 0.005, 0.005 * (1 - 0.5**0.5)])


@pytest.mark.filterwarnings("ignore:The dirpath has changed", "ignore:Experiment logs directory")
def test_a_resumed_run_has_the_patience_of_its_own_settings(
    data, make_module, quiet_trainer, tmp_path
):
    def still(folder: str, patience: int, resume_from: Path | None = None):
        trainer = quiet_trainer(tmp_path / folder, max_epochs=9, patience=patience)
        best = fit(make_module(lr=0.0), data, trainer, resume_from)
        return best, trainer.current_epoch

    best, epochs = still("run", patience=1)
    assert epochs == 2
    last = best.with_name("last.ckpt")
    assert still("run", patience=1, resume_from=last) == (best, 2), "stopped, and stays so"
    _, epochs = still("patient", patience=3, resume_from=last)
    assert epochs == 4
    with pytest.raises(InputError, match=r"no better one for long; raise training.patience"):
        still("elsewhere", patience=1, resume_from=last)
