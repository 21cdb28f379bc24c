"""Where metrics go: always a CSV file, and W&B, offline unless the user is logged in."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

from vpnet.settings import checked


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
        # Its banner and its tables of sparklines would bury the run's own table.
        os.environ.setdefault("WANDB_SILENT", "true")
        loggers.append(
            WandbLogger(
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
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.log_hyperparams(dict(config))


def wandb_mode() -> str:
    """How W&B should run: as WANDB_MODE says, else online only where credentials are at hand.

    Without them W&B would ask, which fails or hangs on a machine that nobody watches.
    """
    asked = os.environ.get("WANDB_MODE")
    if asked:
        return asked
    import wandb

    return "online" if wandb.login(prompt=False, verify=False) else "offline"


def log_results(
    loggers: Sequence[Logger],
    summary: Mapping[str, Any],
    pictures: Mapping[str, Path],
    checkpoint: Path | None,
) -> None:
    """Give the results of a run to W&B, where it is one of the loggers, and end its run.

    Args:
        loggers: From `make_loggers`.
        summary: Numbers of the test, from `vpnet.evaluation.summary.summarize`.
        pictures: Image files by name.
        checkpoint: Goes up as an artifact of type model; or None.
    """
    metrics = {
        f"test/error_{row['horizon_s']:g}s_deg": row["error_deg"]["mean_over_users"]
        for row in summary["horizons"]
    }
    metrics |= {
        f"test/error_{name}_deg": row["error_deg"]["mean_over_users"]
        for name, row in summary["ranges"].items()
    }
    metrics = {name: value for name, value in metrics.items() if value is not None}
    for logger in loggers:
        logger.log_metrics(metrics)
        if isinstance(logger, WandbLogger):
            import wandb

            run = logger.experiment
            run.log({name: wandb.Image(str(file)) for name, file in pictures.items()})
            if checkpoint is not None:
                artifact = wandb.Artifact(f"model-{run.id}", type="model")
                artifact.add_file(str(checkpoint), name="best.ckpt")
                run.log_artifact(artifact)
            run.finish()
        logger.finalize("success")


def log_table(
    folder: str | Path, records: Sequence[Mapping[str, Any]], *, wandb: bool, **settings: Any
) -> None:
    """Give a table to W&B as a run of its own, where W&B is asked for.

    Args:
        folder: W&B's files go to ``wandb`` in it.
        records: Rows of the table, all with the same keys.
        wandb: As `make_loggers` takes it.
        **settings: As `make_loggers` takes them.
    """
    for logger in make_loggers(folder, wandb=wandb, **settings):
        if isinstance(logger, WandbLogger):
            from wandb import Table

            rows = [list(record.values()) for record in records]
            run = logger.experiment
            run.log({"table": Table(columns=[*records[0]], data=rows)})
            run.finish()
