"""What a configuration adopts from a checkpoint, and what counts as typed."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from vpnet.checkpoints.checkpoint import Checkpoint
from vpnet.cli.checkpoint_config import adopt_checkpoint, starting_checkpoint, with_chosen_settings
from vpnet.cli.train_config import RunSettings
from vpnet.dataset.window import WindowSpec
from vpnet.errors import InputError
from vpnet.viewer_ids import KnownViewers

FUSION = "fusion"
FRESH = {
    "fit": True,
    "resume": False,
    "checkpoint": None,
    "lstm_checkpoint": None,
    "stage": {"name": "single"},
}
MAPS = {"name": "file", "path": "maps"}


@pytest.fixture
def checkpoint() -> Checkpoint:
    return Checkpoint(
        path=Path("best.ckpt"),
        model={"name": FUSION, "dropout": 0.3, "user_embed": True},
        task={"name": "short_term", "sampling_rate_hz": 30},
        saliency=MAPS,
        spec=WindowSpec(30, 60, (6, 15, 30), has_saliency=True),
        users=KnownViewers.of(["S01"]),
        face_features=("Jaw_Drop",),
        saliency_state={},
        crowd_state=None,
        weights={},
        run={
            "data": {"name": "parquet", "path": "a.parquet", "mirror": False},
            "split": {"seed": 3},
            "stage": {"name": "general"},
            "training": {"max_epochs": 10, "batch_size": 64},
            "seed": 11,
        },
        trained_on=frozenset(),
    )


@pytest.fixture
def config() -> DictConfig:
    """What the defaults and the overrides of a test compose to."""
    return OmegaConf.create(
        {
            "model": {"name": FUSION, "dropout": 0.2, "user_embed": "${user_embed}"},
            "task": {"name": "long_term", "sampling_rate_hz": 5},
            "face_features": ["FaceActivity"],
            "saliency": None,
            "user_embed": True,
            "seed": 4,
            "fit": True,
            "resume": False,
            "lstm_checkpoint": None,
            "data": {"name": "simulated", "users": 12},
            "split": {"seed": 0},
            "stage": {"name": "single"},
            "training": {"max_epochs": 20, "batch_size": 256},
            "trainer": {"max_epochs": "${training.max_epochs}"},
        }
    )


def own(values: dict[str, Any]) -> RunSettings:
    names = ("fit", "resume", "checkpoint", "lstm_checkpoint")
    return RunSettings(**{name: value for name, value in (FRESH | values).items() if name in names})


def changed(config: DictConfig, **values: Any) -> DictConfig:
    for key, value in values.items():
        OmegaConf.update(config, key.replace("__", "."), value)
    return config


def test_the_settings_of_another_models_training_are_not_taken(config, checkpoint):
    """Without model=lstm on the command line, training would be fusion's."""
    lstm = {"name": "lstm", "hidden": 8}
    other = dataclasses.replace(checkpoint, model=lstm)
    with pytest.raises(InputError, match=r"best.ckpt: holds a lstm, .*; add model=lstm"):
        adopt_checkpoint(config, other, [])
    assert adopt_checkpoint(changed(config, fit=False), other, []).model.hidden == 8
    config = changed(config, fit=True, model=lstm)
    assert adopt_checkpoint(config, other, ["model=lstm"]).model.hidden == 8


def test_what_was_trained_wins_over_defaults(config, checkpoint):
    adopted = adopt_checkpoint(config, checkpoint, ["seed=4", "data=parquet", "split.seed=1"])
    assert adopted.model == checkpoint.model
    assert adopted.task == checkpoint.task
    assert adopted.saliency == checkpoint.saliency
    assert list(adopted.face_features) == ["Jaw_Drop"]
    assert adopted.seed == 4
    assert adopted.data == config.data, "but for training that goes on, other data may be given"
    assert adopted.training == config.training
    assert config.model.dropout == 0.2, "the given configuration stays as it is"


@pytest.mark.parametrize(
    ("values", "override"),
    [
        ({}, "model=fusion"),
        ({"model__dropout": 0.3}, "model.dropout=0.3"),
        ({}, "user_embed=true"),
        ({"task__name": "short_term"}, "task=short_term"),
        ({"face_features": ["Jaw_Drop"]}, "face_features=[Jaw_Drop]"),
    ],
)
def test_what_the_user_repeats_is_no_contradiction(config, checkpoint, values, override):
    adopted = adopt_checkpoint(changed(config, **values), checkpoint, [override])
    assert adopted.model == checkpoint.model
    assert adopted.task == checkpoint.task


@pytest.mark.parametrize(
    ("values", "override", "message"),
    [
        (
            {"model__dropout": 0.1},
            "model.dropout=0.1",
            r"best.ckpt: was trained with model.dropout 0.3, and model.dropout=0.1 says 0.1; "
            "leave it out, or give another checkpoint",
        ),
        ({"model__name": "lstm"}, "model=lstm", "says lstm"),
        ({"user_embed": False}, "user_embed=false", "trained with model.user_embed True"),
        ({}, "task=long_term", "trained with task short_term, and task=long_term says long_term"),
        ({"task__sampling_rate_hz": 10}, "task.sampling_rate_hz=10", "sampling_rate_hz 30"),
        ({}, "face_features=[FaceActivity]", r"face_features \['Jaw_Drop'\]"),
        ({"model__extra": 1}, "+model.extra=1", r"model.extra None, and \+model.extra=1 says 1"),
    ],
)
def test_a_contradiction_is_refused(config, checkpoint, values, override, message):
    with pytest.raises(InputError, match=message):
        adopt_checkpoint(changed(config, **values), checkpoint, ["seed=4", override])


