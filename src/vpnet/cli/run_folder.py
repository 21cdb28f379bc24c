"""The run folder of a command, in which no other command works meanwhile."""

import functools
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from vpnet.errors import InputError
from vpnet.runtime.run_lock import only_one_in


def alone_in_its_folder(command: Callable[[DictConfig], None]) -> Callable[[DictConfig], None]:
    """Let a Hydra command end with a message and exit code 2 where another works in its folder.

    It goes between `hydra.main` and `fails_clearly`, which would remove a folder that was empty
    when this command began, though the other works there by now. A sweep ends as a whole: it is a
    second one of the same.
    """

    @functools.wraps(command)
    def guarded(config: DictConfig) -> None:
        with ExitStack() as held:
            try:
                held.enter_context(only_one_in(Path(HydraConfig.get().runtime.output_dir)))
            except InputError as error:
                print(f"error: {error}", file=sys.stderr)
                sys.exit(2)
            command(config)

    return guarded
