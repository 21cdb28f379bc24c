"""Predicted directions as a table, the same for a run's test windows and for `predict.py`."""

from collections.abc import Sequence

import polars as pl
import torch
from torch import Tensor

from vpnet.geometry.directions import yaw_and_elevation

KEYS = ("user", "video", "anchor_s", "horizon_s")
"""One window at one horizon; ``anchor_s`` is the playback time of its anchor."""


def prediction_table(
    directions: Tensor,
    kept: Tensor,
    *,
    recording_index: Tensor,
    anchor_step: Tensor,
    recording_users: Sequence[str],
    recording_videos: Sequence[str],
    horizons_s: Sequence[float],
    sampling_rate_hz: float,
) -> pl.DataFrame:
    """One row per window and horizon, windows first.

    Args:
        directions: Predicted viewport centers, ``(windows, horizons, 3)``.
        kept: Which of them have a row, ``(windows, horizons)``.
        recording_index: Recording of each window, ``(windows,)``.
        anchor_step: Playback time of each anchor in steps, ``(windows,)``.
        recording_users: User of each recording.
        recording_videos: Video of each recording.
        horizons_s: Horizons of the columns.
        sampling_rate_hz: Clock of the anchors.

    Returns:
        Columns user, video, anchor_s, horizon_s, yaw_deg, elevation_deg and the unit vector x, y, z
        in the world frame.
    """
    window, column = torch.nonzero(kept, as_tuple=True)
    recording = recording_index[window].numpy()
    # Rounded, so that one moment is one key on clocks of any rate.
    anchors_s = (anchor_step[window].double() / sampling_rate_hz).round(decimals=6)
    rows_s = torch.tensor(tuple(horizons_s), dtype=torch.float64).round(decimals=6)
    rows = directions[window, column]
    yaw_rad, elevation_rad = yaw_and_elevation(rows.double())
    x, y, z = rows.float().unbind(dim=-1)
    columns = {
        "anchor_s": anchors_s,
        "horizon_s": rows_s[column],
        "yaw_deg": torch.rad2deg(yaw_rad),
        "elevation_deg": torch.rad2deg(elevation_rad),
        "x": x,
        "y": y,
        "z": z,
    }
    return pl.DataFrame(
        {
            "user": pl.Series(list(recording_users), dtype=pl.String).gather(recording),
            "video": pl.Series(list(recording_videos), dtype=pl.String).gather(recording),
            **{name: part.numpy() for name, part in columns.items()},
        }
    )
