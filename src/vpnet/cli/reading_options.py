"""Options of the commands that read recordings for themselves: `vpnet check`, `vpnet align`."""

from pathlib import Path
from typing import Annotated

import typer

Accept = Annotated[
    list[str] | None,
    typer.Option(help="Code of an error that shall not refuse a recording; can be repeated."),
]

Layout = Annotated[
    str | None,
    typer.Option(
        help="What reads ROOT: a name of train.py's group data, or the import path of your own "
        "reader; by default the names of the files tell."
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
    typer.Option(help="Xu: frame rates of the videos, where the file lies elsewhere."),
]
