"""How the commands fail, in one message each: exit code 2 for what the user can correct.

1 is a full disk, 130 an interruption (Ctrl-C), 143 a termination (SIGTERM).
"""

import difflib
import errno
import functools
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar

from vpnet.errors import InputError
from vpnet.runtime.run_lock import LOCK_FILE
from vpnet.runtime.termination import TERMINATED_CODE, Terminated, terminable

HELP = "--help lists the groups and the keys"

FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_WORDS = ("No space left on device", "Disk quota exceeded")
"""Of libraries whose errors have no number."""

TOO_LARGE = "File too large"
TORCH_WORDS = ("PytorchStreamWriter failed", "unexpected pos", "iostream error")
"""Of torch, which does not say why it could not write a checkpoint."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def fails_clearly(command: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let a command end with one message and exit code 2 where the user can correct the cause.

    Defects keep their traceback.
    """

    @functools.wraps(command)
    def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        # Else Hydra would print its own version of a composition error and exit with code 1.
        os.environ["HYDRA_FULL_ERROR"] = "1"
        fresh = _fresh_folder()
        try:
            with terminable(), full_disk_ends():
                return command(*args, **kwargs)
        except InputError as error:
            _refuse(error, str(error), fresh)
        except KeyboardInterrupt:
            _stop("interrupted", 130)
        except Terminated:
            _stop("terminated", TERMINATED_CODE)
        except SystemExit as error:
            # Lightning's own way to end at SIGTERM, where a cluster's software answers to it first.
            if type(error).__name__ == "SIGTERMException":
                _stop("terminated", TERMINATED_CODE)
            # Lightning ends so when its loops are interrupted, without a word.
            if error.code == 1 and isinstance(error.__context__, KeyboardInterrupt):
                _stop("interrupted", 130)
            raise
        except Exception as error:
            # In this order: Hydra's error of a missing file is an OSError too.
            message = composition_message(error)
            if message is None and isinstance(error, OSError) and error.filename is not None:
                message = (
                    f"{error.filename}: {error.strerror}; check the path and who may write there"
                )
            if message is None:
                raise
            _refuse(error, message, fresh)

    return guarded


def _stop(reason: str, code: int) -> NoReturn:
    print(f"{reason}; what was finished is kept", file=sys.stderr)
    sys.exit(code)


def _fresh_folder() -> Path | None:
    """The run's folder where it holds nothing yet, so that whatever it will hold is the run's."""
    hydra_config = _hydra_config()
    if hydra_config is None:
        return None
    folder = Path(hydra_config.runtime.output_dir).resolve()
    is_own = folder.is_dir() and folder != Path.cwd()
    return folder if is_own and all(file.name == LOCK_FILE for file in folder.iterdir()) else None


def _refuse(error: Exception, message: str, fresh: Path | None) -> NoReturn:
    """End the command; a run that has trained nothing leaves nothing."""
    if fresh is not None and not (fresh / "checkpoints").is_dir():
        shutil.rmtree(fresh, ignore_errors=True)
    hydra_config = _hydra_config()
    if hydra_config is not None and hydra_config.mode.name == "MULTIRUN":
        # The other jobs of the sweep are run; the sweep as a whole then fails with this.
        raise InputError(message) from error
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def _hydra_config() -> Any:
    """Hydra's own configuration inside of a command that it composed, or None."""
    # Hydra takes half a second to import, and commands without a configuration never do.
    if "hydra" not in sys.modules:
        return None
    from hydra.core.hydra_config import HydraConfig

    return HydraConfig.get() if HydraConfig.initialized() else None


@contextmanager
def full_disk_ends() -> Iterator[None]:
    """Let a full disk end the program with one message and exit code 1, a sweep as well."""
    try:
        yield
    except Exception as error:
        reason = why_not_written(error)
        if reason is None:
            raise
        hydra_config = _hydra_config()
        folder = Path.cwd() if hydra_config is None else Path(hydra_config.runtime.output_dir)
        free_mb = shutil.disk_usage(folder).free / 1e6 if folder.is_dir() else 0.0
        print(
            f"error: {folder}: {reason} ({free_mb:.0f} MB are free there now); what was finished "
            "is kept; make room, then give the same command again to resume",
            file=sys.stderr,
        )
        sys.exit(1)


def why_not_written(error: BaseException) -> str | None:
    """Which limit of the disk an error comes from, in words; None where it is another error.

    What it was raised from, or while handling what, counts as well.
    """
    seen: BaseException | None = error
    reason = None
    while seen is not None:
        number, text = getattr(seen, "errno", None), str(seen)
        if number in FULL or any(word in text for word in FULL_WORDS):
            return "a file could not be written, the disk is full"
        if number == errno.EFBIG or TOO_LARGE in text:
            return "a file could not be written, it is larger than the system lets it be (ulimit)"
        if isinstance(seen, RuntimeError) and any(word in text for word in TORCH_WORDS):
            reason = "a checkpoint could not be written, the disk is probably full"
        seen = seen.__cause__ or seen.__context__
    return reason


def composition_message(error: Exception) -> str | None:
    """What to say of an error of Hydra's or OmegaConf's that the user can correct, or None."""
    if "omegaconf" not in sys.modules:
        return None
    from hydra.errors import HydraException, OverrideParseException
    from omegaconf.errors import (
        InterpolationKeyError,
        MissingMandatoryValue,
        OmegaConfBaseException,
    )
    from yaml import YAMLError

    if isinstance(error, MissingMandatoryValue):
        return (
            f"{error.full_key} has no value; give it on the command line, as {error.full_key}=VALUE"
        )
    if isinstance(error, OverrideParseException):
        return _unparsed(error.override, str(error))
    if isinstance(error, YAMLError):
        return f"a configuration file is no YAML: {' '.join(str(error).split())}"
    if isinstance(error, InterpolationKeyError):
        return _dangling(str(error.full_key), str(error))
    if isinstance(error, HydraException | OmegaConfBaseException):
        return _uncomposed(error)
    if isinstance(error, ValueError) and str(error).startswith("Config group override must be"):
        return f"a group takes the name of one of its choices, not null; {HELP}"
    return None


def _dangling(key: str, message: str) -> str:
    """Which setting refers to one that is not there; only OmegaConf's message has its name."""
    found = re.search(r"Interpolation key '([^']*)' not found", message)
    missing = found[1] if found else "another one"
    said = f"{key} refers to {missing}, which no chosen file sets"
    if missing.startswith("training."):
        return f"{said}; a model's file chooses its training: defaults: [/training: adamw]"
    return said


def _unparsed(override: str, message: str) -> str:
    """What Hydra cannot read, and the same quoted, in case it is a text with signs of its own."""
    from vpnet.cli.hydra_command import quoted

    key, equals, value = override.partition("=")
    said = f"{override}: {message.partition(chr(10))[0]}"
    if not equals:
        return f"{said}; settings are given as KEY=VALUE"
    return f"""{said}; where the value is a text, quote it: "{key}={quoted(value)}\""""


def _uncomposed(error: Exception) -> str:
    """What Hydra says of a configuration that cannot be composed, and the keys that there are."""
    from omegaconf import DictConfig
    from omegaconf.errors import OmegaConfBaseException

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
        found = f"the keys {', '.join(keys)}" if keys else "no keys"
        lines.append(f"{group or 'the configuration'} has {found}")
    return "\n".join((*lines, HELP))
