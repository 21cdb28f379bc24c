"""The check of settings against the signatures that declare them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from vpnet.errors import InputError
from vpnet.settings import (
    REQUIRED,
    PositiveInt,
    Share,
    build,
    check_settings,
    checked,
    settings_of,
)


@checked
@dataclass(frozen=True)
class Frame:
    yaw_deg: Annotated[float, Field(ge=-360, le=360)] = 0.0
    mirror: bool = False


@checked
def read_turned(root: str, frame: Frame = Frame(yaw_deg=90.0)) -> Frame:  # noqa: B008 - frozen
    return frame


class Network:
    """Not a setting."""


@checked
def read(
    root: str | Path,
    *,
    network: Network | None = None,
    frame: Frame = Frame(),  # noqa: B008 - frozen
    workers: PositiveInt | None = None,
    kind: Literal["gru", "transformer"] = "gru",
    names: Sequence[str] = (),
    **others: Any,
) -> tuple[Any, ...]:
    return root, frame, workers, kind, names, others


@checked
class Model:
    def __init__(self, network: Network, hidden: PositiveInt = 8, dropout: Share = 0.1) -> None:
        self.hidden = hidden


def test_settings_are_those_of_the_signature_and_of_its_records():
    found = settings_of(read)
    assert list(found) == ["root", "yaw_deg", "mirror", "workers", "kind", "names"]
    assert found["root"].default is REQUIRED
    assert found["mirror"].record == "frame"
    assert found["mirror"].default is False
    assert list(settings_of(read, ["root"])) == list(found)[1:]
    assert list(settings_of(Model)) == ["hidden", "dropout"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mirror": "flase"}, "data.mirror must be true or false, got 'flase'"),
        ({"mirror": 1}, "data.mirror must be true or false, got 1"),
        ({"yaw_deg": True}, "data.yaw_deg must be a number from -360 to 360, got True"),
        ({"yaw_deg": math.nan}, "data.yaw_deg must be a number from -360 to 360, got nan"),
        ({"yaw_deg": 361}, "data.yaw_deg must be a number from -360 to 360, got 361"),
        ({"workers": 0}, "data.workers must be a whole number of at least 1, or null, got 0"),
        ({"workers": 2.0}, "data.workers must be a whole number of at least 1, or null, got 2.0"),
        ({"kind": "lstm"}, "data.kind must be gru or transformer, got 'lstm'"),
        ({"names": "abc"}, "data.names must be a list of texts, got 'abc'"),
        ({"names": [1]}, "data.names must be a list of texts, got [1]"),
        ({"root": 3}, "data.root must be a path, got 3"),
        ({"miror": True}, "data.miror is no setting; did you mean data.mirror? there are root,"),
        ({"network": None}, "data.network is no setting"),
    ],
)
def test_a_mapping_is_held_to_the_signature(values, message):
    with pytest.raises(InputError) as refusal:
        check_settings(read, {"root": "x", **values}, "data")
    assert str(refusal.value).startswith(message)


def test_a_setting_without_default_is_required():
    with pytest.raises(InputError, match="data.root is missing; it must be a path"):
        check_settings(read, {}, "data")


def test_checked_settings_are_arguments_with_records():
    arguments = check_settings(read, {"root": "x", "mirror": True, "workers": None}, "data")
    assert arguments == {"root": "x", "frame": Frame(mirror=True), "workers": None}
    assert read(**arguments)[1].mirror is True


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: read("x", workers=0), "workers must be a whole number of at least 1"),
        (lambda: Model(Network(), 0), "hidden must be a whole number of at least 1, got 0"),
        (lambda: Model(Network(), dropout=1.5), "dropout must be a number from 0 to 1, got 1.5"),
        (lambda: Frame(mirror="no"), "mirror must be true or false, got 'no'"),  # type: ignore
    ],
)
def test_a_call_is_held_to_its_signature(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_what_is_no_setting_is_passed_on():
    network = Network()
    assert read("x", network=network, more=network)[-1] == {"more": network}


def test_a_name_chooses_in_a_table_and_nothing_else():
    table = {"model": Model}
    made = build(table, {"name": "model", "hidden": 3}, "model", network=Network())
    assert made.hidden == 3
    for name in ("os.system", None, ["model"], {"name": "model"}):
        with pytest.raises(InputError, match="model.name must be one of model, got"):
            build(table, {"name": name}, "model", network=Network())
    with pytest.raises(InputError, match="model must hold a name and settings, got 'model'"):
        build(table, "model", "model")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="model.network is no setting"):
        build(table, {"name": "model", "network": 1}, "model", network=Network())


def test_a_builder_may_have_a_record_of_other_defaults():
    assert settings_of(read_turned)["yaw_deg"].default == 90.0
    assert settings_of(read)["yaw_deg"].default == 0.0
    arguments = check_settings(read_turned, {"root": "x", "mirror": True}, "data")
    assert read_turned(**arguments) == Frame(yaw_deg=90.0, mirror=True)
    assert read_turned(**check_settings(read_turned, {"root": "x"}, "data")) == Frame(90.0)


def test_one_setting_can_be_checked_alone():
    settings_of(read)["workers"].check("data.workers", 2)
    with pytest.raises(InputError, match="data.workers must be a whole number .* got 'two'"):
        settings_of(read)["workers"].check("data.workers", "two")


def test_a_path_may_be_declared_as_nothing_else():
    @checked
    def read(path: Path, other: Path | None = None) -> Path:
        return path

    assert check_settings(read, {"path": "a/b"}, "data") == {"path": Path("a/b")}
    assert read(Path("a")) == Path("a")
    with pytest.raises(InputError, match="data.path must be a path, got 3"):
        check_settings(read, {"path": 3}, "data")


def test_a_parameter_without_a_type_is_named():
    def read(root, rate_hz: float = 5.0): ...

    with pytest.raises(InputError, match="data.root has no type in the signature of read"):
        check_settings(read, {"root": "x"}, "data")
