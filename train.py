"""Train a forecaster, evaluate it beside the baselines, and leave everything in the run folder.

python train.py model=fusion data=parquet data.path=FILE split=file split.path=FILE seed=1
python train.py checkpoint=RUN/checkpoints/best.ckpt fit=false data=... split=...
"""

from pathlib import Path

import hydra
import pytorch_lightning as pl
import rich
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from vpnet.cli.adoption import adopt_checkpoint
from vpnet.cli.entry_point import fails_clearly
from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.task import Task
from vpnet.evaluation.evaluate import evaluate_beside_baselines
from vpnet.evaluation.report import write_report, write_text
from vpnet.models.forecaster import Forecaster
from vpnet.plots.run_pictures import draw_run_pictures
from vpnet.training.checkpoint import describe, read_checkpoint
from vpnet.training.fitting import fit
from vpnet.training.forecasting_module import ForecastingModule
from vpnet.training.loss import ForecastLoss
from vpnet.training.tracking import log_results, make_loggers


@fails_clearly
@hydra.main(version_base="1.3", config_path="conf", config_name="train")
@fails_clearly
def main(config: DictConfig) -> None:
    """Compose, load, fit, test, report."""
    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    checkpoint = None if config.checkpoint is None else read_checkpoint(config.checkpoint)
    if checkpoint is not None:
        config = adopt_checkpoint(config, checkpoint, hydra_config.overrides.task)
    plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    pl.seed_everything(config.seed, workers=True, verbose=False)

    task = Task(**plain["task"])
    data = ViewportDataModule(
        instantiate(config.data, _convert_="all"),
        instantiate(config.split, _convert_="all"),
        task,
        saliency=instantiate(config.saliency, _convert_="all"),
        face_features=plain["face_features"],
        known_users=checkpoint and checkpoint.users,
        saliency_state=checkpoint and checkpoint.saliency_state,
        batch_size=config.training.batch_size,
        num_workers=config.num_workers,
        run_length=2 if task.smoothness_weight > 0 else 1,
        skip_short=config.skip_short,
    )
    spec = checkpoint.spec if checkpoint else data.spec
    model: Forecaster = instantiate(config.model, spec=spec, _convert_="object")
    if checkpoint is not None:
        checkpoint.load_into(model)
    name = (
        hydra_config.runtime.choices.model if checkpoint is None else type(model).__name__.lower()
    )
    print(
        f"{data.describe()}\n{name}: {model.parameter_count:,} parameters, "
        f"masked for lack of data: {', '.join(model.absent_streams()) or 'nothing'}"
    )

    module = ForecastingModule(
        model,
        ForecastLoss(len(task.horizons_s), task.horizon_weights, task.smoothness_weight),
        instantiate(config.training.optimizer, _convert_="all"),
        instantiate(config.training.scheduler, _convert_="all"),
        describe(
            model=plain["model"],
            task=plain["task"],
            saliency=plain["saliency"],
            spec=spec,
            users=data.users,
            face_features=plain["face_features"],
            saliency_state=data.saliency.state() if data.saliency else {},
        ),
    )
    loggers = make_loggers(folder, plain, **plain["logger"])
    trainer = instantiate(config.trainer, folder=folder, loggers=loggers, _convert_="all")
    write_text(folder / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
    best = checkpoint and checkpoint.path
    if config.fit:
        best = fit(module, data, trainer, resume_from=best if config.resume else None)
        read_checkpoint(best).load_into(model)

    evaluated = evaluate_beside_baselines(name, module, data, trainer)
    summaries, table = write_report(folder, evaluated, data, config.bootstrap_draws)
    pictures = draw_run_pictures(folder, evaluated[name], summaries, data)
    log_results(loggers, summaries[name], pictures, best)
    rich.print(table.to_rich())
    print(f"run folder: {folder}\ncheckpoint: {best}\npicture: {pictures['overview']}")


if __name__ == "__main__":
    main()
