"""What --help prints, and studies of the user's own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vpnet.cli.help_text import entries, help_text
from vpnet.cli.hydra_command import CONFIG_FOLDER
from vpnet.cli.train_config import RunSettings
from vpnet.settings import settings_of

SCREEN = 60
"""Lines of a terminal on a laptop."""


@pytest.fixture
def text() -> str:
    return help_text("python train.py", "train", [CONFIG_FOLDER], [])


def test_every_switch_and_group_is_shown_on_one_screen(text):
    lines = text.splitlines()
    assert len(lines) <= SCREEN
    for name in settings_of(RunSettings):
        assert any(line.startswith(f"  {name}=") for line in lines), name
    for group in ("data", "split", "task", "saliency", "model", "stage", "trainer", "logger"):
        assert any(line.split()[:1] == [group] for line in lines), group
    assert "fusion (default)" in text
    assert "leave_one_user_out" in text


def test_a_switch_says_what_it_means_and_not_what_the_line_shows_already(text):
    assert "user_embed=true            Learn a vector per user (fusion, muse_vp)\n" in text
    assert "default 0" not in text


def test_the_settings_of_a_choice_are_shown_with_what_is_allowed():
    text = help_text("vpnet train", "train", [CONFIG_FOLDER], ["model=lstm", "seed=1"])
    assert text.startswith("model=lstm: ")
    assert "model.hidden=256" in text
    assert "a whole number from 1 to 8192" in text


def test_the_help_of_predict_shows_what_it_needs():
    text = help_text("python predict.py", "predict", [CONFIG_FOLDER], [])
    lines = text.splitlines()
    for key in ("checkpoint=", "recording=", "output="):
        assert any(line.split()[:1] == [key] for line in lines), key
    assert text.count("(required)") == 3
    assert len(lines) <= SCREEN
    (reading,) = re.findall(r"reading.NAME .*\n(?: {20}.*\n)*", text)
    assert "video_yaw_offset_deg, mirror" in " ".join(reading.split())


def test_entries_have_the_comment_right_above_them():
    found = list(
        entries("# About the file.\n\n# Of a.\na: 1\nb:\n  # Of c,\n  # in two.\n  c: 2\n")
    )
    assert [(entry.key, entry.value, entry.comment) for entry in found] == [
        ("a", "1", "Of a."),
        ("b", "", ""),
        ("b.c", "2", "Of c, in two."),
    ]


@pytest.mark.parametrize("script", ["train.py", "predict.py"])
def test_help_is_printed_without_the_heavy_libraries(script, repository):
    program = (
        "import runpy, sys; sys.argv = [sys.argv[1], '--help']; "
        "runpy.run_path(sys.argv[0], run_name='__main__'); "
        "print(sorted({'torch', 'polars', 'pytorch_lightning'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, script],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Switches (KEY=VALUE)" in ended.stdout
    assert ended.stdout.splitlines()[-1] == "[]"


def test_a_study_of_the_users_own_is_found(run_script, smoke_settings, tmp_path: Path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "mine.yaml").write_text(
        "# @package _global_\n# My study.\ndata:\n  users: 5\n  videos: 5\n  duration_s: 16\n"
    )
    arguments = ("--config-dir", tmp_path, "+study=mine", "model=static", *smoke_settings)
    ended = run_script("train.py", *arguments, f"hydra.run.dir={tmp_path / 'run'}")
    assert ended.code == 0, ended.err
    assert "users: 5" in (tmp_path / "run" / "config.yaml").read_text()
    assert os.path.isfile(tmp_path / "run" / "metrics.json")
