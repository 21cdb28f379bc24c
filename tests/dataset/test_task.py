from pathlib import Path

import pytest
from omegaconf import OmegaConf

from vpnet.dataset.task import Task
from vpnet.errors import InputError
from vpnet.settings import check_settings, settings_of

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
        ({"history_s": 0.2}, r"task.history_s must be from two to 10000 steps .*, got 0.2 s"),
        ({"history_s": 2000.2}, r"task.history_s must be from two to 10000 .*, got 2000.2 s; sh"),
        ({"anchor_stride_s": 0.3}, r"task.anchor_stride_s must be a positive whole"),
        ({"train_stride_s": 0.1}, r"task.train_stride_s must be a positive whole"),
        ({"first_anchor_s": 1.3}, r"task.first_anchor_s must be a positive whole"),
        ({"horizons_s": [0.2, 0.5]}, r"task.horizons_s must be a positive whole .*, got 0.5 s"),
        ({"horizons_s": [1.0, 0.2]}, r"task.horizons_s must increase, got \[1.0, 0.2\]"),
        ({"horizons_s": [1.0, 1.0]}, r"task.horizons_s must increase"),
        ({"horizons_s": []}, r"task.horizons_s must hold from 1 to 10000 horizons, got 0"),
        ({"horizons_s": [s / 5 for s in range(1, 10_002)]}, r"to 10000 horizons, got 10001"),
        (
            {"sampling_rate_hz": 1000, "history_s": 1.0, "horizons_s": [1.0, 101.0]},
            r"task.horizons_s must end at most 100000 steps of 1/1000 s .*, got 101.0 s",
        ),
        ({"horizon_weights": [1.0]}, r"one weight a horizon \(3\), got 1"),
        ({"horizon_weights": [0, 0, 0]}, r"task.horizon_weights must not be all 0"),
        ({"report_horizons_s": []}, r"task.report_horizons_s must hold one horizon at least"),
    ],
)
def test_a_wrong_task_is_refused(make_task, arguments, message):
    with pytest.raises(InputError, match=message):
        make_task(**arguments)


@pytest.mark.parametrize(
    ("setting", "value", "allowed"),
    [
        ("sampling_rate_hz", 0, "a number from 0.01 to 1000"),
        ("sampling_rate_hz", 1e6, "a number from 0.01 to 1000"),
        ("sampling_rate_hz", 10**400, "a number from 0.01 to 1000"),
        ("history_s", -1.0, "a number above 0 and at most 3600"),
        ("horizons_s", [0.0, 1.0], "a list of numbers above 0 and at most 3600"),
        ("report_horizons_s", [1.0, 0.0], "a list of numbers above 0 and at most 3600"),
        ("first_anchor_s", -1, "a number from 0 to 86400"),
        ("anchor_stride_s", 1e308, "a number above 0 and at most 3600"),
        ("train_stride_s", -0.4, "a number above 0 and at most 3600"),
        ("horizon_weights", [1.0, -1.0, 2.0], "a list of numbers of at least 0, or null"),
        ("smoothness_weight", -0.1, "a number of at least 0"),
        ("max_gaze_gap_s", -0.1, "a number from 0 to 3600"),
    ],
)
def test_values_out_of_range_are_refused(make_task, setting, value, allowed):
    with pytest.raises(InputError, match=rf"^{setting} must be {allowed}, got"):
        make_task(**{setting: value})
    with pytest.raises(InputError, match=rf"^task.{setting} must be {allowed}, got"):
        check_settings(Task, {**vars(make_task()), setting: value}, "task")


@pytest.mark.parametrize("setting", settings_of(Task))
def test_every_setting_refuses_other_types(make_task, setting, wrong_values):
    wrong = wrong_values(settings_of(Task)[setting])
    assert len(wrong) > 4
    for value in wrong:
        with pytest.raises(InputError, match=f"^{setting} must be"):
            make_task(**{setting: value})


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
