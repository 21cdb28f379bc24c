"""How fast star_vp trains when windows share the maps they look at: `make bench-sharing`.

On the real recordings of Wu et al. (protocol wu_exp1: 9 videos, 32 training viewers), batch 128, 15
past and 25 future steps, all rows in one run, so that they compare. The plain form encodes every
step of every window by itself: the same network, whose maps are handed over once for each window
and step, a few windows at a time. With `behavioural` saliency each training viewer has maps of
their own unless whole groups of viewers (folds) are left out together; maps of a video are the same
for everybody.

python benchmarks/sharing.py SHARED, where SHARED holds data/ and benchmarks/.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from rich.console import Console

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.splits import SplitFile
from vpnet.dataset.task import Task
from vpnet.dataset.window import ViewportWindow
from vpnet.models.star_vp import StarVP
from vpnet.readers.parquet import read_parquet
from vpnet.recordings.recording import Recording
from vpnet.saliency.fitted_sources import Behavioural
from vpnet.text_table import TextTable
from vpnet.training.loss import forecast_loss

CONFIG_FOLDER = Path(__file__).resolve().parents[1] / "conf"
BATCH = 128
PLAIN_AT_ONCE = 8
"""Windows of the plain form at a time: a whole batch of them would take 40 GB."""


class SameForEverybody(Behavioural):
    """As the maps of a video are: whoever watches, they are the same."""

    def bind(self, user_ids: Sequence[str], video_ids: Sequence[str]) -> None:
        """Nobody is left out."""
        super().bind([""] * len(user_ids), video_ids)


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(
        description="How fast star_vp trains where windows share maps."
    )
    arguments.add_argument("shared", type=Path, help="holds data/ and benchmarks/")
    arguments.add_argument("--seconds", type=float, default=20.0, help="for each row")
    asked = arguments.parse_args()
    torch.manual_seed(0)
    recordings = list(read_parquet(asked.shared / "data" / "wu_mmsys17.parquet"))
    split = SplitFile(asked.shared / "benchmarks" / "wu_exp1.json")
    settings = {
        "plain form": (SameForEverybody(), 1, True),
        "maps for everybody, groups of 8": (SameForEverybody(), 8, False),
        "maps for everybody, groups of 32": (SameForEverybody(), 32, False),
        "maps for everybody, groups of 128": (SameForEverybody(), 128, False),
        "behavioural, groups of 128": (Behavioural(), 128, False),
        "behavioural folds=4, groups of 32": (Behavioural(folds=4), 32, False),
        "behavioural folds=2, groups of 32": (Behavioural(folds=2), 32, False),
        "behavioural folds=2, groups of 128": (Behavioural(folds=2), 128, False),
    }
    rows, first = [], None
    for name, (source, group_size, is_plain) in settings.items():
        data = load(recordings, split, source, group_size)
        per_second, maps = measure(data, is_plain, asked.seconds)
        first = first or per_second
        rows.append((name, f"{maps:.1f}", f"{per_second:.2f}", f"{per_second / first:.1f}"))
    table = TextTable(
        f"star_vp trained on wu_exp1, batch {BATCH}, 15 + 25 steps, float32, "
        f"{torch.get_num_threads()} CPU threads, torch {torch.__version__}",
        ("how", "maps encoded a window", "windows a second", "times the plain form"),
        (tuple(rows),),
    )
    Console(width=120).print(table.to_rich())


def load(
    recordings: list[Recording], split: SplitFile, source: Behavioural, group_size: int
) -> ViewportDataModule:
    """Windows as train.py makes them."""
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        task = OmegaConf.to_container(compose("train", ["task=long_term"]).task)
    assert isinstance(task, dict)
    return ViewportDataModule(
        recordings,
        split,
        Task(**{str(key): value for key, value in task.items()}),
        saliency=source,
        saliency_view=StarVP.saliency_view,
        batch_size=BATCH,
        group_size=group_size,
    )


def measure(data: ViewportDataModule, is_plain: bool, seconds: float) -> tuple[float, float]:
    """Windows a second through loading, forward, backward and optimizer; maps a window."""
    torch.manual_seed(0)
    model = StarVP(data.spec).train()
    loss = forecast_loss(data.task)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)
    windows, maps, spent_s = 0, 0, -1.0
    for batch in batches(data):
        began = time.perf_counter()
        parts = batch[1] if not is_plain else apart(batch[1])
        for part in [parts] if isinstance(parts, ViewportWindow) else parts:
            loss(model(part), part).backward()
            windows += len(part.user_index) * (spent_s >= 0)
            maps += len(part.saliency_points) * (spent_s >= 0)
            if is_plain and batch[0] + time.perf_counter() - began > seconds:
                break
        optimizer.step()
        optimizer.zero_grad()
        if spent_s < 0:  # the first batch warms up
            spent_s = 0.0
            continue
        spent_s += batch[0] + time.perf_counter() - began
        if spent_s > seconds:
            break
    return windows / spent_s, maps / windows


def batches(data: ViewportDataModule) -> Iterator[tuple[float, ViewportWindow]]:
    """Training batches, and the seconds that loading each took."""
    loader = iter(data.train_dataloader())
    while True:
        began = time.perf_counter()
        window = next(loader)
        yield time.perf_counter() - began, window


def apart(window: ViewportWindow) -> Iterator[ViewportWindow]:
    """The batch in small parts, in which every step of every window has points of its own."""
    for rows in torch.arange(len(window.user_index)).split(PLAIN_AT_ONCE):
        steps = window.saliency_index[rows]
        own = torch.arange(steps.numel()).view_as(steps)
        parts = {
            name: value if name.startswith("saliency_") else value[rows]
            for name, value in window._asdict().items()
        }
        parts["saliency_points"] = window.saliency_points[steps.flatten()]
        parts["saliency_index"] = torch.where(steps >= 0, own, -1)
        yield ViewportWindow(**parts)


if __name__ == "__main__":
    main()
