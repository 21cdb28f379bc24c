"""What is said where a configuration cannot be composed."""

import difflib
import re

from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import (
    InterpolationKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)
from yaml import YAMLError

from vpnet.cli.arguments import quoted

HELP = "--help lists the groups and the keys"


def composition_message(error: Exception) -> str | None:
    """What to say of an error of Hydra's or OmegaConf's that the user can correct.

    Args:
        error: What a command raised.

    Returns:
        The message; None where it is a defect, or comes from elsewhere.
    """
    if isinstance(error, MissingMandatoryValue):
        return (
            f"{error.full_key} has no value; give it on the command line, as {error.full_key}=VALUE"
        )
    if isinstance(error, OverrideParseException):
        return _unparsed(error)
    if isinstance(error, YAMLError):
        return f"a configuration file is no YAML: {' '.join(str(error).split())}"
    if isinstance(error, InterpolationKeyError):
        return _dangling(error)
    if isinstance(error, HydraException | OmegaConfBaseException):
        return _uncomposed(error)
    if isinstance(error, ValueError) and str(error).startswith("Config group override must be"):
        return f"a group takes the name of one of its choices, not null; {HELP}"
    return None


def _dangling(error: InterpolationKeyError) -> str:
    """Which setting refers to one that is not there; only OmegaConf's message has its name."""
    (missing,) = re.findall(r"Interpolation key '([^']*)' not found", str(error)) or (
        "another one",
    )
    said = f"{error.full_key} refers to {missing}, which no chosen file sets"
    if missing.startswith("training."):
        return f"{said}; a model's file chooses its training: defaults: [/training: adamw]"
    return said


def _unparsed(error: OverrideParseException) -> str:
    """What Hydra cannot read, and the same quoted, in case it is a text with signs of its own."""
    key, equals, value = error.override.partition("=")
    said = f"{error.override}: {str(error).partition(chr(10))[0]}"
    if not equals:
        return f"{said}; settings are given as KEY=VALUE"
    return f"""{said}; where the value is a text, quote it: "{key}={quoted(value)}\""""


def _uncomposed(error: Exception) -> str:
    """What Hydra says of a configuration that cannot be composed, and the keys that there are."""
    # Its advice to append a misspelt key with a plus would only hide the mistake, and where it has
    # searched is no help.
    said, _, _ = str(error).partition("Config search path:")
    lines = [line for line in said.strip().split("\n") if "To append" not in line]
    cause = error.__cause__
    if isinstance(cause, OmegaConfBaseException) and isinstance(cause.parent_node, DictConfig):
        group, _, key = str(cause.full_key).rpartition(".")
        keys = [str(name) for name in cause.parent_node if name != "hydra"]
        meant = difflib.get_close_matches(key, keys, n=1)
        if meant:
            lines.append(f"did you mean {f'{group}.' if group else ''}{meant[0]}?")
        held = f"the keys {', '.join(keys)}" if keys else "no keys"
        lines.append(f"{group or 'the configuration'} has {held}")
    return "\n".join((*lines, HELP))
