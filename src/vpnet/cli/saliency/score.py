"""`vpnet saliency score`: how well maps say where people looked."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vpnet.evaluation.text_table import TextTable
    from vpnet.paver.scoring import VideoScores

DRAWS = 10_000
MEASURES = ("CC", "SIM", "KLD", "NSS", "AUC-Judd", "AUC-Borji")


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
    video_yaw_offset_deg: Annotated[
        float, typer.Option(help="Of the recordings, as vpnet align finds it.")
    ] = 0.0,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="The recordings are mirrored, as vpnet align finds.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of AUC-Borji's random pixels.")] = 0,
    markdown: Annotated[Path | None, typer.Option(help="Write the table to this file.")] = None,
) -> None:
    """Measure maps against where people looked, beside a centre bias and the uniform map."""
    from vpnet.evaluation.text_table import print_table
    from vpnet.paver.scoring import open_maps, score_saliency
    from vpnet.readers.reading import read_any
    from vpnet.saliency.viewing import viewing_by_video
    from vpnet.whole_files import write_text

    source = open_maps(maps)
    study = read_any(recordings, video_yaw_offset_deg=video_yaw_offset_deg, mirror=mirror)
    viewing = viewing_by_video(study, rate_hz, gaze=not head)
    results = score_saliency(
        source, viewing, rate_hz, weighting=weighting, smoothing_deg=smoothing_deg, seed=seed
    )
    table = score_table(results, weighting)
    print_table(table)
    if markdown is not None:
        write_text(markdown, table.to_markdown())


def score_table(results: "list[VideoScores]", weighting: str) -> "TextTable":
    """The means over videos with their intervals, and each video below."""
    import torch

    from vpnet.evaluation.averages import bootstrap_interval, bootstrap_weights
    from vpnet.evaluation.text_table import TextTable
    from vpnet.paver.scoring import CENTER_BIAS, MAPS, UNIFORM

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
