import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DistributedSampler, TensorDataset

from vpnet.errors import InputError
from vpnet.evaluation.evaluate import WindowCollector, evaluate_with_baselines
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.models.baselines import ConstantVelocity, Linear, Static
from vpnet.runtime.trainer import make_trainer
from vpnet.training.forecasting_module import ForecastingModule
from vpnet.training.loss import ForecastLoss

TWO_PROCESSES = """
import sys
import torch
import torch.distributed as dist
from vpnet.evaluation.evaluate import WindowCollector
folder, rank = sys.argv[1], int(sys.argv[2])
dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
windows = torch.load(f"{folder}/windows.pt")
metric = WindowCollector()
# Seven windows: the sampler gives each process four and repeats one. Unequal batches.
for batch in ([0, 2, 4], [6]) if rank == 0 else ([1, 3], [5], [0]):
    metric.update(*(tensor[batch] for tensor in windows))
evaluated = metric.compute()
torch.save((evaluated.predicted, evaluated.recording_index, evaluated.anchor_step),
           f"{folder}/computed_{rank}.pt")
dist.destroy_process_group()
"""


def fields(evaluated: EvaluatedWindows) -> tuple[torch.Tensor, ...]:
    return (
        evaluated.predicted,
        evaluated.future,
        evaluated.valid,
        evaluated.recording_index,
        evaluated.anchor_step,
    )


def assert_same(one: EvaluatedWindows, other: EvaluatedWindows) -> None:
    for first, second in zip(fields(one), fields(other), strict=True):
        torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_shuffled_batches_come_back_sorted(make_evaluated):
    expected = make_evaluated((4, 1, 6), horizon=3)
    metric = WindowCollector()
    order = torch.randperm(11, generator=torch.Generator().manual_seed(1))
    for batch in order.split(4):
        metric.update(*(tensor[batch] for tensor in fields(expected)))
    assert_same(metric.compute(), expected)


def test_windows_that_a_distributed_sampler_repeats_count_once(make_evaluated):
    expected = make_evaluated((4, 3), horizon=2)
    metric = WindowCollector()
    windows = TensorDataset(expected.anchor_step)
    shares = [
        list(DistributedSampler(windows, num_replicas=3, rank=rank, shuffle=False))
        for rank in range(3)
    ]
    assert sum(map(len, shares)) == 9, "the sampler must have repeated windows"
    for share in shares:
        metric.update(*(tensor[share] for tensor in fields(expected)))
    assert_same(metric.compute(), expected)


def test_anchors_of_different_recordings_are_different_windows(make_evaluated):
    evaluated = make_evaluated((2, 2), horizon=1)
    metric = WindowCollector()
    metric.update(*fields(evaluated))
    assert len(metric.compute()) == 4


def test_a_single_window_with_a_single_horizon_keeps_its_axes(make_evaluated):
    metric = WindowCollector()
    metric.update(*fields(make_evaluated((1,), horizon=1)))
    evaluated = metric.compute()
    assert evaluated.predicted.shape == (1, 1, 3)
    assert evaluated.valid.shape == (1, 1)
    assert evaluated.recording_index.shape == evaluated.anchor_step.shape == (1,)


def test_reset_forgets_and_predictions_are_detached(make_evaluated):
    evaluated = make_evaluated((3,), horizon=2)
    metric = WindowCollector()
    predicted = evaluated.predicted.clone().requires_grad_()
    metric.update(predicted, *fields(evaluated)[1:])
    assert not metric.compute().predicted.requires_grad
    metric.reset()
    metric.update(*(tensor[:2] for tensor in fields(evaluated)))
    assert len(metric.compute()) == 2


@pytest.mark.filterwarnings("ignore:The ``compute`` method:UserWarning")
def test_an_empty_evaluation_is_refused():
    with pytest.raises(InputError, match="no window was evaluated: .* check the split"):
        WindowCollector().compute()


@pytest.mark.parametrize("position", [1, 2, 3, 4])
def test_shapes_must_belong_together(make_evaluated, position):
    tensors = list(fields(make_evaluated((3,), horizon=2)))
    tensors[position] = tensors[position][:1]
    name = ("predicted", "future", "valid", "recording_index", "anchor_step")[position]
    with pytest.raises(ValueError, match=rf"{name} must have shape \(3.*, got \(1"):
        WindowCollector().update(*tensors)
    with pytest.raises(ValueError, match=f"{name} must have shape"):
        EvaluatedWindows(*tensors)


def test_repr_shows_sizes_not_numbers(make_evaluated):
    assert repr(make_evaluated((2, 3), horizon=4)) == (
        "EvaluatedWindows(windows=5, horizon=4, recordings=2)"
    )


@pytest.mark.slow
def test_two_processes_gather_every_window_once(make_evaluated, tmp_path: Path):
    expected = make_evaluated((4, 3), horizon=2)
    torch.save(fields(expected), tmp_path / "windows.pt")
    processes = [
        subprocess.Popen([sys.executable, "-c", TWO_PROCESSES, str(tmp_path), str(rank)])
        for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    for rank in range(2):
        predicted, recording_index, anchor_step = torch.load(tmp_path / f"computed_{rank}.pt")
        torch.testing.assert_close(predicted, expected.predicted)
        assert torch.equal(recording_index, expected.recording_index)
        assert torch.equal(anchor_step, expected.anchor_step)


@pytest.fixture
def trainer(tmp_path) -> pl.Trainer:
    return make_trainer(tmp_path, loggers=[], progress_bar=False)


def module_of(model) -> ForecastingModule:
    return ForecastingModule(model, ForecastLoss(3), partial(torch.optim.SGD, lr=0.1))


def test_the_baselines_are_evaluated_on_the_same_windows(tiny_data, trainer):
    module = module_of(Linear(tiny_data.spec))
    evaluated = evaluate_with_baselines("linear", module, tiny_data, trainer)
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
    evaluated = evaluate_with_baselines(name, module_of(model), tiny_data, trainer)
    assert set(evaluated) == {"static", "constant_velocity"}
    assert next(iter(evaluated)) == name
    windows = tiny_data.test_windows[list(range(len(tiny_data.test_windows)))]
    torch.testing.assert_close(evaluated[name].predicted, model(windows))
