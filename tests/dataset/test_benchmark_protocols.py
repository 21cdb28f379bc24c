"""The published protocols give the published numbers, which were computed independently."""

import functools
import json
import math
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from omegaconf import OmegaConf

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.splits import SplitFile
from vpnet.dataset.task import Task
from vpnet.geometry.directions import great_circle_distance
from vpnet.models.baselines import ConstantVelocity, Static
from vpnet.models.forecaster import Forecaster
from vpnet.readers.parquet import read_parquet
from vpnet.recordings.recording import Recording

TASK = Path(__file__).resolve().parents[2] / "conf" / "task" / "long_term.yaml"
TOLERANCE_DEG = 0.05


class Reference(NamedTuple):
    """Test part of a protocol: errors in degrees by horizon in s, and the mean over 2-5 s."""

    windows: int
    users: int
    static_deg: dict[float, float]
    static_range_deg: float
    velocity_deg: dict[float, float] = {}
    velocity_range_deg: float | None = None


HORIZONS_S = (0.2, 1.0, 2.0, 3.0, 4.0, 5.0)
REFERENCES = {
    "wu_exp1": Reference(
        20056,
        8,
        dict(zip(HORIZONS_S, (3.81, 16.58, 27.59, 34.93, 39.87, 43.60), strict=True)),
        37.47,
        {0.2: 2.29, 1.0: 17.88},
        53.65,
    ),
    "david": Reference(
        1539,
        9,
        dict(zip(HORIZONS_S, (7.24, 31.98, 53.61, 67.24, 74.94, 78.83), strict=True)),
        70.92,
    ),
    "xu_new_user_new_video": Reference(
        4686,
        10,
        dict(zip(HORIZONS_S, (6.19, 25.72, 40.40, 48.20, 52.18, 55.09), strict=True)),
        50.11,
        {0.2: 3.74, 1.0: 28.65},
        66.24,
    ),
    "xu_known_user_new_video": Reference(
        24211,
        45,
        dict(zip(HORIZONS_S, (5.84, 24.63, 39.55, 48.14, 53.14, 56.34), strict=True)),
        50.56,
    ),
    "xu_new_user_known_video": Reference(
        26844,
        10,
        dict(zip(HORIZONS_S, (5.89, 24.90, 39.33, 47.23, 51.68, 54.45), strict=True)),
        49.32,
    ),
}


@functools.lru_cache(maxsize=1)
def read_dataset(path: Path) -> list[Recording]:
    return read_parquet(path)


def errors_deg(model: Forecaster, data: ViewportDataModule) -> dict[float, float]:
    """Mean over windows at each horizon in s."""
    errors = []
    for window in data.test_dataloader():
        assert window.future_valid.all()
        errors.append(great_circle_distance(model(window), window.future_directions))
    mean_deg = torch.rad2deg(torch.cat(errors).double().mean(dim=0))
    return dict(zip(data.task.horizons_s, mean_deg.tolist(), strict=True))


@pytest.mark.parametrize(
    "name",
    [
        "david",
        *(pytest.param(name, marks=pytest.mark.slow) for name in REFERENCES if name != "david"),
    ],
)
def test_baselines_give_the_published_errors(name, shared):
    path = shared / "benchmarks" / f"{name}.json"
    task = OmegaConf.to_container(OmegaConf.load(TASK))
    assert isinstance(task, dict)
    data = ViewportDataModule(
        read_dataset(shared / "data" / f"{json.loads(path.read_text())['dataset']}.parquet"),
        SplitFile(path),
        Task(**{str(key): value for key, value in task.items()}),
        skip_short=True,
    )
    reference = REFERENCES[name]
    test_users = {data.samples.user_ids[i] for i in data.partition.test}
    assert (len(data.test_windows), len(test_users)) == (reference.windows, reference.users)
    for model, expected_deg, expected_range_deg in (
        (Static(data.spec), reference.static_deg, reference.static_range_deg),
        (ConstantVelocity(data.spec), reference.velocity_deg, reference.velocity_range_deg),
    ):
        found_deg = errors_deg(model, data)
        for horizon_s, error_deg in expected_deg.items():
            assert found_deg[horizon_s] == pytest.approx(error_deg, abs=TOLERANCE_DEG)
        if expected_range_deg is not None:
            # The field's "2-5 s" are the last 15 of the 25 steps.
            range_deg = sum(list(found_deg.values())[-15:]) / 15
            assert range_deg == pytest.approx(expected_range_deg, abs=TOLERANCE_DEG)


def test_the_protocol_of_track_gives_its_static_errors(shared):
    """Mean over 0 to t in radians, an anchor at every step, as the table of that split has it."""
    task = OmegaConf.to_container(OmegaConf.load(TASK))
    assert isinstance(task, dict)
    values = {str(key): value for key, value in task.items()} | {"anchor_stride_s": 0.2}
    data = ViewportDataModule(
        read_dataset(shared / "data" / "david_mmsys18.parquet"),
        SplitFile(shared / "benchmarks" / "david_track.json"),
        Task(**values),
        skip_short=True,
    )
    assert len(data.test_windows) == 6525
    assert len({data.samples.user_ids[i] for i in data.partition.test}) == 29
    found_rad = [math.radians(error) for error in errors_deg(Static(data.spec), data).values()]
    means_rad = [sum(found_rad[: 5 * t_s]) / (5 * t_s) for t_s in (1, 2, 3, 4, 5)]
    assert means_rad == pytest.approx([0.321, 0.520, 0.671, 0.788, 0.878], abs=5e-4)


def test_every_protocol_has_its_reference(shared):
    tested = {*REFERENCES, "david_track"}
    assert {path.stem for path in (shared / "benchmarks").glob("*.json")} == tested
