"""What Hydra would misread reaches a command as it was meant; everything else is left."""

import re
import shutil
import subprocess
import sys

import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser

from vpnet.cli.hydra_command import (
    LONGEST_NAME,
    folder_name,
    options_first,
    quoted,
    with_quoted_path,
)
from vpnet.runtime.device import PROC

NAMES = (
    "a=1,b=2",
    "coaster[8lsB].mp4",
    "it's.csv",
    "two words.csv",
    "1e3",
    "true",
    "a,b",
    "é.csv",
    "x{1}(2).csv",
    "back\\slash",
    "a: b",
    'say "no".csv',
)


def value_of(argument: str) -> object:
    return OverridesParser.create().parse_override(argument).value()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_there_is_taken_by_its_name(here, name):
    (here / name).touch()
    for key in ("checkpoint", "+data.path", "saliency.checkpoint"):
        argument = with_quoted_path(f"{key}={name}")
        assert value_of(argument) == name
        assert with_quoted_path(argument) == argument, "what is quoted is left"


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("1e3", "true", "a,b")])
def test_a_file_to_be_written_is_too(here, name):
    assert value_of(with_quoted_path(f"output={name}")) == name


@pytest.mark.parametrize("value", ["it's", "a\\'b", "\\", "a\\b", "'", "\\\\'"])
def test_any_text_can_be_quoted(value):
    assert value_of(f"x={quoted(value)}") == value


@pytest.mark.parametrize(
    "argument",
    [
        "videos=[a.mp4,b.mp4]",
        "videos='V/*.mp4'",
        "checkpoint=a.ckpt,b.ckpt",
        "hydra.run.dir=runs/${model}",
        "checkpoint=null",
        "checkpoint=",
        "model.streams=[head,eye]",
        "logger.name=a=b",
        "-m",
        "--help",
        "seed=1,2",
    ],
)
def test_what_is_no_such_path_is_left(here, argument):
    assert with_quoted_path(argument) == argument


def test_a_sweep_over_files_stays_one(here):
    for name in ("a=1.ckpt", "a=2.ckpt"):
        (here / name).touch()
    argument = with_quoted_path("checkpoint=a=1.ckpt,a=2.ckpt")
    override = OverridesParser.create().parse_override(argument)
    assert override.is_sweep_override()
    assert [choice.text for choice in override.value().list] == ["a=1.ckpt", "a=2.ckpt"]


def test_the_home_folder_is_found(here, monkeypatch):
    monkeypatch.setenv("HOME", str(here))
    assert value_of(with_quoted_path("checkpoint=~/a=1.ckpt")) == f"{here}/a=1.ckpt"


def test_a_checkpoint_of_an_older_sweep_can_be_pasted(
    fusion_run, simulated_study, run_script, tmp_path
):
    """../shared/cases/15: its folder has equals signs and commas."""
    run = shutil.copytree(fusion_run, tmp_path / "0_model=lstm,seed=1")
    output = tmp_path / "out [1].csv"
    ended = run_script(
        "predict.py",
        f"checkpoint={run / 'checkpoints' / 'best.ckpt'}",
        f"recording={simulated_study / 'S01' / 'simulated_01'}",
        f"output={output}",
    )
    assert ended.code == 0, ended.err
    assert output.is_file()


def test_what_cannot_be_read_is_shown_quoted(run_script):
    ended = run_script("train.py", "logger.name=a=b")
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert re.search(r"quote it.*\"logger\.name='a=b'\"", ended.err, re.DOTALL), ended.err


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("seed=1 -m model=lstm,fusion", "-m seed=1 model=lstm,fusion"),
        ("a=1 --config-dir=own b=2", "--config-dir=own a=1 b=2"),
        ("a=1 -cd own b=2", "-cd own a=1 b=2"),
        ("a=1 --info config b=2", "--info config a=1 b=2"),
        ("--info a=1", "--info a=1"),
        ("~logger +a=1", "~logger +a=1"),
    ],
)
def test_options_may_stand_anywhere(typed, meant):
    assert options_first(typed.split()) == meant.split()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("0_model-lstm_seed-1", "0_model-lstm_seed-1"),
        ("1_model.streams-[head,eye]_seed-2", "1_model.streams-head-eye_seed-2"),
        ("2_+study-my study_lr-1e-3", "2_study-my-study_lr-1e-3"),
        ("3_", "3"),
        ("4_ablation/fusion-full", "4_ablation-fusion-full"),
        ("5_note-'$(rm -r ~)&é=;'", "5_note-rm-r"),
    ],
)
def test_a_name_can_be_pasted(text, name):
    assert folder_name(text) == name


def test_a_name_is_one_that_every_file_system_takes():
    name = folder_name("7_" + "very.long.key-[1,2]_" * 40)
    assert len(name) <= LONGEST_NAME
    assert re.fullmatch(r"[\w.-]+", name)


HEAVY = ("torch", "numpy", "polars", "pandas", "matplotlib", "pytorch_lightning", "scipy", "h5py")


def loaded_by(program: str) -> set[str]:
    """What a program has imported when it ends."""
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}\nprint('\\n', *sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ended.stdout.splitlines()[-1].split())


def test_help_imports_no_library_that_computes():
    loaded = loaded_by("from vpnet.cli.app import app; app(['--help'], standalone_mode=False)")
    assert "typer" in loaded
    assert not loaded & {*HEAVY, "hydra", "omegaconf"}


def test_a_configuration_is_composed_before_such_libraries_are_imported():
    loaded = loaded_by("import vpnet.cli.train, vpnet.cli.predict")
    assert "hydra" in loaded
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("command", ["train", "predict"])
def test_arguments_are_handed_on(command, start_command, tmp_path):
    refused = start_command("vpnet", command, "seed=x y=[=", folder=tmp_path)
    assert refused.wait() == 2
    assert refused.err.startswith("error: ")
    assert "Traceback" not in refused.err
    composed = start_command("vpnet", command, "--cfg", "job", folder=tmp_path)
    assert composed.wait() == 0
    assert ("seed: 0" if command == "train" else "stride_s: null") in composed.out
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(
    torch.cuda.is_available() or PROC.exists(), reason="this machine has a card of its own"
)
@pytest.mark.parametrize(
    "command",
    [
        ("train.py", "fit=false", "checkpoint=absent.ckpt"),
        pytest.param(
            ("predict.py", "checkpoint=absent.ckpt", "recording=absent", "output=out.csv"),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["train", "predict"],
)
def test_a_card_that_torch_cannot_use_is_one_line(
    command, start_command, fake_nvidia_smi, tmp_path
):
    """The commands then end, for their checkpoint is missing."""
    fake_nvidia_smi("echo 'NVIDIA GeForce RTX 3090, 470.10'")
    ended = start_command(*command, folder=tmp_path)
    assert ended.wait() == 2
    assert "absent.ckpt" in ended.err
    (line,) = (line for line in ended.out.splitlines() if "is not used" in line)
    assert "NVIDIA GeForce RTX 3090 (driver 470.10) is not used: torch" in line
    assert torch.__version__ in line
