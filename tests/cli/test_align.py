import json
from collections.abc import Callable
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from vpnet.alignment.alignment import Alignment, OffsetPeak, find_alignment, offsets_deg
from vpnet.alignment.moment_maps import ViewerDensity
from vpnet.cli.align import align, conclusions
from vpnet.errors import InputError
from vpnet.readers.parquet import write_parquet
from vpnet.readers.reading import read_any
from vpnet.recordings.frame import Frame
from vpnet.recordings.recording import Recording
from vpnet.simulation.simulated_study import simulate_recordings, write_simulated_study

OFFSET_DEG = -70.0


@pytest.fixture(scope="module")
def turned_study(tmp_path_factory) -> Path:
    """A simulated study whose videos hung askew and mirrored."""
    root = tmp_path_factory.mktemp("simulated") / "turned"
    return write_simulated_study(
        root,
        users=6,
        videos=4,
        duration_s=16.0,
        frame=Frame(video_yaw_offset_deg=OFFSET_DEG, mirror=True),
    )


@pytest.fixture(scope="module")
def straight() -> list[Recording]:
    """Ten viewers of the same videos as they should hang, six of them those of the turned study."""
    return simulate_recordings(users=10, videos=4, duration_s=16.0)


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


def test_other_viewers_tell_as_well(turned_study, straight, run_align, tmp_path):
    others = tmp_path / "straight.parquet"
    write_parquet([one for one in straight if one.user_id > "S06"], others)
    printed = run_align(turned_study, "--against", others, "--by-user")
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
    assert "the data do not show the alignment: 1 person, 3 are the least" in printed
    assert "Alignment of 1 person and 1 video " in printed
    assert "data.video_yaw_offset_deg" not in printed


@pytest.mark.parametrize("options", [(), ("--saliency", "maps", "--against", "others")])
def test_one_of_maps_and_viewers_is_asked_for(turned_study, run_align, options):
    with pytest.raises(InputError, match="give one of --saliency FOLDER and --against PATH"):
        run_align(turned_study, *options)


def test_the_viewer_who_differs_is_named(turned_study, straight, run_align, tmp_path):
    """S02 saw turned videos; of S04 there is one recording, which says nothing clearly."""
    six = [one for one in straight if one.user_id <= "S06"]
    mixed = [one for one in six if one.user_id not in ("S02", "S04")]
    mixed += [one for one in read_any(turned_study) if one.user_id == "S02"]
    mixed += [one for one in six if (one.user_id, one.video_id) == ("S04", "simulated_01")]
    file = tmp_path / "mixed.parquet"
    write_parquet(mixed, file)
    printed = run_align(file, "--against", file)
    assert "viewers that clearly want another alignment: S02\n" in printed
    rows = {line.split()[1]: line for line in printed.splitlines() if line.startswith("│ S")}
    assert "differs" in rows["S02"]
    assert "unclear" in rows["S04"]
    assert "differs" not in rows["S01"]


def made_alignment(users: int = 5, **away_deg: float) -> Alignment:
    """Videos that want clear offsets, and the whole that wants 0 degrees."""
    whole, *peaks = (
        OffsetPeak(offset, False, 1.0, 0.2, offset - 1, offset + 1, share=1.0)
        for offset in (0.0, *away_deg.values())
    )
    videos = dict(zip(away_deg, peaks, strict=True))
    return Alignment(
        offsets_deg(60), torch.zeros(60), torch.zeros(60), whole, users, 500, videos, {}
    )


def test_who_differs_is_more_than_ten_degrees_away():
    lines = conclusions(made_alignment(near=6.0, far=14.0), is_itself=True)
    assert lines[0] == "videos that clearly want another alignment: far"
    assert not any("clearly differs" in line for line in lines)


def test_doubt_does_not_clear_anybody():
    lines = conclusions(made_alignment(users=2, near=0.0, far=1.0), is_itself=True)
    assert lines[0] == "the data do not show who differs: 2 people, 3 are the least"
    assert not any("clearly differs" in line for line in lines)
    sure = conclusions(made_alignment(near=0.0, far=1.0), is_itself=True)
    assert sure[0] == "no video and no viewer clearly differs from the others"


def test_options_reach_both_sets_of_recordings(turned_study, straight, run_align, tmp_path):
    excluded, values_file = tmp_path / "exclude.csv", tmp_path / "fit.json"
    excluded.write_text("user,video\nS03,\n")
    others = tmp_path / "others.parquet"
    write_parquet([one for one in straight if one.user_id <= "S09"], others)
    options = ("--against-yaw-offset-deg", 30, "--against-mirror", "--rate-hz", 3)
    options += ("--accept", "foreign_file", "--exclude", excluded, "--json", values_file)
    run_align(turned_study, "--against", others, *options)
    left = [one for one in read_any(turned_study) if one.user_id != "S03"]
    reference = read_any(others, video_yaw_offset_deg=30.0, mirror=True, exclude=excluded)
    expected = find_alignment(left, ViewerDensity(reference, 3.0), rate_hz=3.0)
    values = json.loads(values_file.read_text())
    assert "S03" not in values["per_user"]
    assert values == json.loads(json.dumps(expected.to_dict()))


def test_unknown_codes_are_refused(turned_study, run_align):
    with pytest.raises(InputError, match="no error that can be accepted is called 'nonsense'"):
        run_align(turned_study, "--saliency", turned_study / "saliency", "--accept", "nonsense")


def test_how_others_hung_needs_others(turned_study, run_align):
    for options in (("--saliency", turned_study), ("--against", turned_study)):
        with pytest.raises(InputError, match="say how other recordings are turned"):
            run_align(turned_study, *options, "--against-mirror")


def test_a_figure_that_fails_loses_nothing(turned_study, run_align, tmp_path):
    maps, values_file = tmp_path / "maps", tmp_path / "fit.json"
    maps.mkdir()
    np.save(maps / "simulated_01.npy", np.ones((80, 30, 60), dtype=np.float16))
    (maps / "saliency.json").write_text(json.dumps({"rate_hz": 5.0}))
    arguments = (turned_study, "--saliency", maps, "--json", values_file, "--plot")
    with pytest.raises(InputError, match="there is no curve to draw"):
        run_align(*arguments, tmp_path / "fit.png")
    assert json.loads(values_file.read_text())["best"] is None
    with pytest.raises(InputError, match=r"a figure is saved as png, pdf, svg, got 'fit\.gif'"):
        run_align("absent", *arguments[1:], tmp_path / "fit.gif")
