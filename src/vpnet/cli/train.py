"""Train a forecaster, evaluate it beside the baselines, and leave everything in the run folder.

python train.py model=fusion data=parquet data.path=FILE split=file split.path=FILE seed=1
python train.py stage=personal checkpoint=GENERAL.ckpt
python train.py checkpoint=RUN/checkpoints/best.ckpt fit=false data=... split=...
"""

import logging
from pathlib import Path
from typing import Any, cast

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from vpnet.cli.config_folder import CONFIG_FOLDER
from vpnet.cli.entry_point import fails_clearly

logger = logging.getLogger("vpnet.train")


@fails_clearly
@hydra.main(version_base="1.3", config_path=str(CONFIG_FOLDER), config_name="train")
@fails_clearly
def main(config: DictConfig) -> None:
    """Compose, load, fit, test, report."""
    # Here, so that --help and a configuration that cannot be composed do not wait for them.
    import pytorch_lightning as pl

    from vpnet.cli.adoption import adopt_checkpoint, starting_checkpoint
    from vpnet.cli.settings import check_settings, saliency_view_of
    from vpnet.dataset.cautions import warn_of_strangers
    from vpnet.dataset.datamodule import ViewportDataModule
    from vpnet.dataset.task import Task
    from vpnet.evaluation.evaluate import evaluate_beside_baselines
    from vpnet.evaluation.finished_runs import (
        check_other_seeds,
        clear_unfinished,
        has_finished,
        interrupted_at,
    )
    from vpnet.evaluation.report import write_report
    from vpnet.evaluation.text_table import print_table
    from vpnet.models.forecaster import Forecaster
    from vpnet.plots.run_pictures import draw_run_pictures
    from vpnet.saliency.crowd import Crowd
    from vpnet.training.checkpoint import describe, read_checkpoint
    from vpnet.training.fitting import fit
    from vpnet.training.forecasting_module import ForecastingModule
    from vpnet.training.loss import forecast_loss
    from vpnet.training.stages import Stage
    from vpnet.training.tracking import log_config, log_results, make_loggers
    from vpnet.training.warm_start import read_lstm, start_from_lstm
    from vpnet.whole_files import write_text

    run = HydraConfig.get()
    folder = Path(run.runtime.output_dir)
    check_settings(config)
    checkpoint = starting_checkpoint(config)
    if checkpoint is not None:
        config = adopt_checkpoint(config, checkpoint, run.overrides.task)
    values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    plain = cast(dict[str, Any], values)
    whole = OmegaConf.to_yaml(config, resolve=True)
    if has_finished(folder, whole):
        print(f"finished before, delete the folder to run it again\nrun folder: {folder}")
        return
    check_other_seeds(folder, whole)
    interrupted = interrupted_at(folder, whole) if config.fit else None
    lstm = None if config.lstm_checkpoint is None else read_lstm(config.lstm_checkpoint)
    pl.seed_everything(config.seed, workers=True, verbose=False)

    loggers = make_loggers(folder, goes_on=interrupted is not None, **plain["logger"])
    trainer = instantiate(config.trainer, folder=folder, loggers=loggers, _convert_="all")
    # Whoever trains on learns of the viewers of this split: others may be those that are tested.
    fitted = None if config.fit else checkpoint
    task = Task.from_settings(plain["task"])
    loss = forecast_loss(task, config.training.loss)
    data = ViewportDataModule(
        instantiate(config.data, _convert_="all"),
        instantiate(config.split, _convert_="all"),
        task,
        saliency=instantiate(config.saliency, _convert_="all"),
        crowd=Crowd() if config.crowd else None,
        saliency_view=saliency_view_of(config),
        saliency_weighting=config.saliency_weighting,
        saliency_lookahead_s=config.saliency_lookahead_s,
        map_every_s=config.map_every_s,
        face_features=plain["face_features"],
        known_users=None if checkpoint is None else checkpoint.users,
        saliency_state=None if fitted is None else fitted.saliency_state,
        crowd_state=None if fitted is None else fitted.crowd_state,
        batch_size=config.training.batch_size,
        num_workers=config.num_workers,
        run_length=2 if task.smoothness_weight > 0 else 1,
        group_size=config.training.group_size,
        skip_short=config.skip_short,
        for_training=config.fit,
    )
    spec = data.spec if checkpoint is None else checkpoint.spec
    model: Forecaster = instantiate(config.model, spec=spec, _convert_="object")
    stage = Stage(**plain["stage"])
    own_keys = data.keys((*data.partition.train, *data.partition.val))
    remarks: tuple[str, ...] = ()
    if lstm is not None:
        start_from_lstm(model, lstm, own_keys)
    if checkpoint is not None:
        checkpoint.load_into(model)
        remarks = checkpoint.remarks(data.keys(data.partition.test))
    if config.fit:
        trained = data.keys(data.partition.train)
        stage.check_viewers([key.user_id for key in trained], data.users)
        stage.begin(model)
        if model.personal_parameters() and checkpoint is None and stage.name != "general":
            warn_of_strangers(data.users, [key.user_id for key in data.keys(data.partition.test)])
    for stream, is_given in (("crowd", config.crowd), ("saliency", config.saliency is not None)):
        if is_given and stream not in (*config.model, *model.asked_streams):
            logger.warning("%s: %s does not look at it, and does without it", stream, model.name)
    print(data.describe(), model.describe(data.spec), *remarks, sep="\n")

    # Not resolved: whoever resumes with more epochs stretches the schedule too.
    plain["training"] = OmegaConf.to_container(config.training)
    trained_on = own_keys
    if checkpoint is not None:
        trained_on = sorted({*trained_on, *checkpoint.trained_on})
    module = ForecastingModule(
        model,
        loss,
        instantiate(config.training.optimizer, _convert_="all"),
        instantiate(config.training.scheduler, _convert_="all"),
        describe(plain, spec, data.users, data.saliency, trained_on, data.crowd),
        stage=stage,
        mirror=config.training.mirror,
    )
    log_config(loggers, plain)
    if interrupted is not None:
        print(f"going on after the last epoch of an interrupted run: {interrupted}")
        print("delete the folder to begin anew")
        # One of an older program is refused here, in words.
        read_checkpoint(interrupted).load_into(model)
    else:
        clear_unfinished(folder, None if checkpoint is None else checkpoint.path)
    write_text(folder / "config.yaml", whole)
    best = None if checkpoint is None else checkpoint.path
    if config.fit:
        best = fit(module, data, trainer, interrupted or (best if config.resume else None))
        read_checkpoint(best).load_into(model)

    evaluated = evaluate_beside_baselines(model.name, module, data, trainer)
    if not trainer.is_global_zero:
        return
    absent = model.absent_streams(data.spec)
    summaries, table = write_report(
        folder, evaluated, data, config.bootstrap_draws, remarks, absent
    )
    pictures = draw_run_pictures(folder, model, evaluated[model.name], summaries, data)
    log_results(loggers, summaries[model.name], pictures, best)
    print_table(table)
    print(f"run folder: {folder}\ncheckpoint: {best}\npicture: {pictures['overview']}")
