import pytest
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy

from vpnet.errors import InputError
from vpnet.runtime.device import best_device
from vpnet.runtime.trainer import make_prediction_trainer, make_trainer


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
@pytest.mark.parametrize("accelerator", ["gpu", "cuda"])
def test_a_missing_gpu_is_an_error(tmp_path, accelerator):
    with pytest.raises(
        InputError, match=rf"trainer.accelerator={accelerator} needs a CUDA device .* trainer=cpu"
    ):
        make_trainer(tmp_path, loggers=[], accelerator=accelerator)


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "16-mixed"])
def test_bfloat16_of_a_processor_without_it_is_refused(tmp_path, monkeypatch, precision):
    """Of 16-mixed Lightning makes bf16-mixed on a CPU."""
    has_it = True
    monkeypatch.setattr("vpnet.runtime.trainer.cpu_has_bfloat16", lambda: has_it)
    settings = {"loggers": [], "progress_bar": False, "accelerator": "cpu"}
    assert make_trainer(tmp_path, **settings, precision=precision).precision.startswith("bf16")
    has_it = False
    message = rf"trainer.precision={precision}: .* not compute in bfloat16; use .*=32-true"
    with pytest.raises(InputError, match=message):
        make_trainer(tmp_path, **settings, precision=precision)
    with pytest.raises(InputError, match=message):
        make_prediction_trainer(callbacks=[], accelerator="cpu", precision=precision)
    assert make_trainer(tmp_path, **settings).precision == "32-true"


def test_settings_reach_lightning(tmp_path):
    trainer = make_trainer(
        tmp_path, loggers=[], progress_bar=False, max_epochs=7, gradient_clip_val=0.5
    )
    assert trainer.max_epochs == 7
    assert trainer.gradient_clip_val == 0.5
    assert trainer.default_root_dir == str(tmp_path)


@pytest.mark.parametrize(
    ("devices", "strategy"), [(2, "ddp"), (2, "auto"), ("2", "auto"), (1, "ddp")]
)
def test_processes_do_not_wait_for_gradients_that_a_batch_does_not_have(
    tmp_path, devices, strategy
):
    trainer = make_trainer(
        tmp_path, loggers=[], progress_bar=False, devices=devices, strategy=strategy
    )
    assert isinstance(trainer.strategy, DDPStrategy)
    assert trainer.strategy._ddp_kwargs["find_unused_parameters"]


def test_one_process_is_no_group(tmp_path):
    trainer = make_trainer(tmp_path, loggers=[], progress_bar=False)
    assert isinstance(trainer.strategy, SingleDeviceStrategy)


@pytest.mark.parametrize("patience", [None, 3])
def test_best_by_validation_error_and_last_are_kept(tmp_path, patience):
    trainer = make_trainer(tmp_path, loggers=[], patience=patience, progress_bar=False)
    best, last = trainer.checkpoint_callbacks
    assert isinstance(best, ModelCheckpoint)
    assert isinstance(last, ModelCheckpoint)
    assert (best.monitor, best.mode, best.filename) == ("val/error_deg", "min", "best")
    assert (last.monitor, last.filename) == (None, "last"), "the latest, better or not"
    assert best.dirpath == last.dirpath == str(tmp_path / "checkpoints")
    stoppers = [
        each for each in trainer.early_stopping_callbacks if isinstance(each, EarlyStopping)
    ]
    assert [stopper.patience for stopper in stoppers] == ([] if patience is None else [3])
    plain = EarlyStopping(monitor="val/error_deg", mode="min")
    assert all(stopper.state_key == plain.state_key for stopper in stoppers), "found again"


@pytest.mark.parametrize("patience", [0, 1])
def test_training_stops_when_it_no_longer_helps(patience, data, make_module, quiet_trainer):
    trainer = quiet_trainer(max_epochs=9, patience=patience)
    trainer.fit(make_module(lr=0.0), datamodule=data)
    assert trainer.current_epoch == 2


def test_auto_says_what_it_takes(tmp_path, capsys):
    trainer = make_trainer(tmp_path, loggers=[], progress_bar=False)
    device = best_device()
    assert capsys.readouterr().out == f"device: {device.name}, {device.precision}\n"
    assert trainer.strategy.root_device.type == device.accelerator
    assert trainer.precision == device.precision
    make_trainer(tmp_path, loggers=[], progress_bar=False, accelerator="cpu")
    assert capsys.readouterr().out == "", "what was typed is known"
