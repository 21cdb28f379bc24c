"""What is said where a configuration cannot be composed or a part of it not be built."""

import difflib
import traceback

from hydra.errors import HydraException, InstantiationException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from vpnet.cli.arguments import quoted
from vpnet.errors import InputError


def composition_message(error: Exception) -> str | None:
    """What to say of an error of Hydra's or OmegaConf's that the user can correct.

    Args:
        error: What a command raised.

    Returns:
        The message; None where it is a defect, or comes from elsewhere.
    """
    if isinstance(error, InstantiationException):
        cause = _cause(error)
        if isinstance(cause, InputError):
            return str(cause)
        if not _is_for_the_user(cause) and cause is not error:
            return None
        # Hydra appends the key to its own message, which the cause lacks.
        _, known, key = str(error).rpartition("full_key: ")
        return f"{cause} (configuration key {key})" if known else str(cause)
    if isinstance(error, MissingMandatoryValue):
        return (
            f"{error.full_key} has no value; give it on the command line, as {error.full_key}=VALUE"
        )
    if isinstance(error, OverrideParseException):
        return _unparsed(error)
    if isinstance(error, HydraException | OmegaConfBaseException):
        return _uncomposed(error)
    return None


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
        keys = [str(name) for name in cause.parent_node if name not in ("_target_", "hydra")]
        meant = difflib.get_close_matches(key, keys, n=1)
        if meant:
            lines.append(f"did you mean {f'{group}.' if group else ''}{meant[0]}?")
        held = f"the keys {', '.join(keys)}" if keys else "no keys"
        lines.append(f"{group or 'the configuration'} has {held}")
    return "\n".join((*lines, "--help lists the groups and the keys"))


def _cause(error: BaseException) -> BaseException:
    """The first error of a chain, or the first `InputError` on the way there."""
    while error.__cause__ is not None and not isinstance(error, InputError):
        error = error.__cause__
    return error


def _is_for_the_user(cause: BaseException) -> bool:
    """Whether a constructor refused its arguments itself; what went wrong deeper is a defect."""
    where = traceback.extract_tb(cause.__traceback__)[-1].name
    return isinstance(cause, ImportError) or (
        # Arguments that do not bind fail where Hydra makes the call.
        isinstance(cause, ValueError | TypeError)
        and where in ("__init__", "__post_init__", "_call_target")
    )
