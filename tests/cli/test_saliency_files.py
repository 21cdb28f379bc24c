"""The commands of `vpnet saliency`, on a short simulated panorama and its maps."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from vpnet.cli.app import app
from vpnet.cli.saliency_files import MEASURES, PICTURE_COLUMNS, PICTURE_ROWS, picture
from vpnet.errors import InputError
from vpnet.paver.map_file import MapPart, encode_maps, write_map_file
from vpnet.paver.sphere_patches import HeatMap
from vpnet.saliency.maps import resize_maps
from vpnet.saliency.salient_points import salient_points
from vpnet.video.decoders import open_video
from vpnet.video.video_file import probe_video, video_writer

FRAMES, MAPS = 24, 4


@pytest.fixture
def run() -> Callable[..., str]:
    """Function that runs `vpnet saliency ...` and gives what it printed."""

    def command(*arguments: object) -> str:
        ended = CliRunner().invoke(app, ["saliency", *map(str, arguments)])
        if ended.exception is not None:
            raise ended.exception
        return ended.output

    return command


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Folder of a video and of its maps, to be copied."""
    folder = tmp_path_factory.mktemp("made")
    stripes = (100 + 50 * torch.sin(torch.arange(256) / 8)).to(torch.uint8).expand(3, 128, 256)
    with video_writer(folder / "simulated_01.mp4", 256, 128, 30.0) as add:
        for number in range(FRAMES):
            add(stripes.roll(number, dims=2).contiguous())
    scores = torch.ones(MAPS, 14, 28)
    scores[:, 7, 3] = 3
    full = HeatMap()(scores.flatten(1))
    points = salient_points(full)
    part = MapPart(
        np.arange(MAPS) * 6,
        np.arange(MAPS) / 5,
        encode_maps(resize_maps(full, 120, 240), "uint8"),
        scores.numpy(),
        points.pixels.numpy().astype(np.uint32),
        points.values.numpy().astype(np.float16),
    )
    settings = {"weights": "random-0", "rate_hz": 5.0, "damage": ""}
    write_map_file(folder / "simulated_01.h5", [part], settings)
    return folder


@pytest.fixture
def video(made, tmp_path) -> Path:
    """0.8 s of stripes, named as a video of the simulated study."""
    return Path(shutil.copy(made / "simulated_01.mp4", tmp_path))


@pytest.fixture
def map_file(made, tmp_path) -> Path:
    """Its maps, five a second, from simulated scores: the most salient patch is at the left."""
    return Path(shutil.copy(made / "simulated_01.h5", tmp_path))


def test_what_is_inside_is_printed(run, map_file):
    printed = run("info", map_file, map_file)
    assert printed.count(str(map_file)) == 2
    assert "4 of 120 x 240 pixels, uint8, " in printed
    assert "0.00 to 0.60 s, one every 0.200 s" in printed
    assert re.search(r"range +0\.000 to (0\.9\d+|1\.000), mean 0\.\d+ \(4 maps\b", printed)
    assert "weights   random-0" in printed
    assert "damage" not in printed, "settings that say nothing are left out"


def test_the_picture_is_bright_where_the_maps_are(run, map_file):
    lines = run("info", map_file).splitlines()[-PICTURE_ROWS:]
    assert {len(line) for line in lines} == {PICTURE_COLUMNS + 2}
    row = max(range(PICTURE_ROWS), key=lambda at: lines[at].count("@"))
    assert row == PICTURE_ROWS // 2
    assert lines[row].index("@") < PICTURE_COLUMNS // 4


def test_a_folder_stands_for_its_files(run, map_file):
    assert run("info", map_file.parent) == run("info", map_file)


def test_a_map_without_contrast_has_a_picture_too():
    assert set("".join(picture(torch.zeros(120, 240)))) == {" "}


def test_what_is_no_file_of_maps_is_refused(run, tmp_path):
    (tmp_path / "notes.h5").write_text("notes")
    with pytest.raises(InputError, match="is no whole file of saliency maps"):
        run("info", tmp_path / "notes.h5")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no files of maps in this folder"):
        run("info", tmp_path / "empty")
    with pytest.raises(InputError, match="no such file of saliency maps"):
        run("info", tmp_path / "none.h5")


def test_the_tensor_lies_beside_the_maps(run, map_file):
    printed = run("export", map_file)
    path = map_file.with_name("simulated_01_saliency.pt")
    assert f"4 maps of 224 x 448: {path}" in printed
    assert torch.load(path, weights_only=True).dtype == torch.float32


def test_name_and_type_can_be_chosen(run, map_file, tmp_path):
    run("export", map_file, tmp_path / "out" / "maps.pt", "--half")
    maps = torch.load(tmp_path / "out" / "maps.pt", weights_only=True)
    assert maps.shape == (4, 224, 448)
    assert maps.dtype == torch.float16


def frames_of(film: Path) -> torch.Tensor:
    video = probe_video(film)
    return torch.stack(list(open_video(video, "pyav").frames(range(len(video.frame_pts)))))


def test_the_film_shows_saliency_and_viewers(run, video, map_file, small_study, tmp_path):
    plain, film = tmp_path / "plain.mp4", tmp_path / "film.mp4"
    run("overlay", video, map_file, plain, "--opacity", 0, "--width", 256)
    settings = ("--recordings", small_study, "--width", 256)
    printed = run("overlay", video, map_file, film, *settings)
    assert f"{film}: 24 frames, 3 viewers" in printed
    changed = (frames_of(film).float() - frames_of(plain).float()).abs().mean((0, 1))
    assert changed.shape == (128, 256)
    assert changed[64, 30] > 30, "the salient patch is coloured"
    assert changed[20, 200] < 5, "the rest is not"
    heads = tmp_path / "heads.mp4"
    run("overlay", video, map_file, heads, *settings, "--dots", "head")
    assert not torch.equal(frames_of(heads), frames_of(film))


def test_a_film_cut_short_is_written_and_ends_with_1(run, video, map_file, tmp_path):
    content = video.read_bytes()
    video.write_bytes(content[: int(0.7 * len(content))])
    with pytest.raises((SystemExit, typer.Exit)):
        run("overlay", video, map_file, tmp_path / "film.mp4", "--width", 64)
    assert 0 < len(frames_of(tmp_path / "film.mp4")) < 24


def test_what_does_not_fit_is_refused(run, video, map_file, small_study, tmp_path):
    film = tmp_path / "film.mp4"
    for settings, message in (
        (("--width", 130), "--width must be a multiple of 4"),
        (("--dots", "eyes"), "--dots must be one of gaze, head, got 'eyes'"),
        (("--recordings", small_study, "--video-id", "x"), "nobody watched video 'x'"),
        (("--backend", "vlc"), "backend must be auto"),
        (("--colors", "x"), "--colors must name"),
    ):
        with pytest.raises(InputError, match=message):
            run("overlay", video, map_file, film, *settings)
    assert not film.exists()


def test_a_table_with_baselines_and_intervals(run, small_study, tmp_path):
    page = tmp_path / "scores.md"
    settings = ("--rate-hz", 0.5, "--markdown", page)
    printed = run("score", small_study / "saliency", small_study, *settings)
    for word in ("uniform", "center bias", "maps", "95 %", "simulated_02", *MEASURES):
        assert word in printed
    assert "| uniform | 16 | 0.000 |" in page.read_text()


def test_maps_of_predict_are_measured_too(run, map_file, small_study):
    printed = run("score", map_file.parent, small_study, "--weighting", "paver", "--head")
    assert "simulated_01" in printed
    assert "simulated_02" not in printed, "it has no maps"
