import json
from collections.abc import Callable
from pathlib import Path

import matplotlib.image
import pytest
import typer
from typer.testing import CliRunner

from vpnet.cli.align import align
from vpnet.errors import InputError
from vpnet.recordings.parquet import write_parquet
from vpnet.simulation.study import simulate_recordings, write_simulated_study

OFFSET_DEG = -70.0


@pytest.fixture(scope="module")
def turned_study(tmp_path_factory) -> Path:
    """A simulated study whose videos hung askew and mirrored."""
    root = tmp_path_factory.mktemp("simulated") / "turned"
    return write_simulated_study(
        root, users=6, videos=4, duration_s=16.0, video_yaw_offset_deg=OFFSET_DEG, mirror=True
    )


@pytest.fixture
def run_align() -> Callable[..., str]:
    """Function that runs `vpnet align` with arguments and gives what it printed."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(align)

    def run(*arguments: object) -> str:
        ended = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        assert ended.exit_code == 0, ended.output
        return ended.output

    return run


def test_maps_tell_what_belongs_into_the_configuration(turned_study, run_align, tmp_path):
    values_file, figure = tmp_path / "fit.json", tmp_path / "fit.png"
    printed = run_align(
        turned_study,
        "--saliency",
        turned_study / "saliency",
        "--json",
        values_file,
        "--plot",
        figure,
    )
    best = json.loads(values_file.read_text())["best"]
    assert best["mirror"]
    assert best["offset_deg"] == pytest.approx(OFFSET_DEG, abs=2.0)
    offset = f"data.video_yaw_offset_deg={best['offset_deg']:.1f}"
    assert f"\n{offset} data.mirror=true\n" in printed
    assert "Alignment of 6 people and 4 videos" in printed
    assert "simulated_03" in printed
    assert "S01" not in printed
    assert matplotlib.image.imread(figure).shape[1] > 1000


def test_other_viewers_tell_as_well(turned_study, run_align, tmp_path):
    straight = tmp_path / "straight.parquet"
    others = simulate_recordings(users=10, videos=4, duration_s=16.0)
    write_parquet([one for one in others if one.user_id > "S06"], straight)
    printed = run_align(turned_study, "--against", straight, "--by-user")
    (line,) = (line for line in printed.splitlines() if line.startswith("data."))
    offset, mirror = line.split()
    assert float(offset.partition("=")[2]) == pytest.approx(OFFSET_DEG, abs=2.0)
    assert mirror == "data.mirror=true"
    assert "S01" in printed


def test_recordings_against_themselves_say_nothing_about_all_of_them(turned_study, run_align):
    printed = run_align(turned_study, "--against", turned_study)
    assert "no video and no viewer clearly differs from the others" in printed
    assert "whether all recordings are turned alike does not show" in printed
    assert "data.video_yaw_offset_deg" not in printed
    assert "S02" in printed, "viewers are what this is for"


def test_doubt_is_told_in_place_of_an_answer(turned_study, run_align):
    """One recording alone is no evidence."""
    printed = run_align(
        turned_study / "S01" / "simulated_01", "--saliency", turned_study / "saliency"
    )
    assert "the data do not tell the alignment: 1 people, 3 are the least" in printed
    assert "data.video_yaw_offset_deg" not in printed


@pytest.mark.parametrize("options", [(), ("--saliency", "maps", "--against", "others")])
def test_one_of_maps_and_viewers_is_asked_for(turned_study, run_align, options):
    with pytest.raises(InputError, match="give one of --saliency FOLDER and --against PATH"):
        run_align(turned_study, *options)
