"""Every file under conf/ is a promise: whatever is added there is checked here by itself."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_object
from omegaconf import OmegaConf

from fixtures.compositions import composed, filled, plain
from vpnet.cli.config_files import rewritten, section_of
from vpnet.cli.train_config import TABLES, TrainConfig
from vpnet.dataset.task import Task
from vpnet.settings import REQUIRED, settings_of
from vpnet.training.stages import Stage

CONF = Path(__file__).resolve().parents[1] / "conf"
FILES = sorted(path.relative_to(CONF).with_suffix("") for path in CONF.rglob("*.yaml"))
ROOTS = {"train", "predict"}
OPTIONS = [str(path) for path in FILES if str(path) not in ROOTS]
MISSING = "???"
ABLATIONS = sorted(path.name for path in (CONF / "ablation").iterdir())

STAR_VP = {
    "training.optimizer.name": "adamw",
    "training.optimizer.lr": 1e-4,
    "training.optimizer.weight_decay": 0.01,
    "training.scheduler.name": "plateau",
    "training.scheduler.factor": 0.1,
    "training.scheduler.patience": 5,
    "training.scheduler.min_lr": 1e-7,
    "training.batch_size": 128,
    "training.loss": "great_circle",
    "trainer.max_epochs": 100,
    "trainer.gradient_clip_val": None,
    "model.mlp_ratio": 1,
    "model.dropout": 0.1,
    "model.reconstruct_past": False,
    "model.velocity": False,
}
PUBLISHED = {
    "model=star_vp": STAR_VP,
    "model=gated_star_vp": STAR_VP,
    "model=muse_vp": {
        "training.optimizer.name": "adam",
        "training.optimizer.lr": 1e-4,
        "training.optimizer.weight_decay": 1e-5,
        "training.scheduler.name": "cosine",
        "training.scheduler.epochs": 100,
        "training.batch_size": 32,
        "training.loss": "great_circle",
        "trainer.max_epochs": 100,
        "trainer.patience": 10,
        "trainer.gradient_clip_val": 1.0,
        "model.eye_lstm": True,
        "model.lstm": "single",
        "model.eye_spatial": True,
        "model.eye_spatial_mode": "concat",
        "model.face_gating": True,
        "model.face_window_s": 0.5,
        "model.user_embed": True,
        "model.mlp_ratio": 1,
        "model.dropout": 0.1,
        "model.reconstruct_past": False,
        "model.velocity": False,
    },
    "model=fusion task=short_term": {
        "training.loss": "great_circle",
        "task.horizon_weights": [1.0, 0.8, 0.5],
        "task.smoothness_weight": 0.1,
        "model.streams": ["head", "eye", "offset", "face"],
        "model.user_embed": True,
        "model.saliency": True,
        "model.encoder": "gru",
        "model.projection": "linear",
        "model.query": "trajectory",
        "model.dropout": 0.2,
        "model.diversity_weight": 0.01,
    },
    "stage=general": {
        "training.optimizer.name": "adam",
        "training.optimizer.lr": 1e-3,
        "training.batch_size": 64,
        "trainer.max_epochs": 50,
    },
    "stage=personal": {
        "stage.rest": "frozen",
        "training.optimizer.name": "adam",
        "training.optimizer.lr": 1e-4,
        "training.batch_size": 32,
        "trainer.max_epochs": 20,
    },
}
"""What the papers and the design say, by the overrides that ask for it."""

ROWS = {
    "fusion/full": {},
    "fusion/head_only": {"streams": ["head"]},
    "fusion/eye_only": {"streams": ["eye"]},
    "fusion/no_offset": {"streams": ["head", "eye", "face"]},
    "fusion/no_face": {"streams": ["head", "eye", "offset"]},
    "fusion/no_saliency": {"saliency": False},
    "fusion/no_user": {"user_embed": False},
    "muse_vp/star_vp": {
        "eye_lstm": False,
        "eye_spatial": False,
        "face_gating": False,
        "user_embed": False,
    },
    "muse_vp/eye_lstm": {"eye_spatial": False, "face_gating": False, "user_embed": False},
    "muse_vp/eye_spatial": {"face_gating": False, "user_embed": False},
    "muse_vp/face_gating": {"user_embed": False},
    "muse_vp/user_embed": {},
}
"""What each row of an ablation changes in its model."""


def training_of(model: str) -> str:
    """The option of `training` that a model's file names."""
    file = OmegaConf.to_container(OmegaConf.load(CONF / "model" / f"{model}.yaml"))
    assert isinstance(file, dict)
    return file["defaults"][0]["/training"]


def test_the_roots_are_those_of_the_scripts():
    assert {str(path) for path in FILES if len(path.parts) == 1} == ROOTS
    assert len(OPTIONS) > 20


@pytest.mark.parametrize("option", [o for o in OPTIONS if not o.startswith(("predict", "study"))])
def test_an_option_composes_and_every_key_is_a_setting(option):
    group, name = option.rsplit("/", 1)
    # The rows of an ablation are a group that its experiment brings.
    experiment = [f"experiment={group.replace('/', '_')}"] * group.startswith("ablation/")
    TrainConfig.of(filled(composed("train", *experiment, f"{group}={name}")))


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.startswith("predict/")])
def test_a_prediction_composes(option):
    plain("predict", option.replace("/", "="))


