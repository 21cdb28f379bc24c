"""A valid Quest Pro recording, small and hand-made, which tests damage one defect at a time."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.spatial.transform import Rotation

from vpnet.recordings.face import FACE_WEIGHTS

RATE_HZ = 72.0
ROWS_BEFORE = 10
ROWS = 82
"""Rows 0-9 lie before playback; row 10 shows the first frame, row 81 is at 71/72 s."""

YAW_DEG = np.linspace(0.0, 20.0, ROWS)
ELEVATION_DEG = -20.0
ROLL_DEG = 5.0


@pytest.fixture
def quest_pro_tables() -> dict[str, pl.DataFrame]:
    """Head turning right, 20 degrees down; gaze 6 degrees right of it, held for two rows."""
    row = np.arange(ROWS)
    playing = row >= ROWS_BEFORE
    playback_s = np.where(playing, (row - ROWS_BEFORE) / RATE_HZ, 0.0)
    clock = {
        "Timestamp": 400.0 + row / RATE_HZ,
        "PlaybackTime": playback_s,
        "VideoFrame": np.where(playing, np.floor(playback_s * 30), -1).astype(int),
    }
    # Unity turns about y (yaw), then x (pitch, positive down), then z.
    angles_deg = np.stack((YAW_DEG, np.full(ROWS, -ELEVATION_DEG), np.full(ROWS, ROLL_DEG)), axis=1)
    quaternion_xyzw = Rotation.from_euler("YXZ", angles_deg, degrees=True).as_quat()
    gaze_yaw_rad = np.deg2rad(YAW_DEG[row // 2 * 2] + 6.0)
    elevation_rad = np.deg2rad(ELEVATION_DEG)
    gaze = np.stack(
        (
            np.cos(elevation_rad) * np.sin(gaze_yaw_rad),
            np.full(ROWS, np.sin(elevation_rad)),
            np.cos(elevation_rad) * np.cos(gaze_yaw_rad),
        )
    )
    head = clock | {f"UnitQuaternion.{a}": quaternion_xyzw[:, i] for i, a in enumerate("xyzw")}
    head |= {"EulerYaw": YAW_DEG, "EulerPitch": np.full(ROWS, -ELEVATION_DEG)}
    eye = clock | {f"GazeDir.{axis}": gaze[i] for i, axis in enumerate("xyz")}
    eye |= {name: np.full(ROWS, 0.05) for name in ("BlinkL", "BlinkR")}
    eye |= {name: np.full(ROWS, 0.998) for name in ("LeftConfidence", "RightConfidence")}
    eye |= {"IsFixating": np.ones(ROWS), "BothEyesValid": np.ones(ROWS, dtype=int)}
    weights = {name: np.full(ROWS, number / 100) for number, name in enumerate(FACE_WEIGHTS)}
    face = clock | {"FaceIsValid": np.ones(ROWS, dtype=int)} | weights
    return {"head": pl.DataFrame(head), "eye": pl.DataFrame(eye), "face": pl.DataFrame(face)}


@pytest.fixture
def write_quest_pro(tmp_path: Path) -> Callable[..., Path]:
    """Function that writes tables as ``tmp_path/P1/video_01/<name>.csv`` and gives the folder."""

    def write(tables: dict[str, pl.DataFrame], name: str = "P1/video_01") -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for table_name, table in tables.items():
            table.write_csv(folder / f"{table_name}.csv")
        return folder

    return write


@pytest.fixture
def replace_values() -> Callable[..., pl.DataFrame]:
    """Function that sets some rows of one column."""

    def replace(table: pl.DataFrame, column: str, rows: slice, value: float) -> pl.DataFrame:
        values = table[column].to_numpy().astype(float)
        values[rows] = value
        return table.with_columns(pl.Series(column, values))

    return replace
