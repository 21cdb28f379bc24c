from pathlib import Path

import pytest
from omegaconf import OmegaConf

from vpnet.dataset.task import Task
from vpnet.errors import InputError

CONF = Path(__file__).resolve().parents[2] / "conf"


def test_times_become_steps(make_task):
    task = make_task(sampling_rate_hz=30, history_s=2.0, horizons_s=[0.2, 0.5, 1.0])
    assert task.history_steps == 60
    assert task.horizon_steps == (6, 15, 30)
    assert task.steps(0.1, "anchor_stride_s") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"history_s": 1.1}, r"task.history_s must be a positive whole .* 1/5 s, got 1.1 s"),
        ({"history_s": 0.2}, r"task.history_s must be at least two steps .*, got 0.2 s"),
        ({"anchor_stride_s": 0.0}, r"anchor_stride_s must be a number above 0, got 0.0"),
        ({"train_stride_s": -0.4}, r"train_stride_s must be a number above 0, got -0.4"),
        ({"first_anchor_s": 1.3}, r"task.first_anchor_s must be a positive whole"),
        ({"horizons_s": [0.2, 0.5]}, r"task.horizons_s must be a positive whole .*, got 0.5 s"),
        ({"horizons_s": [0.0, 1.0]}, r"horizons_s must be a list of numbers above 0"),
        ({"horizons_s": [1.0, 0.2]}, r"task.horizons_s must .* increase, got \[1.0, 0.2\]"),
        ({"horizons_s": [1.0, 1.0]}, r"task.horizons_s must .* increase"),
        ({"horizons_s": []}, r"task.horizons_s must hold one horizon at least"),
        ({"horizon_weights": [1.0]}, r"one weight a horizon \(3\), got 1"),
        (
            {"horizon_weights": [1.0, -1.0, 2.0]},
            r"list of numbers of at least 0",
        ),
        ({"horizon_weights": [0, 0, 0]}, r"task.horizon_weights must not be all 0"),
        ({"history_s": "long"}, r"history_s must be a number above 0 and at most 3600, got 'long'"),
        ({"report_horizons_s": []}, r"task.report_horizons_s must hold one horizon at least"),
        ({"report_horizons_s": [1.0, 0.0]}, r"report_horizons_s must be a list of numbers above 0"),
        (
            {"sampling_rate_hz": 0},
            r"sampling_rate_hz must be a number above 0",
        ),
    ],
)
def test_a_wrong_task_is_refused(make_task, arguments, message):
    with pytest.raises(InputError, match=message):
        make_task(**arguments)


def test_the_first_anchor_may_be_at_zero(make_task):
    assert make_task(first_anchor_s=0).first_anchor_s == 0


@pytest.mark.parametrize("file", sorted((CONF / "task").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_configured_task_is_whole(file):
    arguments = OmegaConf.to_container(OmegaConf.load(file))
    assert isinstance(arguments, dict)
    task = Task(**{str(name): value for name, value in arguments.items()})
    assert task.name == file.stem
    assert max(task.report_horizons_s) <= max(task.horizons_s)
    assert task.first_anchor_s >= task.history_s - 1 / task.sampling_rate_hz
