from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from vpnet.cli.study_commands import questionnaire
from vpnet.errors import InputError
from vpnet.questionnaires.questionnaire_files import FORMATS, read_questionnaire
from vpnet.questionnaires.questions import Questionnaire


@pytest.fixture
def run() -> Callable[..., str]:
    """Function that runs the command and gives what it printed."""
    app = typer.Typer()
    app.command()(questionnaire)

    def command(*arguments: object) -> str:
        ended = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if ended.exception is not None:
            raise ended.exception
        return ended.output

    return command


@pytest.fixture
def study(tmp_path) -> Path:
    """Folder of three participants: two with folders, one with flat files."""
    for name in ("P1/video_1", "P1/video_2", "P2/video_1"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "head.csv").touch()
    (tmp_path / "head_P3_video_2_20250102_030405.csv").touch()
    return tmp_path


@pytest.mark.parametrize("form", FORMATS)
def test_everybody_gets_a_form_with_the_videos_they_saw(form, run, study):
    printed = run(study, "--format", form)
    paths = [
        study / "P1" / f"questionnaire.{form}",
        study / "P2" / f"questionnaire.{form}",
        study / f"questionnaire_P3.{form}",
    ]
    for path in paths:
        assert f"to be filled in: {path}" in printed
    assert read_questionnaire(paths[0]) == Questionnaire.blank(["video_1", "video_2"], 2)
    assert read_questionnaire(paths[2]) == Questionnaire.blank(["video_2"], 2)
    assert "| alertness |" in (study / "questionnaire_codebook.md").read_text()


def test_nothing_is_ever_overwritten(run, study):
    filled, codebook = study / "P1" / "questionnaire.json", study / "questionnaire_codebook.md"
    filled.write_text('{"pre": {"age": 20}}')
    codebook.write_text("our own notes")
    printed = run(study)
    assert "have one already, left as it is: P1\n" in printed
    assert not (study / "P1" / "questionnaire.csv").exists()
    assert (study / "P2" / "questionnaire.csv").is_file()
    assert filled.read_text() == '{"pre": {"age": 20}}'
    assert codebook.read_text() == "our own notes"
    before = sorted(study.rglob("*"))
    assert "left as it is: P1, P2, P3\n" in run(study)
    assert sorted(study.rglob("*")) == before


def test_for_some_participants_and_more_sessions(run, study):
    run(study, "--participants", "P2", "--sessions", 3)
    assert not (study / "P1" / "questionnaire.csv").exists()
    form = read_questionnaire(study / "P2" / "questionnaire.csv")
    assert [one.session for one in form.sessions] == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--participants", "P9"], "found no recording of P9; there are P1, P2, P3"),
        (["--format", "xlsx"], "--format must be one of json, csv, got 'xlsx'"),
        (["--sessions", 0], "--sessions must be from 1 to 8, got 0"),
    ],
)
def test_wrong_settings_are_refused(arguments, message, run, study):
    before = sorted(study.rglob("*"))
    with pytest.raises(InputError, match=message):
        run(study, *arguments)
    assert sorted(study.rglob("*")) == before


def test_a_folder_that_is_no_study_is_refused(run, tmp_path):
    with pytest.raises(InputError, match="no recordings found"):
        run(tmp_path)


@pytest.mark.parametrize(
    "part", ["P1/video_1", "P4", "head_P3_video_2_20250102_030405.csv"], ids=lambda part: part[:4]
)
def test_a_part_of_a_study_is_refused_since_nobody_would_find_the_form(part, run, study):
    (study / "P4").mkdir()
    (study / "P4" / "head_P4_video_1_20250102_030405.csv").touch()
    before = sorted(study.rglob("*"))
    with pytest.raises(InputError, match="found a part of one.*name the folder of the study"):
        run(study / part)
    assert sorted(study.rglob("*")) == before


def test_a_study_may_bear_a_participants_name(run, study):
    root = study.rename(study.with_name("P1"))
    assert f"to be filled in: {root / 'P1' / 'questionnaire.csv'}\n" in run(root)
