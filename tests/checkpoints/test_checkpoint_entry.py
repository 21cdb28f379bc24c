"""What a hostile author could write into a file: everywhere in it, and refused everywhere."""

import copy
import functools
import io
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from vpnet.checkpoints.checkpoint import Checkpoint, read_checkpoint
from vpnet.checkpoints.checkpoint_entry import describe
from vpnet.checkpoints.checkpoint_file import CHECKPOINT_KEY as ENTRY
from vpnet.checkpoints.checkpoint_file import signed
from vpnet.checkpoints.checkpoint_io import CheckpointFiles
from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.splits import CrossUser
from vpnet.dataset.task import Task
from vpnet.errors import InputError
from vpnet.models.lstm import LSTM
from vpnet.runtime.trainer import make_trainer
from vpnet.saliency.crowd import Crowd
from vpnet.saliency.fitted_sources import Behavioural
from vpnet.training.fitting import fit
from vpnet.training.forecasting_module import ForecastingModule
from vpnet.training.loss import ForecastLoss
from vpnet.training.optimizers import cosine

TASK = {
    "name": "tiny",
    "sampling_rate_hz": 5,
    "history_s": 1.0,
    "horizons_s": [0.2, 1.0],
    "report_horizons_s": [0.2, 1.0],
    "first_anchor_s": 1.0,
    "anchor_stride_s": 1.0,
    "train_stride_s": 1.0,
}
MODEL = {"name": "lstm", "hidden": 8, "layers": 1, "crowd": True}
BEHAVIOURAL = {"name": "behavioural", "smoothing_deg": 8.0, "height": 12, "folds": 2}
CONFIG = {
    "model": MODEL,
    "task": TASK,
    "saliency": BEHAVIOURAL,
    "face_features": ["Jaw_Drop"],
    "data": {"name": "simulated", "users": 4, "mirror": False, "defects": []},
    "split": {"name": "cross_user", "val_fraction": 0.25, "test_fraction": 0.25, "seed": 0},
    "training": {
        "batch_size": 64,
        "max_epochs": 1,
        "optimizer": {"name": "adam", "lr": 0.01},
        "scheduler": {"name": "cosine", "epochs": "${training.max_epochs}"},
    },
    "stage": {"name": "single", "rest": "frozen"},
    "seed": 3,
    "skip_short": False,
}


def save(path: Path, content: Any) -> None:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    path.write_bytes(signed(buffer.getvalue()))


@pytest.fixture(scope="module")
def whole(recordings, tmp_path_factory) -> Path:
    """A last.ckpt that holds everything that one can: crowd, saliency, users, a whole training."""
    two_videos = sorted({one.video_id for one in recordings})[:2]
    data = ViewportDataModule(
        [one for one in recordings if one.video_id in two_videos],
        CrossUser(0.25, 0.25),
        Task(**TASK),
        saliency=Behavioural(height=12, folds=2),
        crowd=Crowd(),
        face_features=["Jaw_Drop"],
        batch_size=64,
    )
    trained = data.keys((*data.partition.train, *data.partition.val))
    described = describe(CONFIG, data.spec, data.users, data.saliency, trained, data.crowd)
    module = ForecastingModule(
        LSTM(data.spec, hidden=8, layers=1, crowd=True),
        ForecastLoss(2),
        partial(torch.optim.Adam, lr=0.01),
        partial(cosine, epochs=1),
        {ENTRY: described},
    )
    folder = tmp_path_factory.mktemp("whole")
    trainer = make_trainer(folder, loggers=[], progress_bar=False, max_epochs=1, patience=2)
    return fit(module, data, trainer).with_name("last.ckpt")


@pytest.fixture(scope="module")
def content(whole) -> dict[str, Any]:
    return torch.load(whole, weights_only=True)


