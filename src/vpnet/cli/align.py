"""`vpnet align`: which turn and mirror of the recordings fit the videos."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from vpnet.cli.reading_options import Accept, Layout, UseTimestampAsPlayback, VideosCsv
from vpnet.errors import InputError


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
            "it hung."
        ),
    ] = None,
    against_yaw_offset_deg: Annotated[
        float,
        typer.Option(help="Of --against: its data.video_yaw_offset_deg, as found before."),
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
    """Find the yaw offset and mirror that best explain where people looked; changes nothing."""
    from vpnet.alignment.alignment import find_alignment
    from vpnet.alignment.moment_maps import FolderMaps, MomentMaps
    from vpnet.alignment.viewer_density import ViewerDensity
    from vpnet.cli.alignment_table import alignment_table, conclusions
    from vpnet.cli.readers import read_with_layout
    from vpnet.evaluation.text_table import print_table
    from vpnet.plots.alignment_curve import plot_alignment_curve
    from vpnet.plots.style import FORMATS
    from vpnet.whole_files import write_text

    if (saliency is None) == (against is None):
        raise InputError(
            "align compares with maps or with other recordings; give one of "
            "--saliency FOLDER and --against PATH"
        )
    is_itself = against is not None and against.resolve() == root.resolve()
    if (against is None or is_itself) and (against_yaw_offset_deg or against_mirror):
        raise InputError(
            "--against-yaw-offset-deg and --against-mirror say how other recordings hung; give "
            "--against OTHERS, or leave them out"
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
        hung = {"video_yaw_offset_deg": against_yaw_offset_deg, "mirror": against_mirror}
        others = read_with_layout(against, layout if is_itself else against_layout, settings | hung)
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
        plot_alignment_curve(alignment, plot)
