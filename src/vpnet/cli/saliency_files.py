"""`vpnet saliency`: what is done with files of saliency maps."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpnet.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from vpnet.paver.map_file import MapFile
    from vpnet.paver.scoring import VideoScores
    from vpnet.recordings.recording import Recording
    from vpnet.saliency.viewing import VideoViewing
    from vpnet.text_table import TextTable

SHADES = " .:-=+*#%@"
PICTURE_ROWS, PICTURE_COLUMNS = 12, 48
"""A character is twice as high as it is wide."""

LOOKED_AT = 50
"""Maps, evenly spread, of which the range and the picture are made."""

DOTS = ("gaze", "head")
VIEWING_RATE_HZ = 30.0

DRAWS = 10_000
MEASURES = ("CC", "SIM", "KLD", "NSS", "AUC-Judd", "AUC-Borji")

YawOffsetDeg = Annotated[float, typer.Option(help="Of the recordings, as vpnet align finds it.")]
Mirror = Annotated[
    bool, typer.Option("--mirror", help="The recordings are mirrored, as vpnet align finds.")
]

saliency = typer.Typer(no_args_is_help=True, help="What is done with files of saliency maps.")


@saliency.command()
def info(
    stores: Annotated[
        list[Path], typer.Argument(help="Files of maps, <video>.h5, or folders of them.")
    ],
) -> None:
    """Print what files of maps hold, with a small picture."""
    from vpnet.paver.map_file import MapFile

    for number, path in enumerate(_files(stores)):
        if number > 0:
            typer.echo("")
        typer.echo("\n".join(describe(MapFile(path))))


def _files(paths: list[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.h5")) if path.is_dir() else [path]
        if not found:
            raise InputError(f"{path}: no files of maps in this folder, which end in .h5")
        files += found
    return files


def describe(store: "MapFile") -> list[str]:
    """Lines on one file."""
    times_s = store.times_s
    rows = sorted({at * (len(store) - 1) // LOOKED_AT for at in range(LOOKED_AT + 1)})
    maps = store.maps(rows)
    per_map = store.path.stat().st_size / len(store)
    pixels = f"{store.size[0]} x {store.size[1]}"
    facts = {
        "maps": f"{len(store)} of {pixels} pixels, {store.dtype}, {per_map:,.0f} bytes each",
        "playback": f"{float(times_s[0]):.2f} to {float(times_s[-1]):.2f} s"
        + (f", one every {float(times_s.diff().median()):.3f} s" if len(store) > 1 else ""),
        "range": f"{float(maps.min()):.3f} to {float(maps.max()):.3f}, mean "
        f"{float(maps.mean()):.3f} ({len(rows)} maps looked at)",
        **{name: str(value) for name, value in sorted(store.settings.items()) if value != ""},
    }
    width = max(len(name) for name in facts)
    lines = [str(store.path), *(f"  {name:{width}s}  {value}" for name, value in facts.items())]
    return [*lines, "  mean of the maps:", *picture(maps.mean(dim=0))]


def picture(saliency: "Tensor") -> list[str]:
    """A map in characters, the darkest ground the least salient."""
    from torch.nn.functional import adaptive_avg_pool2d

    small = adaptive_avg_pool2d(saliency[None, None], (PICTURE_ROWS, PICTURE_COLUMNS))[0, 0]
    spread = (small - small.min()) / (small.max() - small.min()).clamp(min=1e-9)
    shades = (spread * (len(SHADES) - 1)).round().long()
    return ["  " + "".join(SHADES[shade] for shade in row) for row in shades.tolist()]


@saliency.command()
def export(
    store: Annotated[Path, typer.Argument(help="File of maps, <video>.h5.")],
    output: Annotated[
        Path | None,
        typer.Argument(help="File to write; by default <video>_saliency.pt in its folder."),
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="float16 instead of float32: half the size.")
    ] = False,
) -> None:
    """Write the maps at full size as one tensor, for torch.load.

    Its shape is (maps, 224, 448).
    """
    import torch

    from vpnet.paver.map_file import MapFile, export_maps

    maps = MapFile(store)
    path = output or store.with_name(f"{store.stem}_saliency.pt")
    export_maps(maps, path, torch.float16 if half else torch.float32)
    typer.echo(f"{len(maps)} maps of 224 x 448: {path}")


@saliency.command()
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
    video_yaw_offset_deg: YawOffsetDeg = 0.0,
    mirror: Mirror = False,
    colors: Annotated[str, typer.Option(help="A colormap of matplotlib.")] = "turbo",
    opacity: Annotated[float, typer.Option(help="Of the most salient colour, 0 to 1.")] = 0.6,
    width: Annotated[int, typer.Option(help="Columns of the film; it is half as high.")] = 960,
    backend: Annotated[
        str, typer.Option(help="What decodes: auto, decord, torchcodec or pyav.")
    ] = "auto",
) -> None:
    """Draw a video's saliency over it, and where viewers looked.

    Ends with 1 if the video is cut short.
    """
    from vpnet.paver.map_file import MapFile
    from vpnet.plots.saliency_overlay import Overlay, write_overlay
    from vpnet.video.decoders import open_video
    from vpnet.video.video_file import check_equirectangular, probe_video

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
    drawn = Overlay(MapFile(store), width // 2, width, colors, opacity, viewing, VIEWING_RATE_HZ)
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


@saliency.command()
def score(
    maps: Annotated[Path, typer.Argument(help="Folder of maps: <video>.h5, or <video>.npy.")],
    recordings: Annotated[Path, typer.Argument(help="Recordings of the videos' viewers.")],
    rate_hz: Annotated[float, typer.Option(help="Moments per second that are measured.")] = 1.0,
    weighting: Annotated[
        str, typer.Option(help="solid_angle, or paver: all pixels alike, as PAVER's authors did.")
    ] = "solid_angle",
    smoothing_deg: Annotated[
        float, typer.Option(help="Of the density of the viewers' directions, degrees.")
    ] = 5.0,
    head: Annotated[
        bool, typer.Option("--head", help="Take the head where the gaze is known too.")
    ] = False,
    video_yaw_offset_deg: YawOffsetDeg = 0.0,
    mirror: Mirror = False,
    seed: Annotated[int, typer.Option(help="Of AUC-Borji's random pixels.")] = 0,
    markdown: Annotated[Path | None, typer.Option(help="Write the table to this file.")] = None,
) -> None:
    """Measure maps against where people looked.

    The table also has a centre bias and the uniform map.
    """
    from vpnet.paver.scoring import open_maps, score_saliency
    from vpnet.readers.reading import read_any
    from vpnet.saliency.viewing import viewing_by_video
    from vpnet.text_table import print_table

    source = open_maps(maps)
    study = read_any(recordings, video_yaw_offset_deg=video_yaw_offset_deg, mirror=mirror)
    viewing = viewing_by_video(study, rate_hz, gaze=not head)
    results = score_saliency(
        source, viewing, rate_hz, weighting=weighting, smoothing_deg=smoothing_deg, seed=seed
    )
    print_table(score_table(results, weighting), markdown)


def score_table(results: "list[VideoScores]", weighting: str) -> "TextTable":
    """The means over videos with their intervals, and each video below."""
    import torch

    from vpnet.evaluation.averages import bootstrap_interval, bootstrap_weights
    from vpnet.paver.scoring import CENTER_BIAS, MAPS, UNIFORM
    from vpnet.text_table import TextTable

    means = []
    for name in (UNIFORM, CENTER_BIAS, MAPS):
        per_video = torch.tensor([r.scores[name] for r in results if name in r.scores])
        if len(per_video) == 0:
            continue
        cells = [f"{value:.3f}" for value in per_video.mean(dim=0).tolist()]
        rows = [(name, str(sum(r.moments for r in results)), *cells)]
        if len(per_video) > 1:
            weights = bootstrap_weights(len(per_video), DRAWS, 0)
            low, high = bootstrap_interval(per_video.double(), weights)
            ends = zip(low.tolist(), high.tolist(), strict=True)
            rows.append(("  95 %", "", *(f"{least:.3f}-{most:.3f}" for least, most in ends)))
        means.append(tuple(rows))
    videos = tuple(
        (result.video_id, str(result.moments), *(f"{v:.3f}" for v in result.scores[MAPS]))
        for result in sorted(results)
    )
    return TextTable(
        f"Saliency against where people looked, {weighting}",
        ("", "moments", *MEASURES),
        (*means, videos),
        (
            "Mean over moments, then videos, with 95 % bootstrap intervals over videos; below, the "
            "maps by video.",
            "The centre bias is fitted on the viewers of the other videos. KLD in nats: the lower "
            "the better.",
        ),
    )
