"""Checks of a Quest Pro's eye table besides the gaze: pupil, openness, blinks, confidence."""

import polars as pl
import torch

from vpnet.quality.checks.played_rows import columns, lines_of, matched
from vpnet.quality.checks.runs import runs_where
from vpnet.quest_pro.streams import BLINK_COLUMNS, BLINK_THRESHOLD
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.recordings.findings import Finding, Rule, Severity
from vpnet.recordings.fixations import GAP_LIMIT_S

PUPIL_COLUMNS = ("LeftPupilDiam_NA", "RightPupilDiam_NA", "LeftPupilDiam", "RightPupilDiam")
OPENNESS_COLUMNS = ("LeftOpenness", "RightOpenness")
CONFIDENCE_COLUMNS = ("LeftConfidence", "RightConfidence")

SAME_SHARE = 0.99
SAME = 0.002
"""Openness this near to the confidence, in nearly all rows, is the confidence."""

OPENNESS_TOLERANCE = 0.05
"""Openness is the sum of three weights; files are rounded to two decimals."""

OPENNESS_SHARE = 0.05

BLINKLESS_S = 60.0
"""People blink 5 to 30 times a minute, and less when they watch closely; not never."""

BLINKS_PER_MIN = 60.0
"""More than one a second is a lid that the tracker loses."""

BLINKS_FROM_S = 20.0
"""In a shorter time a few blinks in a row make a high rate."""

LOW_CONFIDENCE = 0.5
LOW_SHARE = 0.1

PUPIL_NOT_MEASURED = Rule(
    "pupil_not_measured",
    Severity.NOTE,
    "The pupil was not measured",
    meaning="A Quest Pro measures no pupil; the columns are there but hold -1 or 0. vpnet never "
    "reads them.",
    remedy="never use these columns as a feature",
)
OPENNESS_IS_CONFIDENCE = Rule(
    "openness_is_confidence",
    Severity.NOTE,
    "Openness is really the confidence",
    meaning="The columns repeat how sure the eye tracker was and say nothing of the lids. vpnet "
    "never reads them.",
    remedy="take 1 - Eyes_Closed of face.csv for openness",
)
OPENNESS_INCONSISTENT = Rule(
    "openness_inconsistent",
    Severity.NOTE,
    "Openness does not follow from the face's weights",
    meaning="It should be 1 - (Eyes_Closed + the lesser Eyes_Look_Down); eye and face may be "
    "shifted in time against each other, or come from two recordings.",
    remedy="check that eye.csv and face.csv belong together",
)
BLINK_RATE = Rule(
    "blink_rate",
    Severity.WARNING,
    "The rate of blinks is not a person's",
    meaning="Either blinks were not detected, and gaze measured through closed lids counts, or "
    "lost tracking is taken for blinks.",
    remedy="look at the eye's columns; use the gaze of this recording with care",
)
CONFIDENCE_LOW = Rule(
    "confidence_low",
    Severity.WARNING,
    "The eye tracker was unsure",
    meaning="Gaze counts as measured wherever the confidence is above 0; here it is often poor.",
    remedy="refit the headset and calibrate; use the gaze of this recording with care",
)
RULES = (
    PUPIL_NOT_MEASURED,
    OPENNESS_IS_CONFIDENCE,
    OPENNESS_INCONSISTENT,
    BLINK_RATE,
    CONFIDENCE_LOW,
)


def check_eye(
    eye: pl.DataFrame, face: pl.DataFrame | None, played: pl.DataFrame, file: str
) -> tuple[list[Finding], dict[str, float]]:
    """Pupil, openness, confidence and blinks.

    Args:
        eye: The eye table.
        face: The face table, its weights named; None where there is none.
        played: The result of `vpnet.quality.checks.played_rows.played_rows`.
        file: The eye table's file, for messages.
    """
    rows = matched(eye, played)
    if rows.is_empty():
        return [], {}
    blinks, measurements = _check_blinks(rows, file)
    findings = [
        *_check_pupil(rows, file),
        *_check_openness(rows, face, file),
        *_check_confidence(rows, file),
        *blinks,
    ]
    return findings, measurements


def _check_pupil(rows: pl.DataFrame, file: str) -> list[Finding]:
    names = [name for name in PUPIL_COLUMNS if name in rows.columns]
    if not names:
        return []
    diameters = columns(rows, names)
    if ((diameters > 0) & diameters.isfinite()).any():
        return []
    return [
        PUPIL_NOT_MEASURED.broken(
            f"a pupil's diameter is above 0, found {diameters.nan_to_num(0).min():g} to "
            f"{diameters.nan_to_num(0).max():g} in all {len(rows)} rows of {' and '.join(names)}",
            file=file,
        )
    ]