def places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Where a file holds a mapping or a list."""
    if isinstance(value, dict | list | tuple):
        yield path
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in inner:
            yield from places(each, (*path, key))


def edited(value: Any, path: tuple, edit: Callable[[Any], Any]) -> Any:
    """A copy with what lies at a path changed."""
    if not path:
        return edit(copy.deepcopy(value))
    inner = dict(value) if isinstance(value, dict) else list(value)
    inner[path[0]] = edited(value[path[0]], path[1:], edit)
    return inner if isinstance(value, dict | list) else tuple(inner)


def attack(folder: Path) -> list[dict[str, Any]]:
    """What Hydra would instantiate, a call and a partial one."""
    touch = {"_target_": "pathlib.Path", "_args_": [f"{folder}/RAN_touch"]}
    return [
        {"_target_": "os.mkdir", "path": f"{folder}/RAN_mkdir"},
        {"_target_": "pathlib.Path.touch", "self": touch, "_partial_": False},
    ]


def test_the_file_as_it_was_written_is_read(whole):
    checkpoint = read_checkpoint(whole)
    assert checkpoint.can_resume
    assert checkpoint.holds_head_paths
    assert isinstance(checkpoint.build_model(), LSTM)
    assert isinstance(checkpoint.build_saliency(), Behavioural)
    assert isinstance(checkpoint.build_crowd(), Crowd)
    assert CheckpointFiles().load_checkpoint(whole)["epoch"] == 0


def test_nothing_runs_wherever_it_is_put(content, tmp_path):
    """In place of every mapping and list of the file, and in every one of them; of lists of equals
    the first stands for all, and of the counters of Lightning's loops the first with these keys."""
    path = tmp_path / "hostile.ckpt"
    kinds: dict[tuple, tuple] = {}
    for place in places(content):
        if any(type(key) is int and key > 0 for key in place):
            continue
        value = functools.reduce(lambda inner, key: inner[key], place, content)
        is_counter = place[:1] == ("loops",) and isinstance(value, dict) and value
        kinds.setdefault(("loops", *value) if is_counter else place, place)
    found = list(kinds.values())
    assert len(found) > 50, "the whole file is walked"
    instead, within = attack(tmp_path)
    for place in found:
        read = read_checkpoint if place[:1] in ((), (ENTRY,)) else CheckpointFiles().load_checkpoint
        for edit in (
            lambda _: instead,
            lambda old: {**old, **within} if isinstance(old, dict) else [*old, within],
        ):
            save(path, edited(content, place, edit))
            with pytest.raises(InputError) as refused:
                read(path)
            assert str(refused.value).startswith(f"{path}: "), place
    assert not [name for name in os.listdir(tmp_path) if name.startswith("RAN")]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model.name", "os.system", "model.name is 'os.system', none of vpnet's own"),
        ("model.name", 3, "model.name must be a text, got 3"),
        ("model.hidden", "8", "model.hidden must be a whole number"),
        ("model.hidden", 10**5, "does not fit this LSTM|model.hidden must"),
        ("model.hidden", 10**9, "build nothing|model.hidden must"),
        ("model.hidden", 10**15, "build nothing|model.hidden must|does not fit"),
        ("model.hidden", True, "model.hidden must be a whole number"),
        ("model.extra", 1, "model.extra is no setting"),
        ("saliency.name", "builtins.open", "saliency.name is 'builtins.open', none of vpnet's"),
        ("saliency.height", 10**6, "saliency.height must|build nothing"),
        ("saliency.folds", "x", "saliency.folds must be"),
        ("task.sampling_rate_hz", "fast", "task.sampling_rate_hz must be"),
        ("task.sampling_rate_hz", 1e6, "sampling_rate_hz"),
        ("task.history_s", float("nan"), "finite"),
        ("task.extra", 1, "task.extra is no setting"),
        ("spec.history_steps", 10**9, "history_steps"),
        ("spec.users", 10**9, "spec.users"),
        ("spec.users", "x", "spec.users must be"),
        ("spec.horizon_steps", "abc", "spec.horizon_steps must be"),
        ("spec.horizon_steps", [5, 1], "horizon_steps"),
        ("spec.saliency_view", "all", "saliency_view must be"),
        ("run", {}, "vpnet.run.data is missing"),
        ("run", "none", "vpnet.run must be settings by name"),
        ("run.seed", "x", "vpnet.run.seed must be a whole number"),
        ("run.seed", -1, "vpnet.run.seed must be a whole number"),
        ("run.stage.name", "both", "stage.name must be"),
        ("run.training.batch_size", "many", "training.batch_size must be"),
        ("run.training.optimizer.name", "os.system", "training.optimizer.name must be one of"),
        ("run.training.optimizer.lr", "fast", "training.optimizer.lr must be"),
        ("run.training.scheduler.epochs", "${oc.env:HOME}", "refers to something outside"),
        ("run.data.name", 3, "data.name must be the name of a reader"),
        ("run.data.root", "${oc.env:HOME}", "refers to something outside"),
        ("run.split.val_fraction", "x", "split.val_fraction must be"),
        ("face_features", "Jaw_Drop", "vpnet.face_features must be a list of texts"),
        ("face_features", ["a", "b"], "spec.face_features is 1, the rest of the file says 2"),
        ("users", ["S01"], "ids are kept as hashes"),
        ("users", [], "spec.users is 2, the rest of the file says 0"),
        ("salt", "no", "ids are kept as hashes"),
        ("trained_on", [["S01", "film"]], "ids are kept as hashes"),
        ("trained_on", [["00"]], "ids are kept as hashes"),
        ("withheld", ["os.system"], "withheld must hold keys of settings"),
        ("crowd_state", None, "spec.has_crowd is True"),
        ("crowd_state.rate_hz", 5.0, "vpnet.crowd_state.rate_hz must be a tensor"),
        ("saliency_state", [], "vpnet.saliency_state must be settings by name"),
        ("extra", 1, "vpnet.extra is no setting"),
    ],
)
def test_a_value_that_does_not_belong_is_one_message(content, key, value, message, tmp_path):
    *groups, name = key.split(".")

    def put(inner: Any) -> Any:
        return {**inner, name: value}

    path = tmp_path / "hostile.ckpt"
    save(path, edited(content, (ENTRY, *groups), put))
    with pytest.raises(InputError, match=message) as refused:
        build_all(read_checkpoint(path))
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


