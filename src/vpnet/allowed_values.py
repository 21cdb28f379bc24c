"""The values that a type of setting allows, in words for messages, help and configuration files."""

import math
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

SEQUENCES = (Sequence, list, tuple)
"""What a list of settings may be declared as."""

SCALARS: dict[Any, tuple[str, str]] = {
    bool: ("true or false", "true or false values"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("text", "texts"),
    Path: ("a path", "paths"),
}
"""Types of single settings, in words for one and for several."""


def allowed(annotation: Any) -> str:
    """The values of a type, in words.

    >>> from pydantic import Field
    >>> allowed(Annotated[float, Field(gt=0, le=1)] | None)
    'a number above 0 and at most 1, or null'
    >>> allowed(Sequence[Literal["head", "eye"]])
    'a list of head or eye'
    >>> allowed(Annotated[str, Field(pattern="/", description="a folder, with a / in it")])
    'a folder, with a / in it'
    """
    options = options_of(annotation)
    words = [_one_allowed(option) for option in options if option is not type(None)]
    if Path in options and str in options:
        words = [word for word in words if word != "text"]
    elif Path in options and any(_description(option) for option in options):
        # The description says which paths.
        words = [word for word in words if word != "a path"]
    if type(None) in options:
        words.append("null")
    return ", or ".join(words)


def _one_allowed(annotation: Any) -> str:
    described = _description(annotation)
    if described:
        return described
    limits = _limits(annotation)
    base = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    if get_origin(base) is Literal:
        return _either(list(map(str, get_args(base))))
    if get_origin(base) in SEQUENCES:
        inner = next((part for part in get_args(base) if part is not Ellipsis), str)
        one = get_args(inner)[0] if get_origin(inner) is Annotated else inner
        many = SCALARS[one][1] if one in SCALARS else allowed(inner)
        return f"a list of {many}{_range_words(_limits(inner))}"
    if get_origin(base) is Mapping or base is Mapping:
        return "settings by name"
    return SCALARS[base][0] + _range_words(limits)


def _description(annotation: Any) -> str | None:
    """What an annotated type says of itself, for rules that are no bounds."""
    if get_origin(annotation) is not Annotated:
        return None
    found = (getattr(part, "description", None) for part in get_args(annotation)[1:])
    return next(filter(None, found), None)


def _range_words(limits: dict[str, float]) -> str:
    least, most = limits.get("ge"), limits.get("le")
    if least is not None and most is not None:
        return f" from {least:.10g} to {most:.10g}"
    words = {"ge": "of at least", "gt": "above", "le": "at most", "lt": "below"}
    said = [f"{words[name]} {limits[name]:.10g}" for name in words if name in limits]
    return "".join(f" {' and '.join(said)}" if said else "")


def _either(choices: Sequence[str]) -> str:
    return " or ".join((*([", ".join(choices[:-1])] if choices[1:] else []), choices[-1]))


def _limits(annotation: Any) -> dict[str, float]:
    """The bounds that an annotated type declares, by the names of `pydantic.Field`."""
    found: dict[str, float] = {}
    if get_origin(annotation) is Annotated:
        for part in get_args(annotation)[1:]:
            for bound in getattr(part, "metadata", ()):
                for name in ("ge", "gt", "le", "lt"):
                    if hasattr(bound, name):
                        found[name] = getattr(bound, name)
    return found


def options_of(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the one type."""
    if get_origin(annotation) in (Union, types.UnionType):
        return get_args(annotation)
    return (annotation,)


def is_path_alone(annotation: Any) -> bool:
    """Whether a type takes paths and declares no texts."""
    bases = [get_args(o)[0] if get_origin(o) is Annotated else o for o in options_of(annotation)]
    return Path in bases and str not in bases


def shown(value: Any) -> str:
    """A value as a message shows it."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
