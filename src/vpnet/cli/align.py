"""`vpnet align`: which turn and mirror of the recordings fit the videos."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vpnet.cli.check import Accept, Layout, UseTimestampAsPlayback, VideosCsv
from vpnet.errors import InputError

if TYPE_CHECKING:
    from vpnet.alignment.alignment import Alignment, OffsetPeak
    from vpnet.text_table import TextTable


def align(
    root: Annotated[Path, typer.Argument(help="Recordings, as the headset wrote them.")],
    saliency: Annotated[
        Path | None, typer.Option(help="Folder of maps: <video>.npy and saliency.json.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            help="Other recordings of the same videos, known to be aligned; ROOT itself to find "
            "people who differ from the others. Read as it is, unless the next two options say how "
            "it was turned."
        ),
    ] = None,
    against_yaw_offset_deg: Annotated[
        float,
        typer.Option(help="Of --against: its video_yaw_offset_deg, as found before."),
    ] = 0.0,
    against_mirror: Annotated[
        bool, typer.Option("--against-mirror", help="Of --against: its data.mirror is true.")
    ] = False,
    by_user: Annotated[bool, typer.Option(help="A line for each viewer as well.")] = False,
    rate_hz: Annotated[float, typer.Option(help="Moments per second that are compared.")] = 5.0,
    exclude: Annotated[
        Path | None,
        typer.Option(help="File of recordings to leave out, as vpnet check --exclude writes it."),
    ] = None,
    accept: Accept = None,
    layout: Layout = None,
    against_layout: Annotated[
        str | None, typer.Option(help="What reads --against, likewise.")
    ] = None,
    use_timestamp_as_playback: UseTimestampAsPlayback = False,
    videos_csv: VideosCsv = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the fit by offset to this file.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write everything to this file.")
    ] = None,
) -> None:
    """Find the yaw offset and mirror that fit the videos best.

    They are those that best explain where people looked. Nothing is changed.
    """
    from vpnet.alignment.alignment import find_alignment
    from vpnet.alignment.moment_maps import FolderMaps, MomentMaps, ViewerDensity
    from vpnet.cli.builders import read_with_layout
    from vpnet.plots.alignment_curve import alignment_figure
    from vpnet.plots.style import FORMATS, save_figure
    from vpnet.text_table import print_table
    from vpnet.whole_files import write_text

    if (saliency is None) == (against is None):
        raise InputError(
            "align compares with maps or with other recordings; give one of "
            "--saliency FOLDER and --against PATH"
        )
    is_itself = against is not None and against.resolve() == root.resolve()
    if (against is None or is_itself) and (against_yaw_offset_deg or against_mirror):
        raise InputError(
            "--against-yaw-offset-deg and --against-mirror say how other recordings are turned; "
            "give --against OTHERS, or leave them out"
        )
    if plot is not None and plot.suffix.removeprefix(".").lower() not in FORMATS:
        raise InputError(
            f"--plot: a figure is saved as {', '.join(FORMATS)}, got {plot.name!r}; change the "
            "ending of the file"
        )
    settings: dict[str, Any] = {
        "use_timestamp_as_playback": use_timestamp_as_playback,
        "videos_csv": videos_csv,
        "exclude": exclude,
        "accept": accept or (),
    }
    maps: MomentMaps
    if against is not None:
        turned = {"video_yaw_offset_deg": against_yaw_offset_deg, "mirror": against_mirror}
        others_layout = layout if is_itself else against_layout
        others = read_with_layout(against, others_layout, settings | turned)
        maps = ViewerDensity(others, rate_hz)
    else:
        assert saliency is not None
        maps = FolderMaps(saliency)
    recordings = read_with_layout(root, layout, settings)
    alignment = find_alignment(recordings, maps, rate_hz=rate_hz)
    print_table(alignment_table(alignment, by_user=by_user or is_itself))
    for line in conclusions(alignment, is_itself=is_itself):
        # Not wrapped, as rich would: some lines are made to be copied.
        typer.echo(line)
    # First: the figure may fail, for want of a curve.
    if json_file is not None:
        write_text(json_file, json.dumps(alignment.to_dict(), indent=1) + "\n")
    if plot is not None:
        save_figure(alignment_figure(alignment), plot)


def alignment_table(alignment: "Alignment", *, by_user: bool) -> "TextTable":
    """The best alignment of all recordings, of each video and, on demand, of each viewer."""
    from vpnet.alignment.alignment import CONFIDENCE
    from vpnet.text_table import TextTable, counted

    whole = () if alignment.best is None else (_row("all", alignment.best, ""),)
    groups = [alignment.per_video, alignment.per_user] if by_user else [alignment.per_video]
    people = counted(alignment.users, "person", "people")
    return TextTable(
        title=f"Alignment of {people} and {counted(alignment.videos, 'video')}",
        columns=(
            "",
            "offset (degrees)",
            f"{CONFIDENCE:.0%} interval",
            "mirror",
            "NSS",
            "next peak",
            "agree",
            "",
        ),
        sections=(whole, *(_rows(alignment, peaks) for peaks in groups)),
        footnotes=(
            "NSS: normalised scanpath saliency, 0 by chance. next peak: the best alignment with "
            "the other mirror or another offset.",
            "agree: share of resampled viewers and videos that give this mirror and offset, within "
            "5 degrees.",
        ),
    )


def conclusions(alignment: "Alignment", *, is_itself: bool) -> list[str]:
    """What the user should do, line by line.

    Recordings compared with themselves are no evidence about all of them together.
    """
    lines = []
    for kind, peaks in (("videos", alignment.per_video), ("viewers", alignment.per_user)):
        names = alignment.deviating(peaks)
        if names:
            lines.append(f"{kind} that clearly want another alignment: {', '.join(names)}")
    if is_itself:
        if alignment.doubts:
            lines.append(f"the data do not show who differs: {'; '.join(alignment.doubts)}")
        elif not lines:
            lines.append("no video and no viewer clearly differs from the others")
        lines.append(
            "compared with themselves: whether all recordings are turned alike does not show; give "
            "--saliency or other recordings for that"
        )
    elif alignment.best is None or alignment.doubts:
        lines.append(f"the data do not show the alignment: {'; '.join(alignment.doubts)}")
    else:
        lines.append("for the data set's configuration, or on the command line:")
        lines.append(
            f"data.video_yaw_offset_deg={alignment.best.offset_deg:.1f} "
            f"data.mirror={str(alignment.best.mirror).lower()}"
        )
    return lines


def _rows(alignment: "Alignment", peaks: "Mapping[str, OffsetPeak]") -> tuple[tuple[str, ...], ...]:
    deviating = set(alignment.deviating(peaks))
    return tuple(
        _row(name, peak, "differs" if name in deviating else "" if peak.clear else "unclear")
        for name, peak in peaks.items()
    )


def _row(name: str, peak: "OffsetPeak", remark: str) -> tuple[str, ...]:
    return (
        name,
        f"{peak.offset_deg:+.1f}",
        f"[{peak.low_deg:.1f}, {peak.high_deg:.1f}]" if not math.isnan(peak.low_deg) else "-",
        "yes" if peak.mirror else "no",
        f"{peak.nss:.2f}",
        f"{peak.runner_up_nss:.2f}",
        f"{peak.share:.0%}" if not math.isnan(peak.share) else "-",
        remark,
    )