def _check_openness(rows: pl.DataFrame, face: pl.DataFrame | None, file: str) -> list[Finding]:
    if not set(OPENNESS_COLUMNS) <= set(rows.columns):
        return []
    difference = columns(rows, OPENNESS_COLUMNS) - columns(rows, CONFIDENCE_COLUMNS)
    same_share = float((difference.abs() <= SAME).all(dim=-1).double().mean())
    if same_share >= SAME_SHARE:
        return [
            OPENNESS_IS_CONFIDENCE.broken(
                f"openness must follow the lids, found it equal to the confidence in "
                f"{same_share:.0%} of the rows",
                file=file,
            )
        ]
    # Layout v1 has no blinks, and never says how it came by its openness.
    if face is None or not set(BLINK_COLUMNS) <= set(rows.columns):
        return []
    lids = [f"Eyes_{lid}_{side}" for lid in ("Closed", "Look_Down") for side in "LR"]
    known = (pl.col("FaceIsValid") > 0) & pl.any_horizontal(pl.col(FACE_WEIGHTS) != 0)
    lids_of_row = face.filter(known).select("Timestamp", *lids).unique("Timestamp", keep="first")
    if lids_of_row["Timestamp"].dtype != rows["Timestamp"].dtype:
        return []
    both = rows.join(lids_of_row, on="Timestamp", maintain_order="left")
    closed, look_down = columns(both, lids).split(2, dim=-1)
    expected = (1 - closed - look_down.amin(dim=-1, keepdim=True)).clamp(0, 1)
    differs = (columns(both, OPENNESS_COLUMNS) - expected).abs().amax(-1) > OPENNESS_TOLERANCE
    if not len(both) or float(differs.double().mean()) <= OPENNESS_SHARE:
        return []
    return [
        OPENNESS_INCONSISTENT.broken(
            f"openness must be 1 - (Eyes_Closed + the lesser Eyes_Look_Down) within "
            f"{OPENNESS_TOLERANCE:g}, found another value in {differs.double().mean():.0%} of the "
            "rows",
            file=file,
            lines=lines_of(both, differs),
            rows=int(differs.sum()),
        )
    ]


def _check_confidence(rows: pl.DataFrame, file: str) -> list[Finding]:
    confidence = columns(rows, CONFIDENCE_COLUMNS)
    low = ((confidence > 0) & (confidence < LOW_CONFIDENCE)).any(dim=-1)
    share = float(low.double().mean())
    if share <= LOW_SHARE:
        return []
    return [
        CONFIDENCE_LOW.broken(
            f"the confidence of either eye must be at least {LOW_CONFIDENCE:g} where it is not 0, "
            f"found it lower in {share:.0%} of the rows",
            file=file,
            lines=lines_of(rows, low),
            rows=int(low.sum()),
        )
    ]


def _check_blinks(rows: pl.DataFrame, file: str) -> tuple[list[Finding], dict[str, float]]:
    """Blinks by the lids, of layout v2; layout v1 does not mark them."""
    if not set(BLINK_COLUMNS) <= set(rows.columns) or rows["elapsed_s"].null_count():
        return [], {}
    steps_s = columns(rows, ("elapsed_s",))[:, 0].diff(append=torch.full((1,), torch.inf))
    tracked = (columns(rows, CONFIDENCE_COLUMNS) > 0).all(dim=-1)
    closed = columns(rows, BLINK_COLUMNS).mean(dim=-1) > BLINK_THRESHOLD
    # Lids cover the eyes: the tracker may well lose them in a blink.
    watched_s = float(steps_s[(tracked | closed) & (steps_s > 0) & (steps_s <= GAP_LIMIT_S)].sum())
    if watched_s <= 0:
        return [], {}
    blinks = len(runs_where(closed))
    per_min = 60 * blinks / watched_s
    measurements = {"blinks_per_min": per_min}
    never = blinks == 0 and watched_s > BLINKLESS_S
    if not never and not (per_min > BLINKS_PER_MIN and watched_s >= BLINKS_FROM_S):
        return [], measurements
    finding = BLINK_RATE.broken(
        f"people blink now and then, and less than {BLINKS_PER_MIN:g} times a minute, found "
        f"{blinks} blinks in {watched_s:.0f} s",
        file=file,
    )
    return [finding], measurements
