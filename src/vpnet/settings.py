"""Settings are declared once, in the signature of what they configure, and checked strictly there.

A signature says the type, the range (`pydantic.Field` in an `Annotated` type), the choices
(`Literal`) and the default of every setting, its docstring says the meaning. `checked` holds every
call to it; `check_settings` holds a mapping to it before anything is built, so that a command can
refuse a configuration before it reads or trains. Several builders share settings through records:
dataclasses that a signature takes as one parameter, and a mapping holds field by field.

>>> @checked
... def resize(rows: Annotated[int, Field(ge=1)], mirror: bool = False) -> int:
...     return rows
>>> resize(0)
Traceback (most recent call last):
vpnet.errors.InputError: rows must be a whole number of at least 1, got 0
"""

import dataclasses
import difflib
import functools
import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from vpnet.allowed_values import SCALARS, SEQUENCES, allowed, is_path_alone, shown
from vpnet.errors import InputError

NAME = "name"
"""The entry of a mapping that chooses in a table of builders."""

OWN_CODE = "_target_"
"""In a configuration, in its place: the import path of code of the user's own."""

REQUIRED = inspect.Parameter.empty
"""The default of a setting that has none."""

NonNegativeInt = Annotated[int, Field(ge=0)]
PositiveInt = Annotated[int, Field(ge=1)]
NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Units = Annotated[int, Field(ge=1, le=8192)]
Layers = Annotated[int, Field(ge=1, le=16)]
MlpRatio = Annotated[int, Field(ge=1, le=64)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Rows = Annotated[int, Field(ge=1, le=2160)]
Columns = Annotated[int, Field(ge=1, le=4320)]
Folds = Annotated[int, Field(ge=2, le=10_000)]
TorchDevice = Annotated[
    str,
    Field(pattern=r"^(auto|cpu|cuda(:\d{1,2})?)$", description="auto, cpu, cuda or cuda:NUMBER"),
]
SmoothingDeg = Annotated[float, Field(gt=0, le=90)]

_STRICT = ConfigDict(strict=True, allow_inf_nan=False)

Built = TypeVar("Built")
Builder = TypeVar("Builder", bound=Callable[..., Any])


@dataclass(frozen=True)
class Setting:
    """One setting of a builder.

    Args:
        name: Its name in a mapping.
        annotation: Its type, with range or choices.
        default: What holds where a mapping has none, or `REQUIRED`.
        record: The parameter of the builder that it is a field of; None where it is one itself.
        owner: What declares it: the builder or the record.
    """

    name: str
    annotation: Any
    default: Any
    record: str | None
    owner: Any

    @property
    def allowed(self) -> str:
        """What values it may have, in words."""
        return allowed(self.annotation)

    def check(self, key: str, value: Any) -> None:
        """Hold a value to the setting's type and range.

        Args:
            key: Where the value comes from, for messages.
            value: The value.

        Raises:
            InputError: It is of another type or out of its range.
        """
        _check(key, self.annotation, value)


def checked(build: Builder) -> Builder:
    """Check the arguments of a function, or of a class's constructor, at every call.

    Only parameters of plain types are checked (truth values, numbers, text, paths, choices, lists
    and mappings of these, and records); what a caller made himself, a network or a window, is not
    a setting.

    Raises:
        InputError: At a call whose argument breaks its rule. Argument names are not a matter of
            this check: unknown ones raise a TypeError, as in any call.
    """
    if isinstance(build, type):
        build.__init__ = _checking(build.__init__)
        return cast(Builder, build)
    return cast(Builder, _checking(build))


def _checking(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        bound = _signature(function).bind(*args, **kwargs)
        hints = _plain_hints(function)
        for name, value in bound.arguments.items():
            if name in hints and not _is_record(hints[name]):
                _check(name, hints[name], value)
        return function(*args, **kwargs)

    return call


def settings_of(build: Callable[..., Any], given: Sequence[str] = ()) -> dict[str, Setting]:
    """The settings of a builder, in the order of its signature, the fields of its records included.

    Args:
        build: A function or class.
        given: Parameters of plain types that its caller gives, and a mapping must not.
    """
    hints, found = _plain_hints(build), {}
    for name, parameter in _signature(build).parameters.items():
        if name in given or name not in hints:
            continue
        hint = hints[name]
        if _is_record(hint):
            for field in settings_of(hint).values():
                # A builder may have a record of other defaults than the record's own.
                default = getattr(parameter.default, field.name, field.default)
                found[field.name] = dataclasses.replace(field, record=name, default=default)
        else:
            found[name] = Setting(name, hint, parameter.default, None, build)
    return found


def check_settings(
    build: Callable[..., Any],
    values: Mapping[str, Any],
    key: str,
    given: Sequence[str] = (),
) -> dict[str, Any]:
    """Hold a mapping to the signature of what it configures, without building it.

    Args:
        build: A function or class.
        values: Its settings, records field by field.
        key: Where the mapping comes from, for messages: ``data`` where it holds ``data.mirror``;
            empty for none.
        given: As `settings_of` takes it.

    Returns:
        Arguments for ``build``: the settings, those of records as records.

    Raises:
        InputError: A setting is unknown, missing, of another type or out of its range.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"{key} must hold settings by name, got {values!r}")
    prefix = f"{key}." if key else ""
    known = settings_of(build, given)
    for name in values:
        parameter = _signature(build).parameters.get(name)
        if parameter is not None and parameter.annotation is inspect.Parameter.empty:
            raise InputError(
                f"{prefix}{name} has no type in the signature of {build.__name__}; "
                f"declare one there, such as {name}: str"
            )
        if name not in known:
            raise InputError(unknown_message(f"{prefix}{name}", str(name), known))
    arguments: dict[str, Any] = {}
    records: dict[str, dict[str, Any]] = {}
    for name, setting in known.items():
        if name not in values:
            if setting.default is REQUIRED:
                raise InputError(f"{prefix}{name} is missing; it must be {setting.allowed}")
            continue
        _check(f"{prefix}{name}", setting.annotation, values[name])
        holder = arguments if setting.record is None else records.setdefault(setting.record, {})
        holder[name] = _as_declared(setting.annotation, values[name])
    hints = _plain_hints(build)
    for name, fields in records.items():
        default = _signature(build).parameters[name].default
        record = hints[name] if default is REQUIRED else partial(dataclasses.replace, default)
        arguments[name] = record(**fields)
    return arguments


def _as_declared(annotation: Any, value: Any) -> Any:
    """A path as such where it is declared as nothing else; configurations hold texts."""
    return Path(value) if isinstance(value, str) and is_path_alone(annotation) else value


def choose(
    table: Mapping[str, Callable[..., Built]], values: Any, key: str
) -> tuple[Callable[..., Built], dict[str, Any]]:
    """What a mapping names in a closed table, and its settings.

    Args:
        table: Builders by name.
        values: A mapping whose ``name`` is one of them; the rest are settings.
        key: Where the mapping comes from, for messages.

    Raises:
        InputError: It is no such mapping.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"{key} must hold a name and settings, got {values!r}")
    name = values.get(NAME)
    if not isinstance(name, str) or name not in table:
        found = "nothing" if name is None else repr(name)
        raise InputError(f"{key}.{NAME} must be one of {', '.join(table)}, got {found}")
    return table[name], {setting: values[setting] for setting in values if setting != NAME}


def build(
    table: Mapping[str, Callable[..., Built]], values: Mapping[str, Any], key: str, **given: Any
) -> Built:
    """Build what a mapping names in a closed table, from settings that are checked first.

    Args:
        table: Builders by name.
        values: As `choose` takes them.
        key: Where the mapping comes from, for messages.
        **given: Arguments that are not settings.

    Raises:
        InputError: The name is not in the table, or a setting breaks a rule of its builder.
    """
    chosen, settings = choose(table, values, key)
    return chosen(**check_settings(chosen, settings, key, tuple(given)), **given)


def unknown_message(key: str, name: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    """What to say of a setting that does not exist.

    Args:
        key: The whole key.
        name: Its last part.
        known: The names that exist.
    """
    meant = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {key.removesuffix(name)}{meant[0]}? " if meant else ""
    there = f"there are {', '.join(known)}" if known else "there are none"
    return f"{key} is no setting; {hint}{there}"


def _check(key: str, annotation: Any, value: Any) -> None:
    try:
        _adapter(annotation).validate_python(value)
    except ValidationError as error:
        raise InputError(f"{key} must be {allowed(annotation)}, got {shown(value)}") from error


@functools.cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    if is_path_alone(annotation):
        # A configuration holds texts, `check_settings` makes paths of them.
        annotation = annotation | str
    return TypeAdapter(annotation, config=_STRICT)


@functools.cache
def _signature(build: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(build)


@functools.cache
def _plain_hints(build: Callable[..., Any]) -> dict[str, Any]:
    """The parameters that are settings or records, with their types."""
    function = build.__init__ if isinstance(build, type) else inspect.unwrap(build)
    hints = get_type_hints(inspect.unwrap(function), include_extras=True)
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    names = [name for name, p in _signature(build).parameters.items() if p.kind not in kinds]
    return {name: hints[name] for name in names if name in hints and _is_plain(hints[name])}


def _is_record(annotation: Any) -> bool:
    return isinstance(annotation, type) and dataclasses.is_dataclass(annotation)


def _is_plain(annotation: Any) -> bool:
    """Whether a type is one of settings, or a record of them."""
    if annotation is type(None) or annotation is Any or annotation in SCALARS:
        return True
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return True
    if origin is Annotated:
        return _is_plain(parts[0])
    if origin in (Union, types.UnionType, Mapping, *SEQUENCES):
        return all(part is Ellipsis or _is_plain(part) for part in parts)
    return _is_record(annotation) and bool(settings_of(annotation))
