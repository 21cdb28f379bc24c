"""The configuration of train.py, checked with the signatures that declare its settings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

from omegaconf import DictConfig, OmegaConf
from pydantic import Field

from vpnet.checkpoints.checkpoint_entry import SOURCES
from vpnet.cli.builders import DATA, with_own_code
from vpnet.dataset.splits import SPLITS
from vpnet.dataset.task import Task
from vpnet.errors import InputError
from vpnet.models.all_models import MODELS
from vpnet.models.forecaster import Forecaster
from vpnet.plots.style import PlotSettings
from vpnet.runtime.tracking import make_loggers
from vpnet.runtime.trainer import make_trainer
from vpnet.settings import (
    NonNegative,
    Seed,
    build,
    check_settings,
    checked,
    choose,
    settings_of,
    unknown_message,
)
from vpnet.training.stages import Stage
from vpnet.training.training_settings import TrainingSettings

TABLES: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "data": DATA,
    "split": SPLITS,
    "saliency": SOURCES,
    "model": MODELS,
}
"""Groups whose ``name`` chooses what is built."""

GIVEN: Mapping[str, tuple[str, ...]] = {
    "trainer": ("folder", "loggers"),
    "logger": ("folder", "resumes"),
}
"""Arguments of a group's builder that are no settings."""

FACE_FEATURES = (
    "Brow_Lowerer_L",
    "Jaw_Drop",
    "Eyes_Look_Down_L",
    "Eyes_Look_Right_L",
    "FaceActivity",
)


@checked
@dataclass(frozen=True)
class RunSettings:
    """What train.py does, apart from its groups.

    Args:
        seed: Seeds everything: initial weights, order of batches, dropout.
        user_embed: Learn a vector per user (fusion, muse_vp).
        crowd: Attend to where the training viewers of the same video looked (fusion, lstm, star_vp,
            muse_vp).
        saliency_lookahead_s: How far ahead of the anchor saliency and crowd are known, in seconds.
            null: the whole video is known; 0: live video.
        map_every_s: Distance in seconds between the saliency maps that fusion looks at, up to the
            last horizon; the first is this far ahead of the anchor.
        saliency_weighting: How salient points are chosen from a map (star_vp and its kin): by the
            map's values as published (none), or weighted by the solid angle of a pixel.
        face_features: Features of the face by name; a "+" joins names whose mean is one feature.
            [] for none.
        fit: Train; false only evaluates the checkpoint.
        checkpoint: File of a checkpoint to evaluate (fit=false), to start from, or whose training
            resumes (resume=true).
        lstm_checkpoint: File of a checkpoint of model=lstm; star_vp or muse_vp starts with its
            LSTM, which trains much faster alone.
        resume: Resume the training of the checkpoint, optimizer and epoch included.
        skip_short: Leave out recordings too short for one window instead of refusing the data.
        num_workers: Processes that load windows; 0 loads in the main process, which is fastest
            without saliency files.
        bootstrap_draws: Draws of the bootstrap over users behind every interval.
    """

    seed: Seed = 0
    user_embed: bool = True
    crowd: bool = False
    saliency_lookahead_s: NonNegative | None = None
    map_every_s: Annotated[float, Field(ge=0.1)] = 1.0
    saliency_weighting: Literal["none", "solid_angle"] = "none"
    face_features: Sequence[str] = FACE_FEATURES
    fit: bool = True
    checkpoint: str | None = None
    lstm_checkpoint: str | None = None
    resume: bool = False
    skip_short: bool = False
    num_workers: Annotated[int, Field(ge=0, le=1024)] = 0
    bootstrap_draws: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000


@checked
@dataclass(frozen=True)
class AblationRow:
    """What an experiment of conf/experiment/ablation_*.yaml says of its rows.

    Args:
        row: Label of the row in the table.
        rows: Files of the ablation's group, joined by commas; the first one is the reference.
    """

    row: str
    rows: str