def build_all(checkpoint: Checkpoint) -> None:
    checkpoint.build_task()
    checkpoint.build_model()
    checkpoint.build_saliency()
    checkpoint.build_crowd()


def test_a_text_in_place_of_any_number_of_the_entry_is_refused(content, tmp_path):
    """But in the settings of the reader, which are checked where it is looked up."""
    path = tmp_path / "hostile.ckpt"
    found = [
        (*place, key)
        for place in places(content[ENTRY], (ENTRY,))
        for key, each in _items(content, place)
        if type(each) in (int, float, bool) and place[:3] != (ENTRY, "run", "data")
    ]
    assert len(found) > 30
    for place in found:
        save(path, edited(content, place, lambda _: "much"))
        with pytest.raises(InputError) as refused:
            read_checkpoint(path)
        assert str(refused.value).startswith(f"{path}: "), place


def _items(content: Any, place: tuple) -> Any:
    for key in place:
        content = content[key]
    return content.items() if isinstance(content, dict) else enumerate(content)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda w: w.fill_(torch.nan), "NaN or infinite: the training that wrote it diverged"),
        (lambda w: w.fill_(torch.inf), "NaN or infinite"),
        (lambda w: w.double(), "of torch.float64; use the model"),
        (lambda w: torch.zeros(*w.shape, 2), "does not fit this LSTM: 1 tensors differ"),
        (lambda w: w.long(), "of torch.int64; use the model"),
    ],
)
def test_weights_that_are_none_are_refused(content, edit, message, tmp_path):
    path, name = tmp_path / "hostile.ckpt", next(iter(content["state_dict"]))
    save(path, edited(content, ("state_dict", name), edit))
    with pytest.raises(InputError, match=message) as refused:
        read_checkpoint(path)
    assert str(refused.value).startswith(f"{path}: ")


def test_weights_in_bfloat16_are_weights(content, tmp_path):
    path = tmp_path / "half.ckpt"
    halved = {name: value.bfloat16() for name, value in content["state_dict"].items()}
    save(path, {**content, "state_dict": halved})
    assert next(read_checkpoint(path).build_model().parameters()).dtype == torch.float32


def test_another_folder_in_the_state_of_a_callback_is_refused(content, tmp_path):
    """Lightning removes the best file that it remembers when there is a better one."""
    path = tmp_path / "hostile.ckpt"
    key = next(name for name in content["callbacks"] if name.startswith("ModelCheckpoint"))
    for name in ("best_model_path", "kth_best_model_path", "last_model_path"):
        save(path, edited(content, ("callbacks", key, name), lambda _: "../../precious.txt"))
        with pytest.raises(InputError, match=r"hostile.ckpt: .*precious.txt' is no name of a file"):
            CheckpointFiles().load_checkpoint(path)
