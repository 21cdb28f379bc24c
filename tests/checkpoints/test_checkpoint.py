import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vpnet.checkpoints.checkpoint import read_checkpoint
from vpnet.checkpoints.checkpoint_file import signed
from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.splits import CrossVideo
from vpnet.dataset.task import Task
from vpnet.errors import InputError
from vpnet.models.fusion import Fusion
from vpnet.models.lstm import LSTM
from vpnet.saliency.fitted_sources import CenterBias


@pytest.fixture
def saved(make_module, data, quiet_trainer, tmp_path) -> Path:
    """A checkpoint as Lightning writes it, of an untrained LSTM off its start."""
    module = make_module()
    with torch.no_grad():
        for parameter in module.model.parameters():
            parameter += 0.1
    trainer = quiet_trainer()
    trainer.validate(module, datamodule=data, verbose=False)
    path = tmp_path / "model.ckpt"
    trainer.save_checkpoint(path, weights_only=False)
    return path


def test_a_checkpoint_stands_alone(saved, data, recordings):
    """With the file and recordings alone, the same predictions come out."""
    checkpoint = read_checkpoint(saved)
    assert checkpoint.path == saved
    assert checkpoint.model == {"name": "lstm", "hidden": 8, "layers": 1}
    assert checkpoint.saliency is not None
    assert checkpoint.saliency["name"] == "center_bias"
    assert checkpoint.spec == data.spec
    assert checkpoint.users == data.users
    assert checkpoint.face_features == ("Jaw_Drop", "FaceActivity")
    assert torch.equal(checkpoint.saliency_state["map"], data.saliency.map)
    assert checkpoint.run["seed"] == 3
    trained = (*data.partition.train, *data.partition.val)
    assert len(checkpoint.trained_on) == len(trained)
    assert checkpoint.trained_beyond(data.keys(trained)) == 0
    assert checkpoint.trained_beyond(data.keys(trained[1:])) == 1

    again = ViewportDataModule(
        recordings,
        CrossVideo(val_fraction=0.25, test_fraction=0.25, seed=5),
        Task(**checkpoint.task),
        saliency=CenterBias(12, 24),
        face_features=checkpoint.face_features,
        known_users=checkpoint.users,
        saliency_state=checkpoint.saliency_state,
    )
    assert again.spec == checkpoint.spec
    assert again.saliency is not None
    assert torch.equal(again.saliency.state()["map"], data.saliency.map)
    model = checkpoint.build_model()
    source = checkpoint.build_saliency()
    assert isinstance(source, CenterBias)
    assert torch.equal(source.map, data.saliency.map)
    assert checkpoint.build_task() == Task(**checkpoint.task)
    assert checkpoint.build_crowd() is None
    window = data.test_windows[[0, 5, 9]]
    expected = LSTM(data.spec, hidden=8, layers=1)
    expected.load_state_dict(checkpoint.weights)
    assert torch.equal(model(window), expected(window))
    assert not torch.allclose(model(window)[:, -1], window.history_directions[:, -1])


def test_maps_on_disk_are_found_in_the_given_folder(saved, change):
    with pytest.raises(InputError, match=r"saliency_path=maps: .*model.ckpt was not trained with"):
        read_checkpoint(saved).build_saliency("maps")

    def move(content):
        entry = content["vpnet"]
        entry["saliency"], entry["saliency_state"] = {"name": "file"}, {}
        entry["withheld"] = ["saliency.path"]

    change(saved, move)
    with pytest.raises(
        InputError, match=r"model.ckpt: does not hold saliency.path: .*predict.py: saliency_path"
    ):
        read_checkpoint(saved).build_saliency()
    with pytest.raises(InputError, match=r"model.ckpt: .*elsewhere"):
        read_checkpoint(saved).build_saliency("elsewhere")


