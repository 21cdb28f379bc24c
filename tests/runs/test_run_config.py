from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from vpnet.errors import InputError
from vpnet.runs.run_config import (
    check_seeds,
    differing_but_seed,
    differing_keys,
    group_runs,
    read_config,
    what_differs,
)


def test_all_differing_settings_are_found_in_order():
    one = {"a": 1, "b": {"c": 2, "d": 3}, "e": {}}
    other = {"b": {"d": 4, "c": 2}, "a": 2, "f": 5}
    assert differing_keys(one, other, ignored=("f",)) == [
        ("a", 1, 2),
        ("b.d", 3, 4),
        ("e", {}, "not set"),
    ]


@pytest.mark.parametrize("start", ["checkpoint", "lstm_checkpoint"])
def test_seeds_may_start_from_checkpoints_of_their_own_but_all_or_none(start):
    one = {"seed": 1, start: "a.ckpt", "trainer": {"max_epochs": 3, "progress_bar": True}}
    other = {"seed": 2, start: "b.ckpt", "trainer": {"max_epochs": 3, "progress_bar": False}}
    assert differing_but_seed(one, other) == []
    assert differing_but_seed(one, other | {start: None}) == [(start, "a.ckpt", None)]
    assert differing_but_seed(one, other | {"came_later": None}) == []
    assert differing_but_seed(one, other | {"came_later": 1}) == [("came_later", "not set", 1)]
    longer = other | {"trainer": {"max_epochs": 4}}
    assert differing_but_seed(one, longer) == [("trainer.max_epochs", 3, 4)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "not found in a folder that holds results"),
        ("a: [", "is not readable YAML"),
        ("just words", "holds no settings"),
    ],
)
def test_results_without_a_configuration_are_refused(tmp_path, text, message):
    if text is not None:
        (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_config(tmp_path)


def test_a_small_file_of_many_settings_takes_no_time(tmp_path):
    """Each level names the one before ten times: a million million settings."""
    lines = ["a0: &a0 {x: 1}"]
    for level in range(1, 13):
        names = ", ".join(f"b{number}: *a{level - 1}" for number in range(10))
        lines.append(f"a{level}: &a{level} {{{names}}}")
    (tmp_path / "config.yaml").write_text("\n".join(lines))
    with pytest.raises(InputError, match="holds more than 100000 settings"):
        differing_keys(read_config(tmp_path), {})
    (tmp_path / "config.yaml").write_text("[" * 3000)
    with pytest.raises(InputError, match=r"config\.yaml: is not readable YAML"):
        read_config(tmp_path)


@pytest.fixture
def leave(tmp_path) -> Callable[..., Path]:
    """Function that leaves a run folder with the configuration of a seed, or without one."""

    def write(name: str, **settings: Any) -> Path:
        run = tmp_path / name
        run.mkdir()
        if settings:
            (run / "config.yaml").write_text(yaml.safe_dump(settings))
        return run

    return write


def test_seeds_of_one_experiment_are_one_group(leave):
    a, b = leave("a", seed=1, crowd=True), leave("b", seed=1, crowd=False)
    c, none = leave("c", seed=2, crowd=True), leave("none")
    groups = group_runs([a, b, c, none])
    assert [group.runs for group in groups] == [(a, c), (b,), (none,)]
    assert what_differs(groups[:2]) == ["crowd=True", "crowd=False"]
    assert what_differs(groups[:1]) == [""]


def test_seeds_may_start_each_from_its_own_lstm_but_all_or_none(leave):
    """Whoever started otherwise is no seed of the same experiment."""
    runs = [
        leave(
            f"seed_{seed}",
            seed=seed,
            lstm_checkpoint=start,
            training={"max_epochs": epochs},
            saliency_lookahead_s=None if seed < 5 else 0.0,
        )
        for seed, start, epochs in (
            (1, "a.ckpt", 1),
            (2, "b.ckpt", 1),
            (3, None, 1),
            (4, "d.ckpt", 2),
            (5, "e.ckpt", 1),
        )
    ]
    check_seeds(runs[:2], "or not")
    for other, difference in (
        (2, r"its lstm_checkpoint is None, that of .*seed_1 is a.ckpt"),
        (3, r"its training.max_epochs is 2, that of .* is 1"),
        (4, r"its saliency_lookahead_s is 0.0, that of .* is None"),
    ):
        with pytest.raises(InputError, match=f"{difference}; .* the seed alone, try that"):
            check_seeds([runs[0], runs[other]], "try that")


def test_the_same_seed_twice_is_refused(leave):
    runs = [leave("a", seed=1, crowd=True), leave("b", seed=1, crowd=True)]
    with pytest.raises(InputError, match=r"b and .*a both have seed 1"):
        group_runs(runs)
    with pytest.raises(InputError, match="both have seed 1"):
        check_seeds([runs[0], runs[0]], "or not")


def test_a_run_without_a_configuration_is_no_seed_of_one_with(leave):
    runs = [leave("a", seed=1, crowd=True), leave("none")]
    with pytest.raises(InputError, match=r"none: has no config.yaml and cannot be compared"):
        check_seeds(runs, "or not")
    assert what_differs(group_runs(runs)) == ["", "no config.yaml"]
    with pytest.raises(InputError, match="both have seed"):
        group_runs([runs[1], runs[1]])


def test_a_setting_that_is_told_twice_is_told_once_where_it_agrees(leave):
    runs = [
        leave("a", seed=1, crowd=True, model={"crowd": True}),
        leave("b", seed=1, crowd=False, model={"crowd": False}),
    ]
    assert what_differs(group_runs(runs)) == ["crowd=True", "crowd=False"]
    runs.append(leave("c", seed=1, crowd=True, model={"crowd": False}))
    assert what_differs(group_runs(runs)) == [
        "crowd=True, model.crowd=True",
        "crowd=False, model.crowd=False",
        "crowd=True, model.crowd=False",
    ]
