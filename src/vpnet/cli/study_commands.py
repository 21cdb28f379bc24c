"""`vpnet simulate`, `fetch` and `questionnaire`: what is prepared before there are recordings."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpnet.errors import InputError

if TYPE_CHECKING:
    from vpnet.quest_pro.files import QuestProFiles


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


def fetch(
    manifest: Annotated[
        Path, typer.Argument(help="CSV file of name and link, or the Wu data set's videoMeta.csv.")
    ],
    output: Annotated[str, typer.Argument(help="Folder of the videos, as output=DIR or DIR.")],
    at_once: Annotated[int, typer.Option(help="Downloads at a time.")] = 2,
    retries: Annotated[int, typer.Option(help="Further tries where one fails.")] = 5,
    wait_s: Annotated[
        float, typer.Option(help="Before the second try, s; it doubles with each.")
    ] = 1.0,
    timeout_s: Annotated[
        float, typer.Option(help="Silence after which a connection counts as lost, s.")
    ] = 30.0,
) -> None:
    """Get videos, resume broken downloads, and check each file.

    Ends with 1 if one is missing.
    """
    from vpnet.text_table import TextTable, print_table
    from vpnet.video.download import RetrySettings, fetch_videos
    from vpnet.video.manifest import read_manifest

    folder = output.removeprefix("output=")
    if not folder:
        raise InputError("output has no value; give the folder of the videos, as output=DIR")
    if not 1 <= at_once <= 16:
        raise InputError(f"--at-once must be from 1 to 16, got {at_once}")
    if retries < 0 or wait_s < 0 or timeout_s <= 0:
        raise InputError("--retries and --wait-s must not be negative, --timeout-s be positive")
    settings = RetrySettings(retries, wait_s, timeout_s)
    results = fetch_videos(read_manifest(manifest), folder, at_once, settings)
    rows = []
    for result in results:
        size, duration = f"{result.size_bytes / 1e6:.1f}", f"{result.duration_s:.1f}"
        numbers = ("-", "-") if result.failure else (size, duration)
        rows.append((result.name, result.state, *numbers))
    print_table(TextTable("Videos", ("file", "state", "MB", "length s"), (tuple(rows),)))
    missing = [result for result in results if result.failure]
    for result in missing:
        typer.echo(f"{result.name}: {result.failure}")
    if missing:
        raise typer.Exit(1)


def questionnaire(
    root: Annotated[Path, typer.Argument(help="Folder of a study.")],
    format: Annotated[
        str, typer.Option(help="json (for an editor) or csv (for a spreadsheet).")
    ] = "csv",
    participants: Annotated[
        list[str] | None,
        typer.Option(help="Write only for this participant; repeat it for others."),
    ] = None,
    sessions: Annotated[int, typer.Option(help="Sessions of each participant.")] = 2,
) -> None:
    """Write a form for each participant who has none yet."""
    from vpnet.quest_pro.files import find_recordings
    from vpnet.questionnaires.questionnaire_files import (
        FORMATS,
        questionnaire_files,
        questionnaire_path,
        write_questionnaire,
    )
    from vpnet.questionnaires.questions import CODEBOOK_NAME, SESSION, Questionnaire, write_codebook
    from vpnet.whole_files import write_text

    if format not in FORMATS:
        raise InputError(f"--format must be one of {', '.join(FORMATS)}, got {format!r}")
    if not 1 <= sessions <= SESSION.highest:
        raise InputError(f"--sessions must be from 1 to {SESSION.highest}, got {sessions}")
    recordings = find_recordings(root)
    if _is_part(root, recordings):
        raise InputError(
            f"{root}: forms are written for a study, found a part of one, whose forms lie further "
            "up; name the folder of the study"
        )
    videos: dict[str, dict[str, None]] = {}
    for files in recordings:
        videos.setdefault(files.user_id, {})[files.video_id] = None
    unknown = sorted(set(participants or ()) - set(videos))
    if unknown:
        raise InputError(
            f"{root}: --participants must be people of the study, found no recording of "
            f"{', '.join(unknown)}; there are {', '.join(videos)}"
        )
    chosen = participants or list(videos)
    without = [name for name in chosen if not questionnaire_files(root, name)]
    for name in without:
        path = questionnaire_path(root, name, format)
        write_questionnaire(path, Questionnaire.blank(list(videos[name]), sessions))
        typer.echo(f"to be filled in: {path}")
    kept = [name for name in chosen if name not in without]
    if kept:
        typer.echo(f"have one already, left as it is: {', '.join(kept)}")
    codebook = root / CODEBOOK_NAME
    if without and not codebook.exists():
        write_text(codebook, write_codebook())
    if codebook.exists():
        typer.echo(f"questions and allowed answers: {codebook}")


def _is_part(root: Path, recordings: "Sequence[QuestProFiles]") -> bool:
    """Whether readers look for questionnaires above the folder, and would find no form in it."""
    # A study may bear the name of someone who has a folder in it.
    of_one = root.absolute().name
    return (
        root.is_file()
        or recordings[0].source == str(root)
        or (recordings[0].user_id == of_one and not (root / of_one).is_dir())
    )
