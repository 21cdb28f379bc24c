from pathlib import Path

import pytest
import torch
import typer

from vpnet.errors import InputError
from vpnet.video.opening import open_video
from vpnet.video.probe import probe_video


def frames_of(film: Path) -> torch.Tensor:
    video = probe_video(film)
    return torch.stack(list(open_video(video, "pyav").frames(range(len(video.frame_pts)))))


def test_the_film_shows_saliency_and_viewers(run, video, map_file, simulated_study, tmp_path):
    plain, film = tmp_path / "plain.mp4", tmp_path / "film.mp4"
    run("overlay", video, map_file, plain, "--opacity", 0, "--width", 256)
    settings = ("--recordings", simulated_study, "--width", 256)
    printed = run("overlay", video, map_file, film, *settings)
    assert f"{film}: 24 frames, 5 viewers" in printed
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


def test_what_does_not_fit_is_refused(run, video, map_file, simulated_study, tmp_path):
    film = tmp_path / "film.mp4"
    for settings, message in (
        (("--width", 130), "--width must be a multiple of 4"),
        (("--dots", "eyes"), "--dots must be one of gaze, head, got 'eyes'"),
        (("--recordings", simulated_study, "--video-id", "x"), "nobody watched video 'x'"),
        (("--backend", "vlc"), "backend must be auto"),
        (("--colors", "x"), "--colors must name"),
    ):
        with pytest.raises(InputError, match=message):
            run("overlay", video, map_file, film, *settings)
    assert not film.exists()
