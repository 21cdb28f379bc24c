"""`vpnet saliency overlay`: a film of a video with its saliency over it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpnet.errors import InputError

if TYPE_CHECKING:
    from vpnet.recordings.recording import Recording
    from vpnet.saliency.viewing import VideoViewing

DOTS = ("gaze", "head")
VIEWING_RATE_HZ = 30.0


def overlay(
    video: Annotated[Path, typer.Argument(help="The video.")],
    store: Annotated[Path, typer.Argument(help="Its file of maps, <video>.h5.")],
    output: Annotated[Path, typer.Argument(help="Film to write, .mp4.")],
    recordings: Annotated[
        Path | None,
        typer.Option(help="Recordings whose viewers of this video are drawn as dots."),
    ] = None,
    dots: Annotated[
        str, typer.Option(help="What a dot shows: gaze (the head where it is unknown) or head.")
    ] = "gaze",
    video_id: Annotated[
        str | None, typer.Option(help="Name of the video in the recordings; by default its file's.")
    ] = None,
    video_yaw_offset_deg: Annotated[
        float, typer.Option(help="Of the recordings, as vpnet align finds it.")
    ] = 0.0,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="The recordings are mirrored, as vpnet align finds.")
    ] = False,
    colors: Annotated[str, typer.Option(help="A colormap of matplotlib.")] = "turbo",
    opacity: Annotated[float, typer.Option(help="Of the most salient colour, 0 to 1.")] = 0.6,
    width: Annotated[int, typer.Option(help="Columns of the film; it is half as high.")] = 960,
    backend: Annotated[
        str, typer.Option(help="What decodes: auto, decord, torchcodec or pyav.")
    ] = "auto",
) -> None:
    """Draw a video's saliency over it, and where its viewers looked; ends with 1 if cut short."""
    from vpnet.paver.store.reading import StoreFile
    from vpnet.plots.saliency_overlay import Overlay, write_overlay
    from vpnet.video.opening import open_video
    from vpnet.video.probe import check_equirectangular, probe_video

    if width < 16 or width % 4:
        raise InputError(f"--width must be a multiple of 4 of at least 16, got {width}")
    if dots not in DOTS:
        raise InputError(f"--dots must be one of {', '.join(DOTS)}, got {dots!r}")
    film = probe_video(video)
    check_equirectangular(film)
    viewing = None
    if recordings is not None:
        name = video_id or video.stem
        viewing = _viewing(recordings, name, dots, video_yaw_offset_deg, mirror)
    drawn = Overlay(StoreFile(store), width // 2, width, colors, opacity, viewing, VIEWING_RATE_HZ)
    reader = open_video(film, backend)
    damage = write_overlay(film, reader, drawn, str(output)) or film.complaint
    reader.close()
    viewers = "" if viewing is None else f", {len(viewing.user_ids)} viewers"
    typer.echo(f"{output}: {len(film.frame_pts)} frames{viewers}")
    if damage:
        typer.echo(damage, err=True)
        raise typer.Exit(1)


def _viewing(
    recordings: Path, video_id: str, dots: str, video_yaw_offset_deg: float, mirror: bool
) -> "VideoViewing":
    """Where everyone looked in one video."""
    from vpnet.readers.reading import read_any
    from vpnet.saliency.viewing import viewing_by_video

    study = read_any(recordings, video_yaw_offset_deg=video_yaw_offset_deg, mirror=mirror)
    others: set[str] = set()

    def of_video() -> "Iterator[Recording]":
        for recording in study:
            if recording.video_id == video_id:
                yield recording
            else:
                others.add(recording.video_id)

    watched = viewing_by_video(of_video(), VIEWING_RATE_HZ, gaze=dots == "gaze")
    if video_id not in watched:
        raise InputError(
            f"{recordings}: nobody watched video {video_id!r}; there are "
            f"{', '.join(sorted(others)[:10])}; say which with --video-id"
        )
    return watched[video_id]
