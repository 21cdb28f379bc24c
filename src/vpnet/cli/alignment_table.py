"""What `vpnet align` prints: the table of an alignment, and what the user should do."""

import math
from collections.abc import Mapping

from vpnet.alignment.alignment import Alignment, counted
from vpnet.alignment.offset_peak import CONFIDENCE, OffsetPeak
from vpnet.evaluation.text_table import TextTable

COLUMNS = (
    "",
    "offset (degrees)",
    f"{CONFIDENCE:.0%} interval",
    "mirror",
    "NSS",
    "next peak",
    "agree",
    "",
)


def alignment_table(alignment: Alignment, *, by_user: bool) -> TextTable:
    """The best alignment of all recordings, of each video and, if asked for, of each viewer.

    Args:
        alignment: From `vpnet.alignment.alignment.find_alignment`.
        by_user: Whether viewers are shown.
    """
    whole = () if alignment.best is None else (_row("all", alignment.best, ""),)
    groups = [alignment.per_video, alignment.per_user] if by_user else [alignment.per_video]
    people = counted(alignment.users, "person", "people")
    return TextTable(
        title=f"Alignment of {people} and {counted(alignment.videos, 'video')}",
        columns=COLUMNS,
        sections=(whole, *(_rows(alignment, peaks) for peaks in groups)),
        footnotes=(
            "NSS: normalised scanpath saliency, 0 by chance. next peak: the best alignment with "
            "the other mirror or another offset.",
            "agree: share of resampled viewers and videos that give this mirror and offset, within "
            "5 degrees.",
        ),
    )


def conclusions(alignment: Alignment, *, is_itself: bool) -> list[str]:
    """What the user should do, line by line.

    Args:
        alignment: From `vpnet.alignment.alignment.find_alignment`.
        is_itself: Whether the recordings were compared with themselves, which says nothing about
            all of them together.
    """
    lines = []
    for kind, peaks in (("videos", alignment.per_video), ("viewers", alignment.per_user)):
        names = alignment.deviating(peaks)
        if names:
            lines.append(f"{kind} that clearly want another alignment: {', '.join(names)}")
    if is_itself:
        if alignment.doubts:
            lines.append(f"the data do not tell who differs: {'; '.join(alignment.doubts)}")
        elif not lines:
            lines.append("no video and no viewer clearly differs from the others")
        lines.append(
            "compared with themselves: whether all recordings are turned alike does not show; give "
            "--saliency or other recordings for that"
        )
    elif alignment.best is None or alignment.doubts:
        lines.append(f"the data do not tell the alignment: {'; '.join(alignment.doubts)}")
    else:
        lines.append("for the data set's configuration, or on the command line:")
        lines.append(
            f"data.video_yaw_offset_deg={alignment.best.offset_deg:.1f} "
            f"data.mirror={str(alignment.best.mirror).lower()}"
        )
    return lines


def _rows(alignment: Alignment, peaks: Mapping[str, OffsetPeak]) -> tuple[tuple[str, ...], ...]:
    deviating = set(alignment.deviating(peaks))
    return tuple(
        _row(name, peak, "differs" if name in deviating else "" if peak.clear else "unclear")
        for name, peak in peaks.items()
    )


def _row(name: str, peak: OffsetPeak, remark: str) -> tuple[str, ...]:
    is_known = not math.isnan(peak.share)
    return (
        name,
        f"{peak.offset_deg:+.1f}",
        f"[{peak.low_deg:.1f}, {peak.high_deg:.1f}]" if not math.isnan(peak.low_deg) else "-",
        "yes" if peak.mirror else "no",
        f"{peak.nss:.2f}",
        f"{peak.runner_up_nss:.2f}",
        f"{peak.share:.0%}" if is_known else "-",
        remark,
    )
