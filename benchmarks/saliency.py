"""Frames per second of PAVER, by its parts, and the memory of turning videos into maps.

python benchmarks/saliency.py

Weights are made up: the time does not depend on them. The plain loop is the same network in eager
float32 with its attention written out, five frames at a time, decoded by the same reader and
resized in floating point.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import interpolate

from vpnet.paver.network import Paver
from vpnet.paver.weights import load_weights
from vpnet.runtime.device import cpu_has_bfloat16
from vpnet.saliency.maps import resize_maps
from vpnet.saliency.salient_points import salient_points
from vpnet.video.decoders import open_video, read_resized
from vpnet.video.video_file import VideoFile, probe_video, video_writer

WIDTH, HEIGHT, RATE_HZ = 1920, 960, 30
LENGTHS = (30, 300, 3000)
ROUNDS = 3
PRECISIONS = ("32-true", "bf16-mixed") if cpu_has_bfloat16() else ("32-true",)


def write_video(path: Path, frames: int) -> Path:
    """A textured panorama that turns; simulated."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, HEIGHT // 8, WIDTH // 8, generator=generator) * 255
    texture = interpolate(coarse, (HEIGHT, WIDTH), mode="bilinear")[0].byte()
    with video_writer(path, WIDTH, HEIGHT, RATE_HZ) as add:
        for number in range(frames):
            add(texture.roll(4 * number, dims=2))
    return path


def seconds(work: Callable[[], object]) -> float:
    """Shortest of some rounds, after one to warm up."""
    work()
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def show(name: str, frames: int, taken_s: float, plain_s: float | None = None) -> None:
    """One line of the result; ``plain_s`` is the plain loop's time for the same video."""
    factor = "" if plain_s is None else f"  {plain_s / taken_s:5.2f} x the plain loop"
    print(f"{name:42s} {frames / taken_s:8.2f} frames/s {1000 * taken_s / frames:9.2f} ms{factor}")


def read(video: VideoFile, indices: Sequence[int]) -> Tensor:
    """Open, decode and resize."""
    reader = open_video(video)
    frames = read_resized(reader, indices, 224, 448)
    reader.close()
    return frames


def read_plainly(video: VideoFile, indices: Sequence[int]) -> Tensor:
    """The same, resized in floating point."""
    reader = open_video(video)
    frames = [
        interpolate(frame.unsqueeze(0).float(), (224, 448), mode="bicubic", antialias=True)
        for frame in reader.frames(indices)
    ]
    reader.close()
    return torch.cat(frames)


def maps_of(paver: Paver, frames: Tensor) -> None:
    """One clip of five frames after the other, as `predict.py` works on a CPU."""
    for first in range(0, len(frames), 5):
        maps = paver((frames[first : first + 5].float() / 127.5 - 1).unsqueeze(0))[0]
        resize_maps(maps, 120, 240)
        salient_points(maps)


def show_parts(paver: Paver, clip: Tensor, precision: str) -> None:
    """The network's parts, five frames."""
    tokens = paver.encoder(clip)
    scores = paver.decoder(tokens.unsqueeze(0))
    maps = paver.heat_map(scores)[0]
    show(f"{precision} encoder", 5, seconds(lambda: paver.encoder(clip)))
    show(f"{precision} decoder", 5, seconds(lambda: paver.decoder(tokens.unsqueeze(0))))
    show(f"{precision} heat map", 5, seconds(lambda: paver.heat_map(scores)))
    kept = seconds(lambda: (resize_maps(maps, 120, 240), salient_points(maps)))
    show(f"{precision} smaller map, salient points", 5, kept)


@torch.inference_mode()
def speed(video: VideoFile) -> None:
    """Time the parts of the network and whole ways of running it, on one second of video."""
    paver = Paver().eval()
    load_weights(paver, None, random_weights=True)
    every = range(RATE_HZ)
    sampled = every[::6]
    show("decode and resize", RATE_HZ, seconds(lambda: read(video, every)))
    clip = read(video, range(5)).float() / 127.5 - 1

    with sdpa_kernel(SDPBackend.MATH):
        plain_s = seconds(lambda: maps_of(paver, read_plainly(video, every)))
    show("plain loop", RATE_HZ, plain_s)
    for precision in PRECISIONS:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            show_parts(paver, clip, precision)
            taken_s = seconds(lambda: maps_of(paver, read(video, every)))
            show(f"vpnet, {precision}", RATE_HZ, taken_s, plain_s)
            taken_s = seconds(lambda: maps_of(paver, read(video, sampled)))
            show(f"vpnet, {precision}, rate_hz=5 clip=sampled", len(sampled), taken_s, plain_s)
    paver.encoder.compile()
    taken_s = seconds(lambda: maps_of(paver, read(video, every)))
    show("vpnet, 32-true, saliency.compile=true", RATE_HZ, taken_s, plain_s)


def memory(folder: Path) -> None:
    """Peak memory of predict.py against the length of the video."""
    measured = (
        "import resource, runpy, sys; sys.argv = sys.argv[1:]\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "finally: print('PEAK', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    for frames in LENGTHS:
        path = write_video(folder / f"{frames}.mp4", frames)
        command = ["predict.py", "predict=saliency", f"videos={path}", f"output={folder / 'maps'}"]
        command += ["saliency.random_weights=true", "clip=sampled"]
        command += [f"trainer.precision={PRECISIONS[-1]}"]
        command += ["trainer.accelerator=cpu", "trainer.progress_bar=false"]
        start = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, "-c", measured, *command], capture_output=True, text=True, check=True
        )
        taken_s = time.perf_counter() - start
        peak_gb = int(ended.stdout.rpartition("PEAK ")[2]) * 1024 / 1e9
        size = (folder / "maps" / f"{frames}.h5").stat().st_size
        maps = -(-frames // 6)
        print(
            f"{frames:5d} frames, {maps:3d} maps, {PRECISIONS[-1]}: peak {peak_gb:.2f} GB, "
            f"{taken_s:.0f} s in all, {size / maps:.0f} bytes a map"
        )


def main() -> None:
    """Print both."""
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {WIDTH} x {HEIGHT}")
    with tempfile.TemporaryDirectory() as folder:
        speed(probe_video(write_video(Path(folder) / "speed.mp4", 40)))
        memory(Path(folder))


if __name__ == "__main__":
    main()
