"""Where metrics go: always a CSV file, and W&B, offline unless the user is logged in."""

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

from vpnet.checkpoints.checkpoint import read_checkpoint
from vpnet.runtime.run_lock import is_first_process
from vpnet.settings import checked

logger = logging.getLogger(__name__)

WAIT_S = 4.0
"""How long to wait for an answer of W&B's server, names and proxies included."""


class WandbRun(WandbLogger):
    """Lightning's logger, which knows whether the checkpoint of its run may be uploaded.

    Args:
        upload_checkpoint: See `make_loggers`.
        **settings: Lightning's own.
    """

    def __init__(self, upload_checkpoint: bool | Literal["auto"], **settings: Any) -> None:
        super().__init__(**settings)
        self.upload_checkpoint = upload_checkpoint

    def may_upload(self, checkpoint: Path) -> bool:
        """Whether a checkpoint may be uploaded; a warning where it may not and a run is kept."""
        if isinstance(self.upload_checkpoint, bool):
            return self.upload_checkpoint
        if not read_checkpoint(checkpoint).holds_head_paths:
            return True
        if not self.experiment.disabled:
            logger.warning(
                "W&B: %s holds the head paths of the training viewers and is not uploaded; "
                "logger.upload_checkpoint=true uploads it",
                checkpoint.name,
            )
        return False


@checked
def make_loggers(
    folder: str | Path,
    *,
    wandb: bool = True,
    project: str = "vpnet",
    name: str | None = None,
    group: str | None = None,
    entity: str | None = None,
    tags: Sequence[str] | None = None,
    notes: str | None = None,
    upload_checkpoint: bool | Literal["auto"] = "auto",
    resumes: bool = False,
) -> list[Logger]:
    """Loggers of a run.

    Args:
        folder: Folder of the run; metrics go to ``csv/metrics.csv`` in it, W&B's files to
            ``wandb``.
        wandb: Log to W&B as well as to metrics.csv; offline unless you are logged in or WANDB_MODE
            says otherwise.
        project: Project in W&B.
        name: Name of the run in W&B; null takes that of the run folder.
        group: Groups runs in W&B, for instance those of a sweep.
        entity: Team or user in W&B; null takes your default.
        tags: Tags of the run in W&B.
        notes: Notes on the run in W&B.
        upload_checkpoint: Whether best.ckpt goes to W&B with the results. auto uploads it unless it
            holds the head paths of the training viewers, as with crowd=true and
            saliency=behavioural.
        resumes: The run was interrupted; what it has logged stays, the rest goes to ``csv_2``.
    """
    folder = Path(folder)
    names = ["csv"]
    while resumes and (folder / names[-1]).exists():
        # Lightning would delete what it finds.
        names.append(f"csv_{len(names) + 1}")
    loggers: list[Logger] = [CSVLogger(folder, name=names[-1], version="")]
    if wandb:
        folder.mkdir(parents=True, exist_ok=True)
        loggers.append(
            WandbRun(
                upload_checkpoint,
                project=project,
                name=name or folder.name,
                group=group,
                save_dir=folder,
                mode=wandb_mode(),
                entity=entity,
                tags=tags,
                notes=notes,
            )
        )
    return loggers


def log_config(loggers: Sequence[Logger], config: Mapping[str, Any]) -> None:
    """Show the configuration of the run in the W&B dashboard, where it is one of the loggers."""
    for each in loggers:
        if isinstance(each, WandbLogger):
            each.log_hyperparams(dict(config))


def wandb_mode() -> str:
    """How W&B should run: as WANDB_MODE says, else online only where it can be.

    Without credentials W&B would prompt for them, which fails or hangs in an unattended program.
    Without a network it would retry for minutes.
    """
    # W&B's banner and sparklines would bury the run's own table, and the banner waits for the
    # server.
    os.environ.setdefault("WANDB_SILENT", "true")
    mode = os.environ.get("WANDB_MODE")
    if mode:
        return mode
    if not is_first_process():
        return "offline"  # the others log nothing
    import wandb

    if not wandb.login(prompt=False, verify=False):
        return "offline"
    # The configured one: WANDB_BASE_URL, or that of W&B's own settings.
    address = wandb.setup().settings.base_url
    if _answers(address):
        return "online"
    logger.warning(
        "W&B: %s does not answer; this run is logged offline (upload it later with wandb sync, or "
        "set WANDB_MODE=offline or logger=csv)",
        address,
    )
    return "offline"


def _answers(address: str) -> bool:
    """Whether a server answers at all; a proxy or gateway that cannot reach it does not count."""
    import requests

    statuses: list[int] = []

    def attempt() -> None:
        with suppress(requests.RequestException):
            answer = requests.get(address, timeout=WAIT_S, allow_redirects=False, stream=True)
            statuses.append(answer.status_code)

    # The look-up of a name has no time limit of its own, so the attempt is abandoned after it.
    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(WAIT_S)
    return any(
        status < 500 and status != requests.codes.proxy_authentication_required
        for status in statuses
    )


def log_results(
    loggers: Sequence[Logger],
    summary: Mapping[str, Any],
    pictures: Mapping[str, Path],
    checkpoint: Path | None,
) -> None:
    """Log the results of a run, and end the run in W&B where that is one of the loggers.

    Args:
        loggers: From `make_loggers`.
        summary: Numbers of the test, from `vpnet.evaluation.summary.summarize`.
        pictures: Image files by name.
        checkpoint: Uploaded as an artifact of type model where it may be; or None.
    """
    rows = {f"{row['horizon_s']:g}s": row for row in summary["horizons"]} | summary["ranges"]
    errors_deg = {name: row["error_deg"]["mean_over_users"] for name, row in rows.items()}
    metrics = {
        f"test/error_{name}_deg": error_deg
        for name, error_deg in errors_deg.items()
        if error_deg is not None
    }
    for each in loggers:
        each.log_metrics(metrics)
        if isinstance(each, WandbRun):
            import wandb

            run = each.experiment
            run.log({name: wandb.Image(str(file)) for name, file in pictures.items()})
            if checkpoint is not None and each.may_upload(checkpoint):
                artifact = wandb.Artifact(f"model-{run.id}", type="model")
                artifact.add_file(str(checkpoint), name="best.ckpt")
                run.log_artifact(artifact)
            if run.offline:
                folder = Path(run.dir).parent
                print(f"W&B: kept on this machine; `wandb sync {folder}` sends it")
            run.finish()
        each.finalize("success")


def log_table(
    folder: str | Path, records: Sequence[Mapping[str, Any]], *, wandb: bool, **settings: Any
) -> None:
    """Log a table to W&B as a run of its own, where ``wandb`` is true; settings of `make_loggers`.

    The records are its rows, all with the same keys.
    """
    for each in make_loggers(folder, wandb=wandb, **settings):
        if isinstance(each, WandbLogger):
            from wandb import Table

            rows = [list(record.values()) for record in records]
            run = each.experiment
            run.log({"table": Table(columns=[*records[0]], data=rows)})
            run.finish()