@pytest.mark.parametrize("override", ["saliency=file", "saliency.path=elsewhere"])
def test_a_saliency_that_was_typed_wins(config, checkpoint, override):
    config.saliency = MAPS | {"path": "elsewhere"}
    assert adopt_checkpoint(config, checkpoint, [override]).saliency.path == "elsewhere"


def test_a_saliency_that_would_be_ignored_is_refused(config, checkpoint):
    blind = dataclasses.replace(
        checkpoint, saliency=None, spec=dataclasses.replace(checkpoint.spec, has_saliency=False)
    )
    assert adopt_checkpoint(config, blind, ["saliency=none"]).saliency is None
    config.saliency = MAPS
    with pytest.raises(InputError, match="was trained without saliency and would ignore it"):
        adopt_checkpoint(config, blind, ["saliency=file"])


def test_training_that_goes_on_has_its_old_settings(config, checkpoint):
    adopted = adopt_checkpoint(changed(config, resume=True), checkpoint, ["resume=true"])
    for key, trained in checkpoint.run.items():
        assert adopted[key] == trained
    assert adopted.trainer.max_epochs == 10


def test_what_was_typed_wins_over_the_old_settings(config, checkpoint):
    typed = changed(config, resume=True, training__max_epochs=30, seed=7)
    overrides = ["resume=true", "training.max_epochs=30", "seed=7", "data=simulated"]
    adopted = adopt_checkpoint(typed, checkpoint, overrides)
    assert adopted.training == {"max_epochs": 30, "batch_size": 64}
    assert adopted.trainer.max_epochs == 30
    assert adopted.seed == 7
    assert adopted.data == config.data, "another reader replaces the old one whole"
    assert adopted.split == {"seed": 3}


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("training.optimizer.lr=0.1", r"training.optimizer.lr 0.001, .*=0.1 says 0.1; leave"),
        ("training=fast", r"training.optimizer \{'lr': 0.001\}, and training=fast says .*0.1"),
        ("experiment=fast", r"training.optimizer \{'lr': 0.001\}, and experiment=fast says .*0.1"),
        ("training.scheduler.patience=9", r"scheduler.patience 5, .* says 9; leave it out, or"),
    ],
)
def test_training_goes_on_with_its_optimizer_and_scheduler_only(config, checkpoint, typed, message):
    """Lightning restores its rate with its moments: what was typed would silently not count."""
    epochs = "${training.max_epochs}"
    checkpoint.run["training"] |= {
        "optimizer": {"lr": 0.001},
        "scheduler": {"patience": 5, "epochs": epochs},
    }
    config = changed(
        config,
        resume=True,
        training__optimizer={"lr": 0.1},
        training__scheduler={"patience": 9, "epochs": epochs},
    )
    with pytest.raises(InputError, match=message):
        adopt_checkpoint(config, checkpoint, ["resume=true", typed])
    assert adopt_checkpoint(config, checkpoint, ["resume=true"]).training.optimizer.lr == 0.001
    same = changed(config, training__optimizer__lr=0.001, training__scheduler__patience=5)
    assert adopt_checkpoint(same, checkpoint, ["resume=true", typed]).training.optimizer.lr == 0.001
    anew = changed(config, resume=False, training__optimizer__lr=0.1)
    adopted = adopt_checkpoint(anew, checkpoint, [typed])
    assert adopted.training.optimizer.lr == 0.1, "but weights may be trained on in another way"


def test_training_goes_on_in_its_stage_only(config, checkpoint):
    typed = changed(config, resume=True, stage__name="personal")
    with pytest.raises(InputError, match="with stage general, and stage=personal says personal"):
        adopt_checkpoint(typed, checkpoint, ["resume=true", "stage=personal"])
    typed = changed(config, resume=False)
    adopted = adopt_checkpoint(typed, checkpoint, ["stage=personal"])
    assert adopted.stage.name == "personal", "but it may be the start of another stage"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"stage": {"name": "personal"}},
            "stage=personal needs a checkpoint of stage=general; add",
        ),
        ({"resume": True}, r"resume=true needs a checkpoint; add checkpoint=RUN/checkpoints/best"),
        ({"fit": False}, r"fit=false needs a checkpoint"),
        ({"fit": False, "resume": True, "checkpoint": "x"}, "leave one out"),
        ({"checkpoint": "a.ckpt", "lstm_checkpoint": "b.ckpt"}, "both say where to start"),
        ({"checkpoint": "none.ckpt"}, "none.ckpt: checkpoint not found"),
    ],
)
def test_a_start_without_its_checkpoint_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        starting_checkpoint(own(values), DictConfig(FRESH | values))


def test_a_fresh_start_needs_none():
    assert starting_checkpoint(own({}), DictConfig(FRESH)) is None


STUDY = """# @package _global_
# Mine.
defaults:
  - override /data: quest_pro
  - _self_
seed: 9
training:
  optimizer: {lr: 0.5}
hydra:
  job: {name: x}
"""


def test_the_settings_of_a_study_are_named_with_it(tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "mine.yaml").write_text(STUDY)
    typed = ["+study=mine", "model=lstm"]
    assert with_chosen_settings(typed, [tmp_path / "none", tmp_path]) == [
        *typed,
        "data=quest_pro (+study=mine)",
        "seed=9 (+study=mine)",
        "training.optimizer.lr=0.5 (+study=mine)",
    ]


def test_a_choice_within_one_group_is_what_was_typed(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "lstm.yaml").write_text("name: lstm\nhidden: 8\n")
    assert with_chosen_settings(["model=lstm", "seed=1"], [tmp_path]) == ["model=lstm", "seed=1"]
