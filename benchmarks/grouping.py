"""Which grouping of windows lowers star_vp's validation error soonest: `make bench-grouping`.

Large groups share more maps, so more windows are trained a second; but a batch then holds few
moments, and windows of one moment teach much the same. On the real recordings of David et al.
(protocol david, where star_vp leaves static within minutes) or Wu et al. (wu_exp1),
`saliency=behavioural` with folds=2, batch 128, bf16 where asked; a row for each group size, a
column for each stretch of training time, without that of validation. The rate is constant after a
warm-up, so that no row is at an advantage for knowing when it ends. Validation is on the viewers of
some stretches of eight seconds.

python benchmarks/grouping.py SHARED, where SHARED holds data/ and benchmarks/.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from rich.console import Console
from sharing import BATCH, batches, load
from torch import Tensor

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.splits import SplitFile
from vpnet.dataset.window import ViewportWindow
from vpnet.dataset.windows import WindowDataset
from vpnet.geometry.directions import great_circle_distance
from vpnet.models.star_vp import StarVP
from vpnet.readers.parquet import read_parquet
from vpnet.runtime.device import cpu_has_bfloat16
from vpnet.saliency.fitted_sources import Behavioural
from vpnet.text_table import TextTable
from vpnet.training.loss import forecast_loss

GROUP_SIZES = (16, 32, 64, 128)
PROTOCOLS = {"david": ("david_mmsys18", 4), "wu_exp1": ("wu_mmsys17", 20)}
"""The recordings of a protocol, and of how many stretches of validation one is taken."""
WARM_UP_BATCHES = 30
STRETCH = 8
"""Moments of a stretch of validation."""


def main() -> None:
    """Train, measure and print."""
    arguments = argparse.ArgumentParser(
        description="Which grouping lowers star_vp's error soonest."
    )
    arguments.add_argument("shared", type=Path, help="holds data/ and benchmarks/")
    arguments.add_argument("--protocol", choices=PROTOCOLS, default="david")
    arguments.add_argument("--seconds", type=float, default=75.0, help="between validations")
    arguments.add_argument("--validations", type=int, default=4)
    arguments.add_argument("--rate", type=float, default=1e-3)
    arguments.add_argument("--bf16", action="store_true")
    asked = arguments.parse_args()
    if asked.bf16 and not cpu_has_bfloat16():
        arguments.error("--bf16: this processor does not compute in bfloat16")
    name, every = PROTOCOLS[asked.protocol]
    recordings = list(read_parquet(asked.shared / "data" / f"{name}.parquet"))
    split = SplitFile(asked.shared / "benchmarks" / f"{asked.protocol}.json")
    rows = []
    for group_size in GROUP_SIZES:
        data = load(recordings, split, Behavioural(folds=2), group_size)
        held_out = validation(data, every)
        static = held_out_error(lambda window: window.history_directions[:, -1:], held_out)
        errors, windows = [], 0
        for error, windows in curve(data, held_out, asked):  # noqa: B007 (the last is wanted)
            errors.append(f"{error:.4f}")
            print(f"groups of {group_size}: {windows} windows, {error:.4f}", flush=True)
        rows.append((str(group_size), str(windows), *errors, f"{static:.4f}"))
    stops = [f"{asked.seconds * (i + 1):.0f} s" for i in range(asked.validations)]
    precision = "bf16" if asked.bf16 else "float32"
    table = TextTable(
        f"star_vp on {asked.protocol}, validation error over 2-5 s in rad, batch {BATCH}, "
        f"lr {asked.rate:g}, {precision}, {torch.get_num_threads()} CPU threads, "
        f"torch {torch.__version__}",
        ("group size", "windows trained", *stops, "static"),
        (tuple(rows),),
    )
    Console(width=120).print(table.to_rich())


def curve(
    data: ViewportDataModule, held_out: list[ViewportWindow], asked: argparse.Namespace
) -> Iterator[tuple[float, int]]:
    """Validation error and windows trained, after each stretch of training."""
    torch.manual_seed(0)
    model = StarVP(data.spec, velocity=True, dropout=0.0)
    loss = forecast_loss(data.task)
    optimizer = torch.optim.AdamW(model.parameters(), asked.rate)
    warm_up = torch.optim.lr_scheduler.LinearLR(optimizer, 0.03, total_iters=WARM_UP_BATCHES)
    windows, spent_s, validations = 0, 0.0, 0
    for loading_s, batch in batches(data):
        began = time.perf_counter()
        model.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=asked.bf16):
            predicted = model.training_output(batch).directions
        loss(predicted.float(), batch).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        warm_up.step()
        windows += len(batch.user_index)
        spent_s += loading_s + time.perf_counter() - began
        if spent_s >= asked.seconds * (validations + 1):
            validations += 1
            yield held_out_error(model.eval(), held_out), windows
            if validations == asked.validations:
                return


def validation(data: ViewportDataModule, every: int) -> list[ViewportWindow]:
    """Some stretches of the validation part, a batch each."""
    windows = data.val_windows
    order = windows.by_moment()
    bare = WindowDataset(data.samples, windows.anchors, data.spec, windows.user_index)
    step = bare[order.tolist()].anchor_step
    moment = (step.diff(prepend=step[:1]) != 0).cumsum(0)
    stretch = moment // STRETCH
    return [windows[order[stretch == number].tolist()] for number in stretch.unique()[::every]]


def held_out_error(model, held_out: list[ViewportWindow]) -> float:
    """Mean error over the known steps of 2-5 s, in radians."""
    errors: list[Tensor] = []
    with torch.no_grad():
        for window in held_out:
            distance = great_circle_distance(model(window), window.future_directions)
            errors.append(distance[:, 10:][window.future_valid[:, 10:]])
    return float(torch.cat(errors).mean())


if __name__ == "__main__":
    main()
