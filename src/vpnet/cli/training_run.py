"""The steps of a run: settings, data, model, training, evaluation, report."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger

from vpnet.checkpoints.checkpoint import Checkpoint, read_checkpoint, read_lstm, start_from_lstm
from vpnet.checkpoints.checkpoint_entry import describe
from vpnet.checkpoints.checkpoint_file import CHECKPOINT_KEY
from vpnet.cli.builders import checked_recordings
from vpnet.cli.checkpoint_config import adopt_checkpoint, starting_checkpoint
from vpnet.cli.train_config import TrainConfig, check_start
from vpnet.dataset.data_warnings import warn_of_strangers
from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.evaluation.evaluate import evaluate_with_baselines
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.models.forecaster import Forecaster
from vpnet.runs.finished_runs import (
    check_no_links,
    check_other_seeds,
    clear_unfinished,
    has_finished,
    interrupted_at,
)
from vpnet.runs.report import draw_run_pictures, finish, write_report
from vpnet.runtime.tracking import log_config, log_results, make_loggers
from vpnet.runtime.trainer import make_trainer
from vpnet.saliency.crowd import Crowd
from vpnet.text_table import print_table
from vpnet.training.fitting import fit
from vpnet.training.forecasting_module import ForecastingModule
from vpnet.training.loss import forecast_loss
from vpnet.viewer_ids import KnownViewers
from vpnet.whole_files import remove_unfinished, write_text

logger = logging.getLogger("vpnet.train")


@dataclass(frozen=True)
class Run:
    """One run: its settings, its folder, and where it starts from.

    Args:
        config: The checked configuration.
        text: The whole configuration as YAML, as config.yaml holds it.
        unresolved: The training settings with their references, so that a resumed training with
            more epochs stretches its schedule too.
        folder: Folder of the run.
        checkpoint: What it evaluates or starts from, or None.
        interrupted: The last checkpoint of a run that was interrupted in this folder, or None.
    """

    config: TrainConfig
    text: str
    unresolved: dict
    folder: Path
    checkpoint: Checkpoint | None
    interrupted: Checkpoint | None


def run(config: DictConfig, folder: Path, overrides: Sequence[str]) -> None:
    """Train or evaluate as a configuration says, and leave everything in the run folder.

    Args:
        config: The composed configuration.
        folder: Folder of the run.
        overrides: What the user typed, and what the files that he chose set.

    Raises:
        InputError: A setting, the data or a checkpoint breaks a rule.
    """
    this = _plan(config, folder, overrides)
    if has_finished(folder, this.text):
        print(f"finished before, delete the folder to run it again\nrun folder: {folder}")
        return
    lstm_file = this.config.run.lstm_checkpoint
    lstm = None if lstm_file is None else read_lstm(lstm_file)
    pl.seed_everything(this.config.run.seed, workers=True, verbose=False)
    trainer = _make_trainer(this)
    data = _load_data(this)
    model, remarks = _make_model(this, data, lstm)
    print(data.describe(), model.describe(data.spec), *remarks, sep="\n")
    module = _make_module(this, data, model)
    best = _train(this, module, data, trainer)
    evaluated = evaluate_with_baselines(model.name, module, data, trainer)
    if trainer.is_global_zero:
        _report(this, model, data, evaluated, trainer.loggers, best, remarks)


def _plan(config: DictConfig, folder: Path, overrides: Sequence[str]) -> Run:
    """Settings, with what a checkpoint was trained with in place of the defaults."""
    checkpoint = starting_checkpoint(check_start(config), config)
    if checkpoint is not None:
        config = adopt_checkpoint(config, checkpoint, overrides)
    settings = TrainConfig.of(config)
    text = OmegaConf.to_yaml(config, resolve=True)
    check_no_links(folder)
    check_other_seeds(folder, text)
    last = interrupted_at(folder, text) if settings.run.fit else None
    return Run(
        settings,
        text,
        OmegaConf.to_container(config.training),  # type: ignore[arg-type]
        folder,
        checkpoint,
        None if last is None else read_checkpoint(last),
    )


def _make_trainer(this: Run) -> pl.Trainer:
    """Devices and precision, and where the training is logged."""
    values, folder = this.config.values, this.folder
    loggers = make_loggers(folder, resumes=this.interrupted is not None, **values["logger"])
    return make_trainer(folder, loggers=loggers, **values["trainer"])


def _load_data(this: Run) -> ViewportDataModule:
    """Read the recordings, assign them to the parts of the split, cut windows."""
    settings, own, checkpoint = this.config, this.config.run, this.checkpoint
    # A further training learns from the viewers of its own split: others may be tested here.
    fitted = None if own.fit else checkpoint
    return ViewportDataModule(
        checked_recordings(settings.build("data")),
        settings.build("split"),
        settings.task,
        saliency=settings.build("saliency"),
        crowd=Crowd() if own.crowd else None,
        saliency_view=settings.model_class.saliency_view,
        saliency_weighting=own.saliency_weighting,
        saliency_lookahead_s=own.saliency_lookahead_s,
        map_every_s=own.map_every_s,
        face_features=own.face_features,
        known_users=_known_users(this),
        saliency_state=None if fitted is None else fitted.saliency_state,
        crowd_state=None if fitted is None else fitted.crowd_state,
        batch_size=settings.training.batch_size,
        num_workers=own.num_workers,
        run_length=2 if settings.task.smoothness_weight > 0 else 1,
        group_size=settings.training.group_size,
        skip_short=own.skip_short,
        for_training=own.fit,
        seed=own.seed,
    )


def _known_users(this: Run) -> KnownViewers | None:
    """The users of the checkpoint that the run starts from; a run that resumes keeps its own."""
    start = this.checkpoint or this.interrupted
    return None if start is None else start.users


def _make_model(
    this: Run, data: ViewportDataModule, lstm: Checkpoint | None
) -> tuple[Forecaster, tuple[str, ...]]:
    """The network, with the weights that it starts from, and what a reader must know of these."""
    settings, own, checkpoint = this.config, this.config.run, this.checkpoint
    spec = data.spec if checkpoint is None else checkpoint.spec
    model: Forecaster = settings.build("model", spec=spec)
    remarks: tuple[str, ...] = ()
    if lstm is not None:
        start_from_lstm(model, lstm, _own_keys(data))
    if checkpoint is not None:
        checkpoint.load_into(model)
        remarks = checkpoint.remarks(data.keys(data.partition.test))
    if own.fit:
        trained = [key.user_id for key in data.keys(data.partition.train)]
        settings.stage.check_viewers(trained, data.users)
        settings.stage.begin(model)
        if model.personal_parameters() and checkpoint is None and settings.stage.name != "general":
            warn_of_strangers(data.users, [key.user_id for key in data.keys(data.partition.test)])
    given = {"crowd": own.crowd, "saliency": settings.values["saliency"] is not None}
    for stream, is_given in given.items():
        if is_given and stream not in (*settings.values["model"], *model.used_streams):
            logger.warning("%s: %s does not look at it, and does without it", stream, model.name)
    return model, remarks


def _own_keys(data: ViewportDataModule) -> list:
    return data.keys((*data.partition.train, *data.partition.val))


def _make_module(this: Run, data: ViewportDataModule, model: Forecaster) -> ForecastingModule:
    """The LightningModule: loss, optimizer, and what its checkpoints say of themselves."""
    settings, checkpoint = this.config, this.checkpoint
    entry = describe(
        {**settings.values, "training": this.unresolved},
        data.spec if checkpoint is None else checkpoint.spec,
        data.users,
        data.saliency,
        _own_keys(data),
        data.crowd,
        earlier=() if checkpoint is None else checkpoint.trained_on,
        tables=settings.tables,
    )
    return ForecastingModule(
        model,
        forecast_loss(settings.task, settings.training.loss),
        settings.training.make_optimizer,
        settings.training.make_scheduler,
        {CHECKPOINT_KEY: entry},
        stage=settings.stage,
        mirror=settings.training.mirror,
    )


def _train(
    this: Run,
    module: ForecastingModule,
    data: ViewportDataModule,
    trainer: pl.Trainer,
) -> Path | None:
    """Train where the run does, and give the network its best weights; the checkpoint's file."""
    if trainer.is_global_zero:
        for folder in (this.folder, this.folder / "checkpoints"):
            remove_unfinished(folder)
    log_config(trainer.loggers, this.config.values)
    start = None if this.checkpoint is None else this.checkpoint.path
    if this.interrupted is not None:
        print(f"resuming an interrupted run after its last epoch: {this.interrupted.path}")
        print("delete the folder to start over")
        this.interrupted.load_into(module.model)
    else:
        clear_unfinished(this.folder, start)
    write_text(this.folder / "config.yaml", this.text)
    if not this.config.run.fit:
        return start
    resumed = start if this.config.run.resume else None
    if this.interrupted is not None:
        resumed = this.interrupted.path
    best = fit(module, data, trainer, resumed)
    read_checkpoint(best).load_into(module.model)
    return best


def _report(
    this: Run,
    model: Forecaster,
    data: ViewportDataModule,
    evaluated: Mapping[str, EvaluatedWindows],
    loggers: list[Logger],
    best: Path | None,
    remarks: Sequence[str],
) -> None:
    """Write tables and pictures, log them, and print the table."""
    draws = this.config.run.bootstrap_draws
    report = write_report(
        this.folder,
        evaluated,
        data,
        seed=this.config.run.seed,
        bootstrap_draws=draws,
        remarks=remarks,
    )
    pictures = draw_run_pictures(
        this.folder,
        model,
        evaluated[model.name],
        report.measured,
        data,
        data_name=this.config.values["data"]["name"],
        bootstrap_draws=draws,
        formats=this.config.plots.formats,
    )
    images = {}  # W&B shows nothing else
    if "png" in this.config.plots.formats:
        images = {name: file.with_suffix(".png") for name, file in pictures.items()}
    log_results(loggers, report.summaries[model.name], images, best)
    finish(this.folder, data.task.name, report.summaries, model.absent_streams(data.spec))
    print_table(report.table)
    print(f"run folder: {this.folder}\ncheckpoint: {best}")
    if pictures:
        print(f"picture: {pictures['overview']}")
