"""Every command that reads a checkpoint refuses a hostile one in one message, and runs nothing.

Where in a file what can be put is tried in tests/checkpoints/test_checkpoint_entry.py.
"""

import copy
import io
import itertools
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from vpnet.checkpoints.checkpoint import read_checkpoint
from vpnet.checkpoints.checkpoint_file import signed
from vpnet.checkpoints.checkpoint_io import CheckpointFiles
from vpnet.errors import InputError
from vpnet.simulation.simulated_study import write_simulated_study

Edit = Callable[[dict[str, Any], Path], None]


def calls(folder: Path) -> dict[str, Any]:
    """Calls that would leave a file or run a program, if anything made them."""
    program = f"__import__('os').system('id > {folder}/RAN_expression')"
    side = folder / "side.pkl"
    return {
        "expression": {"_target_": "sympy.sympify", "a": program},
        "open": {"_target_": "builtins.open", "file": f"{folder}/RAN_open", "mode": "w"},
        "touch": {
            "_target_": "pathlib.Path.touch",
            "self": {"_target_": "pathlib.Path", "_args_": [f"{folder}/RAN_touch"]},
        },
        "second_pickle": {"_target_": "torch.load", "f": str(side), "weights_only": False},
    }


class Runs:
    """Unpickled, it leaves a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return (Path.touch, (self.file,))


@pytest.fixture(scope="module")
def finished(smoke_train, tmp_path_factory) -> Path:
    """Folder of a finished run of a small network; not to be written to."""
    folder = tmp_path_factory.mktemp("runs") / "lstm"
    return smoke_train(folder, "model=lstm", "model.hidden=8")


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    """A folder of one simulated recording."""
    root = tmp_path_factory.mktemp("simulated") / "study"
    return write_simulated_study(root, users=1, videos=1, duration_s=8.0, saliency=False)


@pytest.fixture
def hostile(finished, tmp_path) -> Callable[..., Path]:
    """Function that writes a hostile copy of a checkpoint of a finished run, signed."""
    (tmp_path / "side.pkl").write_bytes(pickle.dumps(Runs(tmp_path / "RAN_pickle")))

    def make(edit: Callable[[dict[str, Any]], None], name: str = "last") -> Path:
        source = finished / "checkpoints" / f"{name}.ckpt"
        content = copy.deepcopy(torch.load(source, weights_only=True))
        edit(content)
        buffer = io.BytesIO()
        torch.save(content, buffer)
        path = tmp_path / "hostile.ckpt"
        path.write_bytes(signed(buffer.getvalue()))
        return path

    return make


def nothing_ran(folder: Path) -> bool:
    return not [name for name in os.listdir(folder) if name.startswith("RAN")]


COMMANDS = {
    "predict": ("predict.py", "checkpoint={path}", "recording={study}", "output=out.csv"),
    "evaluate": ("train.py", "{smoke}", "checkpoint={path}", "fit=false"),
    "resume": ("train.py", "{smoke}", "checkpoint={path}", "resume=true"),
    "start": ("train.py", "{smoke}", "checkpoint={path}"),
    "personal": ("train.py", "{smoke}", "checkpoint={path}", "stage=personal"),
    "lstm": ("train.py", "{smoke}", "lstm_checkpoint={path}", "model=star_vp"),
}


@pytest.fixture
def command(recording, smoke_settings, tiny_settings) -> Callable[..., list[str]]:
    def fill(name: str, path: Path) -> list[str]:
        words: list[str] = []
        for word in COMMANDS[name]:
            if word == "{smoke}":
                words += [*smoke_settings, *tiny_settings]
            else:
                words.append(word.format(path=path, study=recording))
        return words

    return fill


PLACES = ("saliency", "model", "run.data", "run.split")


def calling(where: str, call: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """An edit that puts a call somewhere into the settings of a checkpoint."""

    def edit(content: dict[str, Any]) -> None:
        *groups, last = ("vpnet", *where.split("."))
        inner = content
        for group in groups:
            inner = inner[group]
        inner[last] = call if where == "saliency" else {**inner[last], "dropout": call}

    return edit


@pytest.mark.parametrize("where", PLACES)
def test_a_nested_call_is_refused_wherever_it_is_put(where, hostile, tmp_path):
    path = hostile(calling(where, calls(tmp_path)["open"]))
    with pytest.raises(InputError, match="would have code run: settings hold values only"):
        read_checkpoint(path)
    assert nothing_ran(tmp_path)


@pytest.mark.parametrize(
    ("name", "where"), list(zip(COMMANDS, itertools.cycle(PLACES), strict=False))
)
def test_a_nested_call_is_refused_by_every_command(
    name, where, hostile, command, refused, tmp_path
):
    path = hostile(calling(where, calls(tmp_path)["open"]))
    message = refused(*command(name, path))
    assert message.startswith(f"error: {path}: ") or f"lstm_checkpoint={path}" in message
    assert message.count("\n") == 1
    assert nothing_ran(tmp_path)


@pytest.mark.parametrize(
    ("group", "settings"),
    [
        ("data", {"name": "quest_pro", "cache": "./documents"}),
        ("split", {"name": "file", "path": "split.json"}),
    ],
)
def test_the_author_of_a_file_chooses_no_path(group, settings, hostile, command, refused):
    """Else a resumed training would read, and keep its caches, where the author says."""

    def edit(content: dict[str, Any]) -> None:
        content["vpnet"]["run"][group] = settings

    key = next(name for name in settings if name != "name")
    message = refused(*command("resume", hostile(edit)))
    assert f"{group}.{key} is a path or an id of a viewer, which no checkpoint holds" in message


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda content: content.update(loops={}), "cannot be resumed"),
        (lambda content: content["lr_schedulers"][0].update(base_lrs=["x"]), "cannot be resumed"),
        (
            lambda content: content["state_dict"].update({3: torch.zeros(1)}),
            "the names in state_dict must be texts, one is 3",
        ),
    ],
)
def test_the_state_of_a_training_is_one_message_too(edit, message, hostile, command, refused):
    said = refused(*command("resume", hostile(edit)), "trainer.max_epochs=3")
    assert message in said
    assert said.count("\n") == 1


def test_a_number_of_the_optimizer_must_be_one(hostile):
    """Where the file is read, before anything is restored."""
    path = hostile(
        lambda content: content["optimizer_states"][0]["param_groups"][0].update(lr="fast")
    )
    with pytest.raises(InputError, match=r"param_groups\[0\]\.lr must be a number, got 'fast'"):
        CheckpointFiles().load_checkpoint(path)


@pytest.mark.parametrize("call", ["expression", "open", "touch", "second_pickle"])
def test_a_builder_by_path_is_refused(call, hostile, command, refused, tmp_path):
    """Under the key that chooses in vpnet's tables, with the settings that it would take."""
    found = calls(tmp_path)[call]

    def edit(content: dict[str, Any]) -> None:
        settings = {key: value for key, value in found.items() if key != "_target_"}
        content["vpnet"]["run"]["data"] = {"name": found["_target_"], **settings}
        content["vpnet"]["model"] = {"name": found["_target_"], **settings}
        content["vpnet"]["saliency"] = {"name": found["_target_"], **settings}

    path = hostile(edit)
    with pytest.raises(InputError):
        read_checkpoint(path).build_model()
    for name in ("predict", "resume") if call == "open" else ():
        assert refused(*command(name, path)).count("\n") == 1
    assert nothing_ran(tmp_path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("name", ["predict", "lstm"])
def test_a_pickle_that_runs_code_runs_none(name, hostile, command, refused, tmp_path):
    def edit(content: dict[str, Any]) -> None:
        content["vpnet"]["run"]["data"]["users"] = Runs(tmp_path / "RAN_reduce")

    path = hostile(edit)
    message = refused(*command(name, path))
    assert f"{path}: not a checkpoint of vpnet, though signed like one: it" in message
    assert nothing_ran(tmp_path)
    torch.load(path, weights_only=False)
    assert not nothing_ran(tmp_path), "it would have"


def put(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def edit(content: dict[str, Any]) -> None:
        *groups, last = ("vpnet", *key.split("."))
        inner = content
        for group in groups:
            inner = inner[group]
        inner[last] = value

    return edit


def diverge(content: dict[str, Any]) -> None:
    next(iter(content["state_dict"].values())).fill_(torch.nan)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (diverge, "NaN or infinite"),
        (put("run", {}), "vpnet.run.data is missing"),
        (put("task.history_s", "long"), "task.history_s must be a number"),
        (put("task.sampling_rate_hz", 1e6), "sampling_rate_hz"),
    ],
)
def test_numbers_out_of_bounds_are_one_message(edit, message, hostile):
    path = hostile(edit, "best")
    with pytest.raises(InputError) as refusal:
        read_checkpoint(path).build_task()
    said = str(refusal.value)
    assert said.startswith(f"{path}: ")
    assert message in said
    assert "\n" not in said


