"""`vpnet simulate`: a study with known truth, with the defects of real ones on demand."""

import shlex
from pathlib import Path
from typing import Annotated

import typer


def simulate(
    output: Annotated[Path, typer.Argument(help="Folder to write: new, or an earlier simulation.")],
    users: Annotated[int, typer.Option(help="Number of simulated viewers.")] = 12,
    videos: Annotated[int, typer.Option(help="Number of simulated videos.")] = 8,
    duration_s: Annotated[float, typer.Option(help="Length of each video, s.")] = 40.0,
    seed: Annotated[int, typer.Option(help="Decides everything.")] = 0,
    defects: Annotated[
        str,
        typer.Option(
            help="What is wrong, separated by commas: codes of vpnet check, 'headset' for what "
            "every real headset does, 'all'.",
        ),
    ] = "",
    defective_share: Annotated[
        float, typer.Option(help="Probability that a recording has a defect, for each by itself.")
    ] = 1.0,
    layout: Annotated[str, typer.Option(help="v2: folders; v1: flat files.")] = "v2",
    video_yaw_offset_deg: Annotated[
        # A longer word, as data.video_yaw_offset_deg, is cut on a terminal of 80 columns.
        float,
        typer.Option(help="What video_yaw_offset_deg must be to read the study."),
    ] = 0.0,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Readers must set data.mirror=true.")
    ] = False,
    saliency: Annotated[bool, typer.Option(help="Write the true saliency maps.")] = True,
    workers: Annotated[
        int | None, typer.Option(help="Processes that write; by default as many as help.")
    ] = None,
) -> None:
    """Write simulated recordings, and their true saliency.

    The files are in the headset's own format.
    """
    from vpnet.recordings.frame import Frame
    from vpnet.simulation.simulated_study import write_simulated_study

    command = ["vpnet", "simulate", str(output), "--users", f"{users}", "--videos", f"{videos}"]
    command += ["--duration-s", f"{duration_s:g}", "--seed", f"{seed}"]
    command += ["--defects", defects, "--defective-share", f"{defective_share:g}"] * bool(defects)
    command += ["--layout", layout] * (layout != "v2")
    settings = [f"data.root={output}"]
    if video_yaw_offset_deg:
        command += ["--video-yaw-offset-deg", f"{video_yaw_offset_deg:g}"]
        settings.append(f"data.video_yaw_offset_deg={video_yaw_offset_deg:g}")
    if mirror:
        command.append("--mirror")
        settings.append("data.mirror=true")
    command += ["--no-saliency"] * (not saliency)
    root = write_simulated_study(
        output,
        users,
        videos,
        duration_s,
        seed,
        command=shlex.join(command),
        saliency=saliency,
        defects=[name.strip() for name in defects.split(",") if name.strip()],
        defective_share=defective_share,
        layout=layout,
        frame=Frame(video_yaw_offset_deg, mirror),
        workers=workers,
    )
    typer.echo(f"{users} x {videos} simulated recordings: {root}")
    typer.echo(f"train on them: python train.py data=quest_pro {shlex.join(settings)}")
