"""Offsets and fixations that the headset derived itself, to reproduce earlier work.

They are off by default: combined.csv subtracts pitches of opposite sign, and the recorded fixations
compare rows that hold one measurement (docs/CONVENTIONS.md, defects 1 and 3).
"""

from dataclasses import dataclass

import polars as pl
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.directions import yaw_and_elevation
from vpnet.quest_pro.files import RawTables
from vpnet.quest_pro.tables import FIXATION_COLUMNS, OFFSET_COLUMNS, matrix
from vpnet.recordings.findings import RULES, Finding
from vpnet.settings import checked

MIXED_SIGN_FROM_DEG = 1.0
"""A median difference that rounding does not explain."""


@checked
@dataclass(frozen=True)
class HeadsetColumns:
    """Which of the headset's own columns are used in place of what is recomputed.

    Args:
        use_timestamp_as_playback: Whether a recording whose PlaybackTime is 0 throughout, which is
            otherwise refused, takes the time since its first row. Others are read as ever.
        recorded_offsets: Whether the eye-in-head offsets that the headset wrote (combined.csv) are
            used in place of recomputed ones: only to reproduce earlier work, they are wrong
            whenever the head is not level.
        recorded_fixations: Whether the fixations that the headset wrote (eye.csv) are used in
            place of recomputed ones: only to reproduce earlier work, they count held rows as
            fixations.
    """

    use_timestamp_as_playback: bool = False
    recorded_offsets: bool = False
    recorded_fixations: bool = False


def with_recorded_offsets(
    streams: dict[str, Tensor],
    viewport_center: Tensor,
    tables: RawTables,
    matched: pl.Series | None,
    mirror: bool,
    findings: list[Finding],
) -> dict[str, Tensor]:
    """Gaze streams whose offset is the recorded one where gaze is valid and a row was recorded.

    Direction and mask stay as they are: they follow from the true offset.

    Args:
        streams: The result of `vpnet.recordings.gaze.gaze_streams`.
        viewport_center: Where the head points, unit vectors, shape ``(samples, 3)``.
        tables: The tables, of which the combined one is read.
        matched: Its row for each sample, null where there is none; None where it has no rows for
            this recording.
        mirror: Whether left and right are exchanged.
        findings: Offsets that mix signs are added here.

    Raises:
        InputError: The table or one of the columns is missing.
    """
    combined, file = tables.combined, tables.files.name_of("combined")
    if combined is None or matched is None:
        raise InputError(
            f"{file}: recorded_offsets=true takes the offsets from combined.csv, found no such "
            "file of this recording; put it there or set recorded_offsets=false"
        )
    recorded_deg = _columns(combined, OFFSET_COLUMNS, matched, file, "recorded_offsets")
    _check_signs(recorded_deg[:, 1], streams, viewport_center, file, findings)
    if mirror:
        recorded_deg = recorded_deg * recorded_deg.new_tensor((-1.0, 1.0, 1.0))
    known = streams["gaze_valid"] & recorded_deg.isfinite().all(dim=-1)
    offset_deg = torch.where(known.unsqueeze(-1), recorded_deg, streams["gaze_offset_deg"])
    return streams | {"gaze_offset_deg": offset_deg}


def with_recorded_fixations(
    streams: dict[str, Tensor], eye: pl.DataFrame, matched: pl.Series, file: str
) -> dict[str, Tensor]:
    """Gaze streams with the headset's own fixations, where gaze is valid.

    Args:
        streams: The result of `vpnet.recordings.gaze.gaze_streams`.
        eye: The eye table.
        matched: Its row for each sample, null where there is none.
        file: The eye table's file, for messages.

    Raises:
        InputError: One of the columns is missing.
    """
    recorded = _columns(eye, FIXATION_COLUMNS, matched, file, "recorded_fixations")
    flag, duration_ms = recorded.unbind(dim=-1)
    is_fixating = streams["gaze_valid"] & (flag > 0)
    known = is_fixating & (duration_ms > 0)
    duration_s = torch.where(known, duration_ms / 1000, 0.0)
    return streams | {"is_fixating": is_fixating, "fixation_duration_s": duration_s}


def _check_signs(
    vertical_deg: Tensor,
    streams: dict[str, Tensor],
    viewport_center: Tensor,
    file: str,
    findings: list[Finding],
) -> None:
    valid = streams["gaze_valid"] & vertical_deg.isfinite()
    if not valid.any():
        return
    gaze_deg, head_deg = (
        torch.rad2deg(yaw_and_elevation(direction[valid])[1])
        for direction in (streams["gaze_direction"], viewport_center)
    )
    consistent_deg, mixed_deg = (
        float((vertical_deg[valid] - expected).abs().median())
        for expected in (gaze_deg - head_deg, gaze_deg + head_deg)
    )
    if mixed_deg < consistent_deg - MIXED_SIGN_FROM_DEG:
        findings.append(
            RULES["recorded_offsets_mixed_sign"].broken(
                f"GazeRelativeV must be the gaze's elevation minus the head's, found it "
                f"{consistent_deg:.1f} degrees (median) from that, and {mixed_deg:.1f} from their "
                "sum",
                file=file,
                rows=int(valid.sum()),
            )
        )


def _columns(
    table: pl.DataFrame, names: tuple[str, ...], matched: pl.Series, file: str, setting: str
) -> Tensor:
    """Values for each sample, NaN where there are none, shape ``(samples, columns)``."""
    absent = [name for name in names if name not in table.columns]
    if absent:
        raise InputError(
            f"{file}: {setting}=true needs the columns {', '.join(names)}, found no "
            f"{', '.join(absent)}; set {setting}=false"
        )
    return matrix(table.select(pl.col(*names).gather(matched)), names, missing=float("nan"))
