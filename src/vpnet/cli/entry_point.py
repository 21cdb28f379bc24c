"""How the commands fail: the user's errors in one message and exit code 2."""

import difflib
import functools
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, ParamSpec, TypeVar

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from vpnet.cli.full_disk import full_disk_ends
from vpnet.errors import InputError
from vpnet.training.run_lock import LOCK_FILE
from vpnet.training.termination import EXIT_CODE, Terminated, terminable

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def fails_clearly(command: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let a command end with one message and exit code 2 where the user can mend the cause.

    Stands on both sides of `hydra.main`: outside for what goes wrong while the configuration is
    composed, inside for the rest, before Hydra adds its own words. Defects keep their traceback.
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
        except InstantiationException as error:
            cause = _cause(error)
            if isinstance(cause, InputError):
                _refuse(error, str(cause), fresh)
            if _is_for_the_user(cause) or cause is error:
                # Hydra appends the key to its own message, which the cause lacks.
                _, known, key = str(error).rpartition("full_key: ")
                _refuse(error, f"{cause} (configuration key {key})" if known else str(cause), fresh)
            raise
        except MissingMandatoryValue as error:
            key = error.full_key
            _refuse(
                error, f"{key} has no value; give it on the command line, as {key}=VALUE", fresh
            )
        except (HydraException, OmegaConfBaseException) as error:
            _refuse(error, _composition_message(error), fresh)
        except OSError as error:
            if error.filename is None:
                raise
            reason = f"{error.filename}: {error.strerror}"
            _refuse(error, f"{reason}; check the path and who may write there", fresh)
        except KeyboardInterrupt:
            _stop("interrupted", 130)
        except Terminated:
            _stop("terminated", EXIT_CODE)
        except SystemExit as error:
            # Lightning's own way to end at SIGTERM, where a cluster's software answers to it first.
            if type(error).__name__ == "SIGTERMException":
                _stop("terminated", EXIT_CODE)
            # Lightning ends so when its loops are interrupted, without a word.
            if error.code == 1 and isinstance(error.__context__, KeyboardInterrupt):
                _stop("interrupted", 130)
            raise

    return guarded


def _stop(reason: str, code: int) -> NoReturn:
    print(f"{reason}; what was finished is kept", file=sys.stderr)
    sys.exit(code)


def _composition_message(error: Exception) -> str:
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


def _fresh_folder() -> Path | None:
    """The run's folder where it holds nothing yet, so that whatever it will hold is the run's."""
    if not HydraConfig.initialized():
        return None
    folder = Path(HydraConfig.get().runtime.output_dir).resolve()
    is_own = folder.is_dir() and folder != Path.cwd()
    return folder if is_own and all(file.name == LOCK_FILE for file in folder.iterdir()) else None


def _refuse(error: Exception, message: str, fresh: Path | None) -> NoReturn:
    """End the command; a run that has trained nothing leaves nothing."""
    if fresh is not None and not (fresh / "checkpoints").is_dir():
        shutil.rmtree(fresh, ignore_errors=True)
    if HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN:
        # The other jobs of the sweep go on; the sweep as a whole then fails with this.
        raise InputError(message) from error
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)
