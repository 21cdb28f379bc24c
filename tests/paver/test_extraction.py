"""The whole way from videos to files of maps."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from vpnet.paver.map_file import MapFile
from vpnet.paver.network import Paver
from vpnet.paver.weights import load_weights
from vpnet.saliency.maps import resize_maps
from vpnet.video.decoders import open_video, read_resized
from vpnet.video.video_file import probe_video, video_writer


@pytest.fixture
def shell(repository, small_encoder) -> Callable[..., subprocess.Popen[str]]:
    """Function that starts predict.py predict=saliency in a process of its own."""

    def start(videos: Path, output: Path, *settings: str) -> subprocess.Popen[str]:
        command = [sys.executable, repository / "predict.py", "predict=saliency", *settings]
        command += [f"videos='{videos}/*.mp4'", f"output={output}", "clip=sampled"]
        command += ["saliency.random_weights=true", "trainer.accelerator=cpu"]
        command += [f"saliency.{name}={value}" for name, value in small_encoder.items()]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=output.parent
        )

    return start


@pytest.fixture(scope="module")
def computed(predict_saliency, panoramas, tmp_path_factory) -> Path:
    """Folder of the maps of both videos; not to be written to."""
    folder = tmp_path_factory.mktemp("computed") / "maps"
    ended = predict_saliency(panoramas / "*.mp4", folder)
    assert ended.code == 0, ended.err + ended.out
    assert "to compute" in ended.out
    return folder


def write_noise(path: Path, frames: int) -> None:
    """A video whose every frame takes many bytes, so that it can be cut anywhere."""
    generator = torch.Generator().manual_seed(0)
    with video_writer(path, 128, 64, 30.0, keyframe_distance=10) as add:
        for _ in range(frames):
            noise = torch.randint(0, 255, (3, 64, 128), generator=generator)
            add(noise.to(torch.uint8))


def test_videos_become_the_maps_of_the_network(computed, small_encoder, panoramas):
    store = MapFile(computed / "street.h5")
    assert store.settings["weights"].startswith("random-")
    assert store.settings["complete"]
    assert store.frame_index.tolist() == [0, 6, 12]
    assert torch.allclose(
        store.times_s, torch.tensor([0, 0.2, 0.4], dtype=torch.float64), atol=1e-3
    )

    paver = Paver(**small_encoder).eval()
    load_weights(paver, None, None, True)
    video = probe_video(panoramas / "street.mp4")
    frames = read_resized(open_video(video), [0, 6, 12], 224, 448)
    with torch.inference_mode():
        maps = paver((frames.float() / 127.5 - 1).unsqueeze(0))[0]
    assert (store.maps(slice(None)) - resize_maps(maps, 120, 240)).abs().max() <= 0.5 / 255 + 1e-4
    assert (store.points([0])[0, 0, 3] - 1).abs() < 1e-3, "the most salient point has the maximum"


def test_a_second_run_computes_nothing(predict_saliency, computed, panoramas, tmp_path):
    shutil.copy2(computed / "street.h5", tmp_path)
    written_ns = (tmp_path / "street.h5").stat().st_mtime_ns
    second = predict_saliency(panoramas / "street.mp4", tmp_path)
    assert "to compute" not in second.out
    assert second.code == 0
    assert (tmp_path / "street.h5").stat().st_mtime_ns == written_ns


def test_an_interrupted_run_resumes_and_gives_the_same_bytes(predict_saliency, panoramas, tmp_path):
    settings = ("clips_per_chunk=1", "rate_hz=10", "frames=sampled", "clip=consecutive")
    video = panoramas / "beach [2].mp4"
    whole = predict_saliency(video, tmp_path / "whole", *settings)
    assert whole.code == 0, whole.err
    cut = predict_saliency(video, tmp_path / "cut", *settings, "+trainer.limit_predict_batches=2")
    assert cut.code == 1
    assert "run the same command again" in cut.out
    assert not (tmp_path / "cut" / "beach [2].h5").exists()
    resumed = predict_saliency(video, tmp_path / "cut", *settings)
    assert resumed.code == 0
    assert "2 chunks of 1 videos to compute" in resumed.out
    names = {path.name for path in (tmp_path / "cut").iterdir()}
    assert names == {"beach [2].h5"}, "no parts are left"
    expected = (tmp_path / "whole" / "beach [2].h5").read_bytes()
    assert (tmp_path / "cut" / "beach [2].h5").read_bytes() == expected


def test_damaged_videos_are_named_and_the_others_computed(predict_saliency, panoramas, tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "good.mp4").write_bytes((panoramas / "beach [2].mp4").read_bytes())
    (videos / "empty.mp4").write_bytes(b"")
    (videos / "page.mp4").write_text("<html>not found</html>" * 100)
    write_noise(videos / "cut.mp4", frames=40)
    content = (videos / "cut.mp4").read_bytes()
    (videos / "cut.mp4").write_bytes(content[: int(0.6 * len(content))])
    ended = predict_saliency(videos, tmp_path / "maps")
    assert ended.code == 1
    assert "Traceback" not in ended.err
    states = {"good": "whole", "empty": "failed", "page": "failed", "cut": "in part"}
    for name, state in states.items():
        (row,) = [line for line in ended.out.splitlines() if f"{name}.mp4" in line and "│" in line]
        assert state in row
        assert (state == "whole") or f"{name}.mp4: " in ended.out, "and why"
    assert {path.name for path in (tmp_path / "maps").iterdir()} == {"good.h5", "cut.h5"}
    store = MapFile(tmp_path / "maps" / "cut.h5")
    assert not store.settings["complete"]
    assert 0 < float(store.times_s[-1]) < 39 / 30


def test_a_file_made_in_another_way_is_neither_read_nor_replaced(
    predict_saliency, computed, panoramas, tmp_path
):
    shutil.copy2(computed / "street.h5", tmp_path)
    before = (tmp_path / "street.h5").read_bytes()
    ended = predict_saliency(panoramas / "street.mp4", tmp_path, "rate_hz=10")
    assert ended.code == 1
    assert "rate_hz was 5.0 and is 10.0 now" in ended.out.replace("\n", " ")
    assert (tmp_path / "street.h5").read_bytes() == before


def test_without_weights_the_command_refuses(refused, small_encoder, panoramas):
    small = [f"saliency.{name}={value}" for name, value in small_encoder.items()]
    message = refused(
        "predict.py", "predict=saliency", f"videos={panoramas}", "output=maps", *small
    )
    assert "saliency.checkpoint" in message


@pytest.mark.slow
def test_two_devices_share_the_work_and_write_the_same_bytes(shell, panoramas, tmp_path):
    settings = ("clips_per_chunk=1", "rate_hz=15")
    shell(panoramas, tmp_path / "one", *settings).wait()
    shared = shell(
        panoramas, tmp_path / "two", *settings, "trainer.devices=2", "trainer.strategy=ddp"
    )
    assert shared.wait() == 0, shared.communicate()
    for name in ("street.h5", "beach [2].h5"):
        expected = (tmp_path / "one" / name).read_bytes()
        assert (tmp_path / "two" / name).read_bytes() == expected


@pytest.mark.slow
def test_two_runs_on_a_folder_do_not_disturb_each_other(shell, panoramas, tmp_path):
    settings = ("clips_per_chunk=1", "rate_hz=15")
    shell(panoramas, tmp_path / "one", *settings).wait()
    runs = [shell(panoramas, tmp_path / "both", *settings) for _ in range(2)]
    assert [run.wait() for run in runs] == [0, 0]
    assert {path.name for path in (tmp_path / "both").iterdir()} == {"street.h5", "beach [2].h5"}
    for name in ("street.h5", "beach [2].h5"):
        expected = (tmp_path / "one" / name).read_bytes()
        assert (tmp_path / "both" / name).read_bytes() == expected


def test_a_backend_that_there_is_not_is_refused_at_once(refused, panoramas):
    settings = ("output=maps", "saliency.random_weights=true", "backend=vlc")
    message = refused("predict.py", "predict=saliency", f"videos={panoramas}", *settings)
    assert "backend must be auto, decord, torchcodec or pyav, got 'vlc'" in message


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU can do it")
def test_half_precision_is_refused_where_it_would_be_another(refused, panoramas):
    message = refused(
        "predict.py",
        "predict=saliency",
        f"videos={panoramas / 'street.mp4'}",
        "output=maps",
        "saliency.random_weights=true",
        "trainer.precision=16-mixed",
    )
    assert "trainer.precision=16-mixed needs a GPU" in message
