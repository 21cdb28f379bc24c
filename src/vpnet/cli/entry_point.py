"""How the commands fail: the user's errors in one message and exit code 2."""

import functools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar

from vpnet.cli.full_disk import full_disk_ends
from vpnet.errors import InputError
from vpnet.runtime.run_lock import LOCK_FILE
from vpnet.runtime.termination import EXIT_CODE, Terminated, terminable

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
        except Exception as error:
            # In this order: Hydra's error of a missing file is an OSError too.
            message = _hydra_message(error) or _file_message(error)
            if message is None:
                raise
            _refuse(error, message, fresh)

    return guarded


def _stop(reason: str, code: int) -> NoReturn:
    print(f"{reason}; what was finished is kept", file=sys.stderr)
    sys.exit(code)


def _hydra_message(error: Exception) -> str | None:
    """What to say of an error of Hydra's or OmegaConf's; None for a defect."""
    # Hydra takes half a second to import, and commands without a configuration never do.
    if "omegaconf" not in sys.modules:
        return None
    from vpnet.cli.composition_errors import composition_message

    return composition_message(error)


def _file_message(error: Exception) -> str | None:
    """What to say of a file that cannot be read or written; None for anything else."""
    if not isinstance(error, OSError) or error.filename is None:
        return None
    return f"{error.filename}: {error.strerror}; check the path and who may write there"


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
        # The other jobs of the sweep go on; the sweep as a whole then fails with this.
        raise InputError(message) from error
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def _hydra_config() -> Any:
    """Hydra's own configuration inside of a command that it composed, or None."""
    if "hydra" not in sys.modules:
        return None
    from hydra.core.hydra_config import HydraConfig

    return HydraConfig.get() if HydraConfig.initialized() else None