def test_it_remarks_on_recordings_that_it_knows(saved, data):
    checkpoint = read_checkpoint(saved)
    keys = data.keys(data.partition.test)
    assert checkpoint.remarks(keys) == ("4 of 4 users are known to the checkpoint, by name",)
    keys += [*data.keys(data.partition.val)[:3], ("stranger", "v")]
    seen, known = checkpoint.remarks(keys)
    assert seen.startswith("NOT a test: recordings of the same user and video name")
    assert seen.endswith("for 3 of 8 here")
    assert known == "4 of 5 users are known to the checkpoint, by name"


def test_only_tensors_and_plain_values_are_stored(saved):
    content = torch.load(saved, weights_only=True)
    assert set(content["vpnet"]) == {
        "model",
        "task",
        "saliency",
        "crowd_state",
        "spec",
        "users",
        "face_features",
        "saliency_state",
        "run",
        "withheld",
        "salt",
        "trained_on",
    }


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_file_that_would_run_code_is_refused_and_runs_none(tmp_path):
    class Malicious:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"vpnet": {}, "state_dict": Malicious()}, tmp_path / "torch.ckpt")
    (tmp_path / "pickle.ckpt").write_bytes(pickle.dumps(Malicious()))
    archive = (tmp_path / "torch.ckpt").read_bytes()
    (tmp_path / "signed.ckpt").write_bytes(signed(archive))
    for name in ("torch.ckpt", "pickle.ckpt", "signed.ckpt"):
        with pytest.raises(InputError, match="not a (readable )?checkpoint"):
            read_checkpoint(tmp_path / name)
    assert not (tmp_path / "ran").exists()
    torch.load(tmp_path / "torch.ckpt", weights_only=False)
    assert (tmp_path / "ran").exists(), "it would have"


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(garbage=st.binary(max_size=60) | st.text("(]}.Nckt\n0", max_size=60).map(str.encode))
def test_garbage_is_refused(tmp_path, garbage):
    path = tmp_path / "model.ckpt"
    path.write_bytes(garbage)
    with pytest.raises(InputError, match=r"model.ckpt: not a .*checkpoint.*: \S"):
        read_checkpoint(path)


@pytest.mark.parametrize("kept", [0, 10, 1000, -1])
def test_a_file_cut_off_is_refused(saved, kept):
    saved.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"model.ckpt: (not a readable checkpoint|damaged): \S"):
        read_checkpoint(saved)


@pytest.mark.parametrize("name", ["none.ckpt", "."])
def test_a_missing_file_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"checkpoint not found; give the file"):
        read_checkpoint(tmp_path / name)


@pytest.mark.parametrize(
    "content", [{"weight": torch.zeros(3)}, {"state_dict": {}, "vpnet": 3}, [1, 2], torch.zeros(2)]
)
def test_a_foreign_file_of_torch_is_refused(tmp_path, content):
    path = tmp_path / "model.ckpt"
    torch.save(content, path)
    with pytest.raises(InputError, match=r"model.ckpt: not a checkpoint of vpnet: .* 'vpnet'"):
        read_checkpoint(path)


@pytest.mark.parametrize("missing", ["model", "spec", "users", "saliency_state"])
def test_a_missing_part_is_refused(saved, change, missing):
    change(saved, lambda content: content["vpnet"].pop(missing))
    with pytest.raises(InputError, match=rf"model.ckpt: vpnet.{missing} is missing"):
        read_checkpoint(saved)


def test_an_unknown_part_is_refused(saved, change):
    change(saved, lambda content: content["vpnet"]["spec"].update(colour="red"))
    with pytest.raises(InputError, match=r"model.ckpt: spec.colour is no setting"):
        read_checkpoint(saved)


def test_another_model_is_refused(saved, data):
    checkpoint = read_checkpoint(saved)
    with pytest.raises(
        InputError,
        match=r"holds a lstm and does not fit this Fusion: .* expected .*, found",
    ):
        checkpoint.load_into(Fusion(data.spec))


def test_the_same_model_of_another_size_is_refused_and_left_alone(saved, data):
    model = LSTM(data.spec, hidden=16, layers=1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(
        InputError, match=r"9 tensors .*: expected \(64,\) of torch.float32, found \(32,\)"
    ):
        read_checkpoint(saved).load_into(model)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