def test_keys_and_comments_are_those_of_the_signatures():
    """`make conf` writes them."""
    stale = [
        file
        for file in FILES
        if (section := section_of(file.with_suffix(".yaml")))
        and rewritten(text := (CONF / file).with_suffix(".yaml").read_text(), section) != text
    ]
    assert not stale


@pytest.mark.parametrize(
    "option",
    [option for option in OPTIONS if option.split("/")[0] in ("data", "split", "saliency")],
)
def test_defaults_are_those_of_the_code(option):
    group, name = option.split("/")
    node = plain("train", f"{group}={name}")[group]
    if node is None:
        assert name == "none"
        return
    assert node.pop("name") == name
    expected = settings_of(TABLES[group][name])
    assert list(node) == list(expected), "every setting of the constructor has its key"
    for key, value in node.items():
        default = expected[key].default
        if (name, key) == ("parquet", "cache"):
            default = False  # such a file is read as fast as a kept one
        if isinstance(default, tuple):
            default = list(default)
        assert value == (MISSING if default is REQUIRED else default), key


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.startswith("model/")])
def test_a_model_brings_its_training(option):
    name = option.split("/")[1]
    config = plain("train", f"model={name}")
    assert config["model"]["name"] == name
    file = CONF / "training" / f"{training_of(name)}.yaml"
    expected = OmegaConf.to_container(OmegaConf.load(file))
    assert isinstance(expected, dict)
    assert config["training"].keys() == expected.keys()
    assert config["trainer"]["max_epochs"] == config["training"]["max_epochs"]


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.startswith("stage/")])
def test_a_stage_changes_the_training_alone(option):
    name = option.split("/")[1]
    single, config = plain("train"), plain("train", f"stage={name}")
    assert Stage(**config["stage"]).name == name
    differing = {key for key in config if config[key] != single[key]}
    assert differing == (set() if name == "single" else {"stage", "training", "trainer"})
    assert config["training"].keys() == single["training"].keys()
    typed = plain("train", f"stage={name}", "training.max_epochs=3", "experiment=demo")
    assert typed["trainer"]["max_epochs"] == 3
    assert typed["training"]["batch_size"] == 128, "an experiment stands above a stage"


@pytest.mark.parametrize("overrides", PUBLISHED)
def test_values_are_those_that_were_published(overrides):
    config = OmegaConf.create(plain("train", *overrides.split()))
    published = PUBLISHED[overrides]
    found = {key: OmegaConf.select(config, key, default=MISSING) for key in published}
    assert found == published


def test_every_training_is_that_of_a_model_but_the_brief_one():
    used = {training_of(option.split("/")[1]) for option in OPTIONS if option.startswith("model/")}
    # For any large network, by hand.
    used.add("brief")
    assert used == {option.split("/")[1] for option in OPTIONS if option.startswith("training/")}


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.startswith("task/")])
def test_a_task_is_one(option):
    name = option.split("/")[1]
    task = Task(**plain("train", f"task={name}")["task"])
    assert task.name == name
    assert set(task.report_horizons_s) >= {0.2, 0.5, 1.0}


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_an_ablation_sweeps_over_its_rows(ablation):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(
            "train", [f"experiment=ablation_{ablation}"], return_hydra_config=True
        ).copy()
    assert config.hydra.mode.name == "MULTIRUN"
    rows = config.hydra.sweeper.params[f"ablation/{ablation}"].split(",")
    files = [option for option in OPTIONS if option.startswith(f"ablation/{ablation}/")]
    assert sorted(rows) == [option.rsplit("/", 1)[1] for option in files]
    assert len(config.hydra.sweeper.params.seed.split(",")) >= 3
    assert "now" not in OmegaConf.to_container(config.hydra.sweep)["dir"], "a sweep can go on"
    assert callable(get_object(config.hydra.callbacks.table._target_))
    configs = [
        plain("train", f"experiment=ablation_{ablation}", f"ablation/{ablation}={row}")
        for row in rows
    ]
    assert (
        configs[0]["ablation"] == plain("train", f"experiment=ablation_{ablation}")["ablation"]
    ), "the first row is the default"
    labels = [config["ablation"]["row"] for config in configs]
    assert len(set(labels)) == len(rows)
    models = [{**config["model"], "user": config["user_embed"]} for config in configs]
    assert all(model not in models[:position] for position, model in enumerate(models))
    for config in configs:
        others = ("ablation", "logger", "model", "user_embed")
        assert all(config[key] == configs[0][key] for key in config if key not in others), (
            "rows differ in the model alone"
        )


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.startswith("ablation/")])
def test_a_row_of_an_ablation_changes_what_it_names_and_no_more(option):
    _, ablation, row = option.split("/")
    whole = plain("train", f"model={ablation}")["model"]
    model = plain("train", f"experiment=ablation_{ablation}", f"ablation/{ablation}={row}")["model"]
    assert model.keys() == whole.keys()
    changed = {key: value for key, value in model.items() if value != whole[key]}
    assert changed == ROWS[f"{ablation}/{row}"]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_says_what_it_is(path):
    lines = (CONF / path.with_suffix(".yaml")).read_text().splitlines()
    assert lines[0].startswith("# @package") or lines[0].startswith("# ")
    assert sum(line.startswith("# ") and "@package" not in line for line in lines) >= 1