BUILDERS: Mapping[str, Callable[..., Any]] = {
    "task": Task,
    "training": TrainingSettings,
    "stage": Stage,
    "trainer": make_trainer,
    "logger": make_loggers,
    "plots": PlotSettings,
    "ablation": AblationRow,
}
"""Groups of which there is one builder."""


@dataclass(frozen=True)
class TrainConfig:
    """A configuration whose every setting was checked."""

    values: dict[str, Any]
    """Plain values by group and name."""
    tables: Mapping[str, Mapping[str, Callable[..., Any]]]
    """`TABLES`, with the user's own code where the configuration names some."""
    run: RunSettings
    """The settings of no group."""
    task: Task
    training: TrainingSettings
    stage: Stage
    plots: PlotSettings

    @classmethod
    def of(cls, config: DictConfig) -> "TrainConfig":
        """Check a composed configuration; nothing is built or read.

        Raises:
            InputError: A setting is unknown, of another type or out of its range.
            MissingMandatoryValue: A setting without default has no value.
        """
        values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
        return cls.of_values(cast(dict[str, Any], values))

    @classmethod
    def of_values(cls, values: dict[str, Any]) -> "TrainConfig":
        """Check plain values, as `of` does.

        Raises:
            InputError: A setting is unknown, of another type or out of its range.
        """
        values = dict(values)
        tables = dict(TABLES)
        for group in TABLES:
            if group not in values or (values[group] is None and group != "saliency"):
                raise InputError(f"{group} must hold a name and settings, and there is none")
            if values[group] is not None:
                table, named = with_own_code(TABLES[group], values[group], group)
                tables[group], values[group] = table, named
                chosen, settings = choose(table, named, group)
                # A network takes the shape of its windows as well.
                check_settings(chosen, settings, group, ("spec",))
        for group, builder in BUILDERS.items():
            if group in values:
                check_settings(builder, values[group], group, GIVEN.get(group, ()))
        own = {name: value for name, value in values.items() if name not in (*TABLES, *BUILDERS)}
        for group in ("task", "training", "stage", "trainer", "logger", "plots"):
            if not isinstance(values.get(group), Mapping):
                raise InputError(f"{group} must hold settings by name, got {values.get(group)!r}")
        known = (*settings_of(RunSettings), *TABLES, *BUILDERS)
        for name in own:
            if name not in known:
                said = unknown_message(str(name), str(name), known)
                if isinstance(own[name], Mapping):
                    said += "; a file of settings of several groups begins with # @package _global_"
                raise InputError(said)
        return cls(
            values,
            tables,
            RunSettings(**check_settings(RunSettings, own, "")),
            Task(**values["task"]),
            TrainingSettings(**values["training"]),
            Stage(**values["stage"]),
            PlotSettings(**values["plots"]),
        )

    @property
    def model_class(self) -> type[Forecaster]:
        """The class of the model."""
        return cast(
            type[Forecaster], choose(self.tables["model"], self.values["model"], "model")[0]
        )

    def build(self, group: str, **given: Any) -> Any:
        """Build what a group of `TABLES` names; None where the group is null.

        ``given`` are arguments of its builder that are no settings.

        Raises:
            InputError: The builder refuses its settings.
        """
        if self.values[group] is None:
            return None
        return build(self.tables[group], self.values[group], group, **given)


def check_start(config: DictConfig) -> RunSettings:
    """The settings of no group, before what a checkpoint holds takes the place of others.

    Raises:
        InputError: One of them, or a setting of the stage, is wrong.
    """
    names = settings_of(RunSettings)
    own = {name: config[name] for name in config if name in names}
    started = OmegaConf.create({**own, "stage": config.get("stage")})
    plain = cast(dict[str, Any], OmegaConf.to_container(started, resolve=True))
    check_settings(Stage, plain.pop("stage"), "stage")
    return RunSettings(**check_settings(RunSettings, plain, ""))
