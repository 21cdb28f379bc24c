import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from vpnet.cli.check import check
from vpnet.errors import InputError
from vpnet.quality.checking import with_checks
from vpnet.quest_pro.reader import read_quest_pro
from vpnet.simulation.simulated_study import write_simulated_study
from vpnet.studies.exclusions import read_exclusions
from vpnet.studies.study import StudyOptions


@pytest.fixture
def run_check(tmp_path, monkeypatch) -> Callable[..., Result]:
    """Function that runs the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(check)
    return lambda *arguments: CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def defective(tmp_path_factory) -> Path:
    """A simulated study of which some recordings are refused."""
    root = tmp_path_factory.mktemp("defective") / "study"
    return write_simulated_study(
        root,
        users=3,
        videos=3,
        duration_s=16.0,
        defects=("euler_disagrees", "headset"),
        defective_share=0.4,
        saliency=False,
    )


def test_a_clean_study_passes_without_a_finding(run_check, small_study, tmp_path):
    ended = run_check(small_study, "--no-cache", "--json", "check.json")
    assert ended.exit_code == 0, ended.output
    assert "6 good, 0 to be used with care, 0 refused" in ended.output
    report = json.loads((tmp_path / "check.json").read_text())
    assert report["study_findings"] == []
    assert [one["findings"] for one in report["recordings"]] == 6 * [[]]
    assert (tmp_path / "check.html").is_file()


def test_refused_recordings_end_with_code_1_and_can_be_excluded(run_check, defective, tmp_path):
    ended = run_check(
        defective, "--no-cache", "--html", "none", "--json", "check.json", "--exclude", "out.csv"
    )
    assert ended.exit_code == 1, ended.output
    assert "euler_disagrees" in ended.output
    assert "data.exclude=out.csv" in ended.output
    assert not (tmp_path / "check.html").exists()
    report = json.loads((tmp_path / "check.json").read_text())
    refused = {
        (one["user_id"], one["video_id"])
        for one in report["recordings"]
        if one["verdict"] == "refused"
    }
    assert 0 < len(refused) < 9
    excluded = read_exclusions(tmp_path / "out.csv")
    assert {(one.user, one.video) for one in excluded} == refused
    left = list(
        with_checks(
            read_quest_pro(defective, study=StudyOptions(exclude=tmp_path / "out.csv", cache=False))
        )
    )
    assert len(left) == 9 - len(refused)


def test_accepted_errors_refuse_nothing(run_check, defective):
    ended = run_check(defective, "--no-cache", "--html", "none", "--accept", "euler_disagrees")
    assert ended.exit_code == 0, ended.output
    assert "0 refused" in ended.output


def test_one_recording_is_shown_in_full(run_check, small_study):
    ended = run_check(small_study / "S01" / "simulated_01", "--no-cache", "--html", "none")
    assert ended.exit_code == 0, ended.output
    assert "S01/simulated_01: good" in ended.output
    assert "row_rate_hz" in ended.output


def test_lengths_of_videos_are_compared(run_check, small_study, tmp_path):
    lengths = tmp_path / "videos.csv"
    arguments = (small_study, "--no-cache", "--html", "none", "--videos", lengths)
    lengths.write_text("video,duration_s\nsimulated_01.mp4,60\n")
    ended = run_check(*arguments)
    assert ended.exit_code == 0, ended.output
    assert "ends_early" in ended.output
    assert "3 of 6" in ended.output
    assert "video_duration_unknown" in ended.output
    lengths.write_text("video,duration_s\nSimulated_01,60\n")
    assert isinstance(run_check(*arguments).exception, InputError)


def test_what_cannot_be_checked_is_said(run_check, tmp_path):
    ended = run_check(tmp_path / "nowhere")
    assert isinstance(ended.exception, InputError)
    assert "nothing is there" in str(ended.exception)


def test_lines_of_an_exclude_file_are_kept(run_check, defective, tmp_path):
    (tmp_path / "out.csv").write_text("user,video,source,reason\nS09,,,withdrew consent\n")
    ended = run_check(defective, "--no-cache", "--html", "none", "--exclude", "out.csv")
    assert ended.exit_code == 1, ended.output
    first, *others = read_exclusions(tmp_path / "out.csv")
    assert (first.user, first.reason) == ("S09", "withdrew consent")
    assert others
    assert f"({len(others)} added, 1 kept)" in ended.output


@pytest.mark.parametrize(
    "options",
    [
        ("--html", "x", "--json", "./x"),
        ("--json", "x", "--exclude", "x"),
        ("--exclude", "check.html"),
    ],
)
def test_two_outputs_need_two_files(run_check, defective, tmp_path, options):
    ended = run_check(defective, *options)
    assert isinstance(ended.exception, InputError)
    assert "both name" in str(ended.exception)
    assert not list(tmp_path.glob("*x*"))


def test_timestamps_stand_in_for_a_clock_that_stood_still(run_check, tmp_path):
    root = write_simulated_study(
        tmp_path / "study",
        users=2,
        videos=2,
        duration_s=16.0,
        defects=("player_not_synchronised",),
        defective_share=0.4,
        saliency=False,
    )
    arguments = (root, "--no-cache", "--html", "none")
    assert run_check(*arguments).exit_code == 1
    ended = run_check(*arguments, "--use-timestamp-as-playback")
    assert ended.exit_code == 0, ended.output


def test_frame_rates_may_lie_elsewhere(run_check, tmp_path):
    """A made-up recording in Xu's layout."""
    folder = tmp_path / "Gaze_txt_files" / "p001"
    folder.mkdir(parents=True)
    lines = (f"frame,{i},forward,0.5{i},0.6,eye,0.5{i},0.55\n" for i in range(10, 60))
    (folder / "001._2017-10-12-18-31_ori_0.txt").write_text("".join(lines))
    (tmp_path / "rates.csv").write_text("video,fps\n001,25.0\n")
    arguments = (tmp_path, "--no-cache", "--html", "none", "--json", "check.json")
    assert isinstance(run_check(*arguments).exception, InputError)
    ended = run_check(*arguments, "--videos-csv", tmp_path / "rates.csv")
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.output
    (one,) = json.loads((tmp_path / "check.json").read_text())["recordings"]
    assert one["measurements"]["duration_s"] == pytest.approx(49 / 25)


def test_explain_prints_the_page_of_the_documentation(run_check, repository):
    ended = run_check("--explain")
    assert ended.exit_code == 0
    assert ended.output == (repository / "docs" / "CHECKS.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["--html", "--json", "--exclude"])
@pytest.mark.parametrize("name", ["", "head.txt", "folder"])
def test_only_files_of_its_own_kind_are_written(run_check, small_study, tmp_path, option, name):
    (tmp_path / "folder").mkdir()
    ended = run_check(small_study, option, name)
    assert isinstance(ended.exception, InputError)
    assert f"{option} must be a file that ends in" in str(ended.exception)


def test_a_recording_is_not_written_over(run_check, small_study, tmp_path):
    recording = tmp_path / "head.csv"
    recording.write_text("Timestamp,PlaybackTime\n1,2\n")
    ended = run_check(small_study, "--html", "none", "--exclude", recording)
    assert isinstance(ended.exception, InputError)
    assert recording.read_text() == "Timestamp,PlaybackTime\n1,2\n"
