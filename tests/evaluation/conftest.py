"""Simulated evaluations: random directions with known users, masks and anchors."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
import yaml
from torch import Tensor

from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.evaluation.finished_runs import PROMISED
from vpnet.geometry.directions import normalize


@pytest.fixture
def random_directions() -> Callable[..., Tensor]:
    """Uniform directions of any shape, the same for the same seed."""

    def make(*shape: int, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return normalize(torch.randn(*shape, 3, generator=generator, dtype=torch.float64))

    return make


@pytest.fixture
def make_evaluated(random_directions) -> Callable[..., EvaluatedWindows]:
    """Windows of several recordings with independent random predictions and truth.

    Recording r has ``windows_of[r]`` windows, whose anchors are 30, 35, 40, ... steps.
    """

    def make(windows_of: tuple[int, ...], horizon: int, seed: int = 0) -> EvaluatedWindows:
        windows = sum(windows_of)
        recordings = [r for r, count in enumerate(windows_of) for _ in range(count)]
        anchors = [30 + 5 * k for count in windows_of for k in range(count)]
        return EvaluatedWindows(
            predicted=random_directions(windows, horizon, seed=2 * seed),
            future=random_directions(windows, horizon, seed=2 * seed + 1),
            valid=torch.ones(windows, horizon, dtype=torch.bool),
            recording_index=torch.tensor(recordings),
            anchor_step=torch.tensor(anchors),
        )

    return make


@pytest.fixture
def leave_ablation_run(tmp_path) -> Callable[..., Path]:
    """Function that leaves the folder of one run of the ablation ``tmp_path/sweep``.

    The errors are by user and window, each a pair: at 0.2 s and at 1 s, the only two steps. Those
    of static are 10 degrees everywhere.
    """

    def summary(errors: dict[str, list[tuple[float, float]]]) -> dict[str, Any]:
        windows = sum(map(len, errors.values()))
        means = {user: np.mean(pairs, axis=0).tolist() for user, pairs in errors.items()}
        return {
            "window_count": windows,
            "user_count": len(errors),
            "horizons": [{"horizon_s": s, "window_count": windows} for s in (0.2, 1.0)],
            "ranges": {"0.2-1 s": {"window_count": windows}},
            "users": {
                user: {"mean_deg": mean, "range_mean_deg": {"0.2-1 s": float(np.mean(mean))}}
                for user, mean in means.items()
            },
        }

    def leave(
        row: str,
        seed: int,
        errors: dict[str, list[tuple[float, float]]],
        *,
        rows: str = "full,less",
        is_finished: bool = True,
        absent_streams: tuple[str, ...] = (),
        **settings: Any,
    ) -> Path:
        run = tmp_path / "sweep" / row / f"seed_{seed}"
        run.mkdir(parents=True)
        config = {"ablation": {"rows": rows, "row": f"label of {row}"}, "seed": seed, "lr": 0.1}
        config["model"] = {"variant": row}
        (run / "config.yaml").write_text(yaml.safe_dump(config | settings))
        if not is_finished:
            return run
        table = [
            (user, "lake", float(anchor), horizon_s, False, error)
            for user, pairs in errors.items()
            for anchor, pair in enumerate(pairs)
            for horizon_s, error in zip((0.2, 1.0), pair, strict=True)
        ]
        columns = ["user", "video", "anchor_s", "horizon_s", "interpolated", "error_deg"]
        pl.DataFrame(table, schema=columns, orient="row").write_parquet(run / "errors.parquet")
        still = {user: [(10.0, 10.0)] * len(pairs) for user, pairs in errors.items()}
        models = {"own": summary(errors), "static": summary(still)}
        metrics = {"task": "t", "absent_streams": absent_streams, "models": models}
        (run / "metrics.json").write_text(json.dumps(metrics))
        for file in PROMISED:
            (run / file).touch()
        return run

    return leave
