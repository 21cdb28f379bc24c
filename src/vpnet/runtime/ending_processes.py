"""Ending a training of several processes together."""

import signal
import subprocess
import threading

import pytorch_lightning as pl

from vpnet.runtime.termination import Terminated, handler

PATIENCE_S = 2.0
"""How long another process may take to end before it is killed."""


class EndAllProcesses(pl.Callback):
    """Let SIGTERM end a training of several processes at once.

    Lightning's own handler would have them agree on it first, in the midst of whatever they are
    exchanging, and can wait for ever. Here the first process ends the others, which have nothing to
    write.
    """

    def on_sanity_check_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Lightning has set its own just before."""
        _answer(trainer)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """As above, where nothing is checked first."""
        _answer(trainer)

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """As above, for each evaluation."""
        _answer(trainer)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Where the signal came before the processes had found each other."""
        if isinstance(exception, Terminated) and trainer.is_global_zero:
            _end(_others(trainer))


def _answer(trainer: pl.Trainer) -> None:
    if trainer.world_size == 1 or threading.current_thread() is not threading.main_thread():
        return
    if not trainer.is_global_zero:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        return
    others = _others(trainer)
    signal.signal(signal.SIGTERM, handler(lambda: _end(others)))


def _others(trainer: pl.Trainer) -> list[subprocess.Popen]:
    """Processes that this one has started; on a cluster something else has, and ends them."""
    return getattr(trainer.strategy.launcher, "procs", [])


def _end(others: list[subprocess.Popen]) -> None:
    for process in others:
        process.terminate()
    for process in others:
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
    # Lightning looks at this list, and would kill the first process as well.
    others.clear()
