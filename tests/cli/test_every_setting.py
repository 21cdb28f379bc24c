"""Every setting of train.py and predict.py is held to the signature that declares it."""

import copy
import functools
import re
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf, open_dict

from fixtures.compositions import composed, filled
from vpnet.cli.builders import FILES
from vpnet.cli.hydra_command import CONFIG_FOLDER
from vpnet.cli.predict_saliency import MapSettings
from vpnet.cli.predict_viewports import ViewportSettings
from vpnet.cli.train_config import TrainConfig
from vpnet.errors import InputError

WRONG: Any = {"of": {"a": "wrong type"}}
"""No setting takes such a mapping."""

FREE: dict[str, str] = {}
"""Settings that the test excuses, each with the reason."""

GROUPS = ("data", "split", "task", "saliency", "model", "training", "stage", "trainer", "logger")
TRAINING = [
    f"{group}={file.stem}" for group in GROUPS for file in sorted((CONFIG_FOLDER / group).glob("*"))
] + [f"experiment=ablation_{name}" for name in ("fusion", "muse_vp")]
OPTIONS = [
    *(("train", option) for option in TRAINING),
    *(
        ("predict", f"predict={file.stem}")
        for file in sorted((CONFIG_FOLDER / "predict").glob("*"))
    ),
    *(("predict", f"data={name}") for name in FILES),
]


BRINGS_MORE = re.compile(r"^defaults:|@package", re.MULTILINE)


@functools.cache
def values_of(*overrides: str, command: str = "train") -> dict[str, Any]:
    """A configuration as plain values, not to be changed.

    An option that brings nothing but its group is put into what was composed before.
    """
    config = composed(command)
    for option in overrides:
        group, _, name = option.partition("=")
        file = CONFIG_FOLDER / group / f"{name}.yaml"
        if BRINGS_MORE.search(file.read_text()):
            config = composed(command, *overrides)
            break
        with open_dict(config):
            config[group] = OmegaConf.load(file)
    return OmegaConf.to_container(filled(config), resolve=True)  # type: ignore[return-value]


def check(command: str, values: dict[str, Any]) -> None:
    """What the command does before it reads anything."""
    if command == "train":
        TrainConfig.of_values(values)
    else:
        settings = MapSettings if "videos" in values else ViewportSettings
        settings.of(OmegaConf.create(values))


def spoilt(values: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(values)
    *groups, name = key.split(".")
    functools.reduce(dict.__getitem__, groups, changed)[name] = value
    return changed


def keys_of(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found[f"{above}{name}"] = value
        if isinstance(value, dict):
            found |= keys_of(value, f"{above}{name}.")
    return found


@functools.cache
def walked(command: str, option: str) -> dict[str, Any]:
    """The keys of an option's configuration, with their values.

    Groups of train.py that are those of its first option, word for word, are walked there alone.
    """
    values = values_of(option, command=command)
    if command == "train" and option != TRAINING[0]:
        known = values_of(TRAINING[0])
        values = {name: value for name, value in values.items() if known.get(name, WRONG) != value}
    return keys_of(values)


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_every_key_refuses_a_value_of_a_wrong_type(command, option):
    """A new key cannot be forgotten: it is walked here by itself."""
    values = values_of(option, command=command)
    check(command, values)
    for key in walked(command, option):
        if key in FREE:
            continue
        with pytest.raises(InputError) as refusal:
            check(command, spoilt(values, key, WRONG))
        assert key.rpartition(".")[2] in str(refusal.value), key


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_text_is_no_number_and_no_truth_value(command, option):
    values = values_of(option, command=command)
    for key, value in walked(command, option).items():
        if not isinstance(value, bool | int | float):
            continue
        if key.endswith(".devices") or key in FREE:
            continue  # Lightning has names for devices
        with pytest.raises(InputError, match="got 'flase'"):
            check(command, spoilt(values, key, "flase"))


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_a_key_that_nobody_declared_is_refused(command, option):
    group = option.split("=")[0]
    values = values_of(option, command=command)
    elsewhere = {"train": "training", "predict": "saliency" if "videos" in values else "reading"}
    where = group if isinstance(values.get(group), dict) else elsewhere[command]
    with pytest.raises(InputError, match=f"{where}.no_such_key is no setting"):
        check(command, spoilt(values, f"{where}.no_such_key", 3))


@pytest.mark.parametrize("option", ["viewport", "saliency"])
def test_a_setting_of_prediction_that_nobody_declared_is_refused(option):
    values = values_of(f"predict={option}", command="predict")
    with pytest.raises(InputError, match="ouptut is no setting; did you mean output"):
        check("predict", values | {"ouptut": "x"})


def test_a_setting_of_no_group_that_nobody_declared_is_refused():
    with pytest.raises(InputError, match="sede is no setting; did you mean seed"):
        TrainConfig.of_values(values_of() | {"sede": 3})


def test_a_group_without_a_name_says_what_there_is():
    with pytest.raises(InputError, match="data.name must be one of simulated, parquet, .*nothing"):
        TrainConfig.of_values(values_of() | {"data": {"root": "somewhere"}})


def test_a_reader_of_the_users_own_is_held_to_its_signature(tmp_path: Path, monkeypatch):
    (tmp_path / "own_reader_of_a_test.py").write_text(
        "def read(path: str, rate_hz: float = 5.0):\n    return []\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    own = {"_target_": "own_reader_of_a_test.read", "path": "x"}
    assert TrainConfig.of_values(values_of() | {"data": own}).build("data") == []
    with pytest.raises(InputError, match="data.rate_hz must be a number, got 'fast'"):
        TrainConfig.of_values(values_of() | {"data": own | {"rate_hz": "fast"}})
    absent = own | {"_target_": "own_reader_of_a_test.write"}
    with pytest.raises(InputError, match="data._target_=.*cannot be imported"):
        TrainConfig.of_values(values_of() | {"data": absent})
