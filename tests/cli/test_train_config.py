"""Settings of train.py that are wrong: most where they are checked, some from its command line."""

import functools

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from fixtures.compositions import plain
from vpnet.cli.train_config import TrainConfig
from vpnet.errors import InputError


def refusal_of(override: str, *chosen: str) -> str:
    """What is said where a setting of a composed configuration is typed otherwise."""
    typed = OverridesParser.create().parse_override(override)
    values = plain("train", *chosen)
    *groups, name = typed.key_or_group.split(".")
    functools.reduce(dict.__getitem__, groups, values)[name] = typed.value()
    with pytest.raises(InputError) as refusal:
        TrainConfig.of_values(values)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+model.hidden_size=3", "model.hidden_size is no setting; there are streams"),
        (
            "model.name=tcn",
            "model.name must be one of fusion, star_vp, muse_vp, gated_star_vp, track,",
        ),
        ("seed=one", "seed must be a whole number from 0 to 4294967295, got 'one'"),
        ("seed=1.5", "seed must be a whole number from 0 to 4294967295, got 1.5"),
        ("seed=-1", "seed must be a whole number from 0 to 4294967295, got -1"),
        ("seed=null", "seed must be a whole number from 0 to 4294967295, got None"),
        ("face_features=null", "face_features must be a list of texts, got None"),
        ("face_features=Jaw_Drop", "face_features must be a list of texts, got 'Jaw_Drop'"),
        ("+task.horizon=3", "task.horizon is no setting"),
        ("fit=maybe", "fit must be true or false, got 'maybe'"),
        ("user_embed=1", "user_embed must be true or false, got 1"),
        ("training.batch_size=0", "training.batch_size must be a whole number from 1 to "),
        ("bootstrap_draws=0", "bootstrap_draws must be a whole number from 1 to "),
        ("num_workers=-1", "num_workers must be a whole number from 0 to 1024, got -1"),
        ("split.val_fraction=half", "split.val_fraction must be a number from 0 to 1, got 'half'"),
        ("split.val_fraction=2", "split.val_fraction must be a number from 0 to 1, got 2"),
        ("data.users=0", "data.users must be a whole number from 1 to 10000, got 0"),
        ("data.duration_s=long", "data.duration_s must be a number from 1 to 36000, got 'long'"),
        ("trainer.max_epochs=many", "trainer.max_epochs must be a whole number from -1"),
        (
            "task.sampling_rate_hz=fast",
            "task.sampling_rate_hz must be a number from 0.01 to 1000, got",
        ),
        (
            "task.sampling_rate_hz=0",
            "task.sampling_rate_hz must be a number from 0.01 to 1000, got",
        ),
        ("task.horizons_s=1", "task.horizons_s must be a list of numbers above 0 and at most 3600"),
        ("task.history_s=3.05", "task.history_s must be a positive whole number of steps of 1/5"),
        ("task.horizons_s=[]", "task.horizons_s must hold from 1 to 10000 horizons, got 0"),
        ("model.query=head", "model.query must be trajectory or saliency, got 'head'"),
        ("model.stream_dropout=2", "model.stream_dropout must be a number from 0 to 1, got 2"),
        ("model.questionnaire=maybe", "model.questionnaire must be true or false, got 'maybe'"),
        (
            "saliency_lookahead_s=-1",
            "saliency_lookahead_s must be a number of at least 0, or null, got -1",
        ),
        (
            "saliency_lookahead_s=nan",
            "saliency_lookahead_s must be a number of at least 0, or null, got nan",
        ),
        ("map_every_s=null", "map_every_s must be a number of at least 0.1, got None"),
        ("saliency_weighting=area", "saliency_weighting must be none or solid_angle, got 'area'"),
        ("training.group_size=0", "training.group_size must be a whole number from 1 to"),
        ("training.loss=mae", "training.loss must be great_circle or mse, got 'mae'"),
        (
            "training.optimizer.lr=-1",
            "training.optimizer.lr must be a number of at least 0, got -1",
        ),
        ("training.optimizer.lr=fast", "training.optimizer.lr must be a number of at least 0, got"),
        ("+training.optimizer.rate=1", "training.optimizer.rate is no setting"),
        ("+training.scheduler.rate=1", "training.scheduler.rate is no setting"),
        ("trainer.precision=half", "trainer.precision must be auto, 32-true, bf16-mixed, "),
    ],
)
def test_a_setting_that_is_wrong(override, message):
    assert message in refusal_of(override)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sede=1", "Could not override 'sede'"),
        ("model.hidden_size=3", "Could not override 'model.hidden_size'"),
        ("model=transformer", "Could not find 'model/transformer'"),
        ("experiment=mine", "Could not find 'experiment/mine'"),
        (
            "training.optimizer.lr=-1",
            "training.optimizer.lr must be a number of at least 0, got -1",
        ),
        ("seed=two", "seed must be a whole number from 0 to 4294967295, got 'two'"),
        ("model=[fusion", "[fusion"),
        ("face_features=[Nose]", "Nose"),
        ("data.videos=2", "a split by videos needs more than 2 videos, found 2"),
        ("model.streams=[]", "streams must hold one or more of head, eye, offset and face, got []"),
        ("resume=true", "resume=true needs a checkpoint"),
        ("fit=false", "fit=false needs a checkpoint; add checkpoint=RUN/checkpoints/best.ckpt"),
        ("checkpoint=none.ckpt", "none.ckpt: checkpoint not found; give the file, e.g. runs/"),
        ("split.seed=${nothing}", "nothing"),
    ],
)
def test_a_setting_that_is_wrong_on_the_command_line(
    train_refused, tiny_settings, override, message
):
    settings = [s for s in tiny_settings if s.split("=")[0] != override.split("=")[0]]
    assert message in train_refused(*settings, override)