@pytest.mark.parametrize("name", ["predict", "evaluate"])
def test_weights_that_diverged_are_one_message_of_a_command(name, hostile, command, refused):
    path = hostile(diverge, "best")
    said = refused(*command(name, path))
    assert said.startswith(f"error: {path}: ")
    assert "NaN or infinite" in said
    assert said.count("\n") == 1


def test_the_shared_attacks_are_refused(shared, finished, run_script, command, refused, tmp_path):
    """As they are, no longer signed, and signed anew."""
    make = shared / "cases" / "31_hostile_checkpoint" / "make.py"
    best = finished / "checkpoints" / "best.ckpt"
    assert run_script(make, best, tmp_path).code == 0
    (tmp_path / "side.pkl").write_bytes(pickle.dumps(Runs(tmp_path / "RAN_pickle")))
    files = sorted(tmp_path.glob("*.ckpt"))
    assert len(files) == 5
    for file in files:
        with pytest.raises(InputError, match="was changed after vpnet wrote it"):
            read_checkpoint(file)
        file.write_bytes(signed(file.read_bytes()))
        with pytest.raises(InputError, match="would have code run: settings hold values only"):
            read_checkpoint(file)
    for name in ("predict", "evaluate"):
        assert "would have code run" in refused(*command(name, files[0]))
    assert nothing_ran(tmp_path)


def test_weights_alone_cannot_resume(finished, command, refused):
    message = refused(*command("resume", finished / "checkpoints" / "best.ckpt"))
    assert "best.ckpt: holds the weights alone" in message
    assert f"resume from {finished / 'checkpoints' / 'last.ckpt'}" in message
