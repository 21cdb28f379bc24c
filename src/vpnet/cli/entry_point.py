"""How the commands fail: the user's errors in one message and exit code 2."""

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, ParamSpec, TypeVar

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from vpnet.errors import InputError

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
        try:
            return command(*args, **kwargs)
        except InputError as error:
            _remove_empty_run_folder()
            _exit(str(error))
        except InstantiationException as error:
            _remove_empty_run_folder()
            cause = _cause(error)
            if isinstance(cause, InputError):
                _exit(str(cause))
            # Arguments of the wrong kind: the constructor says which. Deeper causes are defects.
            if isinstance(cause, ValueError | TypeError) or cause is error:
                # Hydra appends the key to its own message, which the cause lacks.
                key = str(error).rpartition("full_key: ")[2]
                _exit(f"{cause} (configuration key {key})")
            raise
        except MissingMandatoryValue as error:
            key = error.full_key
            _exit(f"{key} has no value; give it on the command line, as {key}=VALUE")
        except (HydraException, OmegaConfBaseException) as error:
            _exit(f"{str(error).strip()}\n--help lists the groups and the keys")
        except KeyboardInterrupt:
            print("interrupted; what was finished is kept", file=sys.stderr)
            sys.exit(130)

    return guarded


def _remove_empty_run_folder() -> None:
    """Hydra makes the folder before anything is checked; a refused run leaves nothing behind."""
    if HydraConfig.initialized():
        folder = Path(HydraConfig.get().runtime.output_dir)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _cause(error: BaseException) -> BaseException:
    """The first error of a chain, or the first `InputError` on the way there."""
    while error.__cause__ is not None and not isinstance(error, InputError):
        error = error.__cause__
    return error


def _exit(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)
