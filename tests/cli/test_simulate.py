import shlex

import pytest
import typer
from typer.testing import CliRunner

from vpnet.cli.study_commands import simulate
from vpnet.quality.checking import with_checks
from vpnet.quest_pro.reader import read_quest_pro
from vpnet.studies.study import StudyOptions


@pytest.fixture
def simulated(tmp_path):
    """Function that simulates a tiny study, and gives its folder and what was printed."""
    app = typer.Typer()
    app.command()(simulate)
    size = ("--users", "2", "--videos", "1", "--duration-s", "12", "--seed", "5")

    def run(*arguments: str, name: str = "study"):
        ended = CliRunner().invoke(app, [str(tmp_path / name), *size, *arguments])
        assert ended.exit_code == 0, ended.output
        return tmp_path / name, ended.output

    return run


def test_study_is_written_and_its_command_with_it(simulated):
    root, printed = simulated()
    assert f"2 x 1 simulated recordings: {root}\n" in printed
    assert f"train on them: python train.py data=quest_pro data.root={root}\n" in printed
    assert (root / "saliency" / "simulated_01.npy").is_file()
    notice = (root / "SIMULATED.txt").read_text()
    command = f"vpnet simulate {root} --users 2 --videos 1 --duration-s 12 --seed 5"
    assert f"Written by: {command}\n" in notice
    assert "Defects put in: none\n" in notice


def test_defects_layout_and_turn_are_passed_on(simulated):
    root, printed = simulated(
        *("--defects", "headset, gaze_lost", "--defective-share", "0.5", "--layout", "v1"),
        *("--video-yaw-offset-deg", "30", "--mirror", "--no-saliency", "--workers", "1"),
    )
    assert "data.video_yaw_offset_deg=30 data.mirror=true" in printed
    assert not (root / "saliency").exists()
    notice = (root / "SIMULATED.txt").read_text()
    assert (
        "--defective-share 0.5 --layout v1 --video-yaw-offset-deg 30 --mirror --no-saliency\n"
    ) in notice
    assert "rows_before_playback, gaze_lost\n" in notice
    checked = list(with_checks(read_quest_pro(root, study=StudyOptions(cache=False))).checked())
    assert len(checked) == 2
    for one in checked:
        assert one.source.startswith(str(root / "S0"))
        assert "mixed_pitch_sign" in {finding.code for finding in one.findings}


def test_long_paths_stay_whole_and_shells_can_read_them(simulated):
    name = f"[bold] of {'a study with a long name ' * 5}"
    root, printed = simulated("--no-saliency", name=name)
    assert f"2 x 1 simulated recordings: {root}\n" in printed
    (line,) = (line for line in printed.splitlines() if line.startswith("train on them: "))
    command = shlex.split(line.removeprefix("train on them: "))
    assert command == ["python", "train.py", "data=quest_pro", f"data.root={root}"]
