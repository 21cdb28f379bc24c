"""`vpnet check`: which recordings of a study are good."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from vpnet.errors import InputError

NO_PAGE = Path("none")
WIDTH = 150
"""Columns where the output is no terminal."""

# Options of the commands that read recordings for themselves.
Accept = Annotated[
    list[str] | None,
    typer.Option(help="Code of an error that shall not refuse a recording; can be repeated."),
]

Layout = Annotated[
    str | None,
    typer.Option(
        help="What reads ROOT: a name of train.py's group data, or the import path of your own "
        "reader; by default recognised by the names of the files."
    ),
]

UseTimestampAsPlayback = Annotated[
    bool,
    typer.Option(
        "--use-timestamp-as-playback",
        help="Quest Pro: take Timestamp for a PlaybackTime that is 0 throughout.",
    ),
]

VideosCsv = Annotated[
    Path | None,
    typer.Option(help="Xu: frame rates of the videos, where the file is elsewhere."),
]


def _explain(is_given: bool) -> None:
    if is_given:
        from vpnet.quality.reports import explain_checks

        print(explain_checks(), end="")
        raise typer.Exit


def _refuse_one_file_for_two(files: dict[str, Path | None]) -> None:
    options: dict[Path, str] = {}
    for option, file in files.items():
        if file is None or file == NO_PAGE:
            continue
        other = options.setdefault(file.resolve(), option)
        if other != option:
            raise InputError(
                f"{other} and {option} both name {file}, and one would overwrite the other; give "
                "each a file of its own"
            )


def check(
    root: Annotated[
        Path, typer.Argument(help="A study, one recording, or any other data set that vpnet reads.")
    ],
    html: Annotated[Path, typer.Option(help="Page to write; none writes none.")] = Path(
        "check.html"
    ),
    json: Annotated[Path | None, typer.Option(help="File to write for machines.")] = None,
    exclude: Annotated[
        Path | None,
        typer.Option(
            help="File that leaves the refused recordings out of training; lines that it has are "
            "kept."
        ),
    ] = None,
    accept: Accept = None,
    videos: Annotated[
        Path | None,
        typer.Option(
            help="Lengths of the videos: a CSV file with the columns video and duration_s, or a "
            "folder of video files."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that read, half a GB each; by default 2.")
    ] = None,
    cache: Annotated[bool, typer.Option(help="Keep what was read for the next time.")] = True,
    layout: Layout = None,
    use_timestamp_as_playback: UseTimestampAsPlayback = False,
    videos_csv: VideosCsv = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Explain every check, and end.", is_eager=True, callback=_explain
        ),
    ] = False,
) -> None:
    """Say which recordings are good, and what to do about others.

    Ends with code 0 where no recording is refused, with 1 where one is, with 2 where nothing could
    be checked.
    """
    from rich.console import Console

    from vpnet.cli.builders import read_with_layout
    from vpnet.quality.html_report import write_html_report
    from vpnet.quality.inspection import inspect_study, leave_out_refused
    from vpnet.quality.reports import show_inspection, write_json_report
    from vpnet.studies.exclusions import read_exclusions
    from vpnet.studies.video_durations import read_video_durations

    _refuse_one_file_for_two({"--html": html, "--json": json, "--exclude": exclude})
    for option, path, ending in (
        ("--html", html, ".html"),
        ("--json", json, ".json"),
        ("--exclude", exclude, ".csv"),
    ):
        # A file of another kind, above all a recording, must not be written over by mistake.
        if path not in (None, NO_PAGE) and (path.suffix.lower() != ending or path.is_dir()):
            raise InputError(f"{option} must be a file that ends in {ending}, got {str(path)!r}")
    if exclude is not None and exclude.exists():
        read_exclusions(exclude)  # What is wrong there shall be said before the long reading.
    durations_s = None if videos is None else read_video_durations(videos)
    settings: dict[str, Any] = {
        "accept": accept or [],
        "workers": workers,
        "use_timestamp_as_playback": use_timestamp_as_playback,
        "videos_csv": videos_csv,
    }
    if not cache:
        settings["cache"] = False
    study = read_with_layout(root, layout, settings)
    inspection = inspect_study(study, durations_s)
    if not inspection.recordings:
        raise InputError(f"{root}: there is no recording to check; name another folder")
    show_inspection(inspection, Console(width=None if sys.stdout.isatty() else WIDTH))
    if html != NO_PAGE:
        write_html_report(html, inspection, title=root.resolve().name)
        print(f"page: {html}")
    if json is not None:
        write_json_report(json, inspection)
        print(f"for machines: {json}")
    if exclude is not None:
        print(leave_out_refused(exclude, inspection))
    if inspection.refused:
        raise typer.Exit(1)
