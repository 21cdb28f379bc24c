"""What the user typed reaches Hydra as it was meant: paths as they are, options in any place.

Hydra reads ``checkpoint=runs/a=1,b=2/best.ckpt`` as a list of values with a mistake in it. The user
typed a path, so it is quoted here, before Hydra reads it.
"""

import functools
import glob
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

PATH_KEYS = (
    "checkpoint",
    "dir",
    "encoder",
    "exclude",
    "lstm_checkpoint",
    "output",
    "path",
    "recording",
    "root",
    "saliency_path",
    "videos",
    "videos_csv",
)
"""Last parts of the keys whose values are paths."""

OPTIONS_WITH_VALUE = (
    *("--config-dir", "-cd"),
    *("--config-name", "-cn"),
    *("--config-path", "-cp"),
    *("--package", "-p"),
    *("--cfg", "-c"),
    "--experimental-rerun",
)
"""Options of Hydra's that are followed by a value."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def takes_arguments(command: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Prepare the arguments of the process before a command of Hydra's reads them."""

    @functools.wraps(command)
    def preparing(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        sys.argv[1:] = map(with_quoted_path, options_first(sys.argv[1:]))
        return command(*args, **kwargs)

    return preparing


def options_first(arguments: Sequence[str]) -> list[str]:
    """Arguments with the options, and their values, before the overrides.

    Hydra refuses overrides on both sides of an option.

    >>> options_first(["+study=mine", "--config-dir", "studies", "seed=1", "-m"])
    ['--config-dir', 'studies', '-m', '+study=mine', 'seed=1']
    """
    options, overrides = [], []
    for before, argument in zip(("", *arguments), arguments, strict=False):
        is_option = argument.startswith("-") or before in OPTIONS_WITH_VALUE
        # The only one that may also stand alone.
        is_option |= before in ("--info", "-i") and "=" not in argument
        (options if is_option else overrides).append(argument)
    return options + overrides


def with_quoted_path(argument: str) -> str:
    """An argument whose value, where it is a path that Hydra would misread, is quoted.

    Args:
        argument: As the shell gives it: ``key=value``, an option, or anything else.

    >>> with_quoted_path("videos=V/coaster[8lsB].mp4")
    "videos='V/coaster[8lsB].mp4'"
    >>> with_quoted_path("videos=[V/a.mp4,V/b.mp4]")
    'videos=[V/a.mp4,V/b.mp4]'
    """
    key, equals, value = argument.partition("=")
    is_path = key.lstrip("+").rpartition(".")[2] in PATH_KEYS
    if not equals or not is_path or not value or value[0] in "'\"" or "${" in value:
        return argument
    if value.startswith("~/"):
        # Few shells expand it behind an equals sign.
        value = str(Path(value).expanduser())
        argument = f"{key}={value}"
    if _exists(value):
        return argument if _means(argument, value) else f"{key}={quoted(value)}"
    several = value.split(",")
    if len(several) > 1 and all(map(_exists, several)):
        if _can_parse(argument):
            return argument
        return f"{key}={','.join(map(quoted, several))}"
    if value[0] in "[{" or _can_parse(argument):
        return argument
    return f"{key}={quoted(value)}"


def quoted(value: str) -> str:
    r"""A text as Hydra takes it for a text, whatever it holds.

    >>> print(quoted("it's"))
    'it\'s'
    """
    # Only backslashes in front of a quote are doubled; the closing quote is one.
    inner = re.sub(r"(\\*)'", r"\1\1\'", value)
    return "'" + re.sub(r"(\\+)$", r"\1\1", inner) + "'"


def _exists(value: str) -> bool:
    try:
        return Path(value).exists() or ("*" in value and bool(glob.glob(value)))
    except (OSError, ValueError):
        # Too long for a path, or with a sign that no path may hold.
        return False


def _can_parse(argument: str) -> bool:
    try:
        OverridesParser.create().parse_override(argument)
    except HydraException:
        return False
    return True


def _means(argument: str, value: str) -> bool:
    """Whether Hydra reads a value as just this text."""
    if not _can_parse(argument):
        return False
    override = OverridesParser.create().parse_override(argument)
    return not override.is_sweep_override() and override.value() == value