@pytest.mark.parametrize(
    ("model", "override", "message"),
    [
        ("muse_vp", "model.eye_lstm=dual", "model.eye_lstm must be true or false, got 'dual'"),
        ("muse_vp", "model.lstm=triple", "model.lstm must be single or dual, got 'triple'"),
        (
            "muse_vp",
            "model.face_window_s=null",
            "face_window_s must be a number above 0 and at most 3600, got None",
        ),
        (
            "star_vp",
            "model.mlp_ratio=0",
            "model.mlp_ratio must be a whole number from 1 to 64, got 0",
        ),
    ],
)
def test_a_setting_of_a_model_that_is_wrong(model, override, message):
    assert message in refusal_of(override, f"model={model}")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.limit_train_batches=0", "must be a whole number from 1 to 1000000, or a number"),
        ("trainer.limit_train_batches=9223372036854775808", "got 9223372036854775808"),
        ("trainer.accumulate_grad_batches=9223372036854775808", "from 1 to 1000000, got"),
        ("trainer.patience=9223372036854775808", "from 0 to 1000000, or null, got"),
        ("trainer.num_nodes=9223372036854775808", "from 1 to 1000000, got"),
        ("trainer.num_sanity_val_steps=9223372036854775808", "from -1 to 1000000, got"),
        ("trainer.devices=9223372036854775808", "from -1 to 65536, or text, or a list of"),
    ],
)
def test_numbers_that_lightning_would_trip_over_are_refused(override, message):
    assert message in refusal_of(override)


def test_a_loss_that_is_wrong_is_found_before_data_are_read(train_refused):
    message = train_refused("data=parquet", "data.path=none.parquet", "training.loss=mae")
    assert "training.loss must be great_circle or mse, got 'mae'" in message


@pytest.mark.parametrize("folds", ["1", "2.5", "two"])
def test_folds_are_a_whole_number(folds):
    message = refusal_of(f"saliency.folds={folds}", "saliency=behavioural")
    assert "saliency.folds must be a whole number from 2 to 10000" in message


def test_the_models_there_are_are_listed(train_refused):
    message = train_refused("model=transformer")
    for model in ("constant_velocity", "fusion", "linear", "lstm", "static"):
        assert model in message


def test_settings_that_are_right_are_let_through(smoke_train, tmp_path):
    """Limits may be lifted by null, and numbers be names where Lightning has some."""
    run = smoke_train(
        tmp_path / "run",
        "model=static",
        "data.max_gaze_offset_deg=null",
        "training.patience=null",
        "training.batch_size=64",
        "split.test_fraction=0.4",
        "trainer.devices=auto",
        "trainer.num_sanity_val_steps=0",
        "face_features=[]",
    )
    assert (run / "results.md").is_file()
