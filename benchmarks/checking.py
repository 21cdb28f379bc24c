"""How long a whole study takes to check and to load, and how much memory: `make bench-check`.

Writes a simulated study (32 people x 14 videos of 169 s need 6 GB of disk), runs the commands on it
as a user would, and prints their time and the most memory that they and their processes took
together (proportional set size, so that what processes share counts once; Linux only).

python benchmarks/checking.py --users 32 --videos 14 --duration-s 169
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from vpnet.readers.reading import read_any
from vpnet.text_table import TextTable

REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLING_S = 0.25

LOAD = """
import sys
from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.splits import CrossUser
from vpnet.dataset.task import Task
from vpnet.recordings.face import FACE_ACTIVITY
from vpnet.readers.reading import read_any
task = Task(
    "short_term", 30, 2.0, [0.2, 0.5, 1.0], [0.2, 0.5, 1.0], first_anchor_s=2.0,
    anchor_stride_s=0.2, train_stride_s=0.1
)
study = read_any(sys.argv[1], layout="quest_pro", cache=sys.argv[2])
ViewportDataModule(study, CrossUser(), task, face_features=["Jaw_Drop", FACE_ACTIVITY])
"""
"""What training does before its first batch."""


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    seconds: float
    peak_gb: float

    def cells(self, what: str, recordings: int) -> tuple[str, ...]:
        """A row of the table."""
        each_ms = 1000 * self.seconds / recordings
        return (what, f"{self.seconds:.0f} s", f"{each_ms:.0f} ms", f"{self.peak_gb:.2f} GB")


def main() -> None:
    """Simulate, check, load; print a table."""
    parser = argparse.ArgumentParser(description="Time and memory of checking a study.")
    parser.add_argument("--users", type=int, default=32)
    parser.add_argument("--videos", type=int, default=14)
    parser.add_argument("--duration-s", type=float, default=169.0)
    parser.add_argument("--folder", type=Path, help="where to write; by default a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        measure(Path(temporary), options.users, options.videos, options.duration_s)


def measure(folder: Path, users: int, videos: int, duration_s: float) -> None:
    """Run the commands in a folder, and print what they took."""
    vpnet = str(Path(sys.executable).with_name("vpnet"))
    root, cache = str(folder / "study"), str(folder / "cache")
    size = ["--users", str(users), "--videos", str(videos), "--duration-s", str(duration_s)]
    defects = ["--defects", "headset", "--no-saliency"]
    recordings = users * videos
    check = [vpnet, "check", root, "--html", str(folder / "check.html")]
    load = [sys.executable, "-c", LOAD, root, cache]
    rows = [
        run([vpnet, "simulate", root, *size, *defects]).cells("simulate", recordings),
        run([*check, "--no-cache"], allowed=(0, 1)).cells("check, nothing kept", recordings),
        run(load).cells("load for training (30 Hz), nothing kept", recordings),
        run(load).cells("load for training (30 Hz), kept", recordings),
        read_one(root),
    ]
    page_mb = (folder / "check.html").stat().st_size / 1e6
    study_gb = sum(file.stat().st_size for file in Path(root).rglob("*.csv")) / 1e9
    cache_gb = sum(file.stat().st_size for file in Path(cache).iterdir()) / 1e9
    table = TextTable(
        f"{users} people x {videos} videos of {duration_s:g} s, simulated ({study_gb:.2f} GB of "
        f"CSV), {os.cpu_count()} cores",
        ("what", "time", "each", "most memory"),
        (tuple(rows),),
        (f"the page has {page_mb:.1f} MB, the kept recordings {cache_gb:.2f} GB",),
    )
    Console(width=110).print(table.to_rich())


def run(command: list[str], allowed: tuple[int, ...] = (0,)) -> Cost:
    """Run a command that must end with a given code: `vpnet check` ends with 1 where it refuses."""
    start = time.perf_counter()
    peak_kb = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=REPOSITORY) as process:
        while process.poll() is None:
            peak_kb = max(peak_kb, sum(map(memory_kb, family(process.pid))))
            time.sleep(SAMPLING_S)
    if process.returncode not in allowed:
        raise SystemExit(f"{command} ended with code {process.returncode}")
    return Cost(time.perf_counter() - start, peak_kb / 1e6)


def family(process_id: int) -> list[int]:
    """A process and all that it started."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The name, in brackets, may hold anything; the parent is the second field after it.
            parents[int(folder.name)] = int((folder / "stat").read_text().split(")")[-1].split()[1])
        except (OSError, ValueError):
            continue  # ended meanwhile
    members = [process_id]
    for member in members:
        members += [child for child, parent in parents.items() if parent == member]
    return members


def memory_kb(process_id: int) -> int:
    """Proportional set size of a process, 0 where it has ended."""
    try:
        lines = Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def read_one(root: str) -> tuple[str, str, str, str]:
    """The fastest of five readings of one recording, checks included, in this process."""
    part = read_any(root, layout="quest_pro", cache=False).parts[0]
    seconds = []
    rows = 0
    for _ in range(5):
        start = time.perf_counter()
        (checked,) = part.checked()
        seconds.append(time.perf_counter() - start)
        rows = int(checked.measurements["rows"])
    return (f"read and check one, {rows:,} rows x 4 files", "", f"{1000 * min(seconds):.0f} ms", "")


if __name__ == "__main__":
    main()
