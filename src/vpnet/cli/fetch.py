"""`vpnet fetch`: get the videos of a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpnet.errors import InputError

if TYPE_CHECKING:
    from vpnet.text_table import TextTable
    from vpnet.video.download import Fetched


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
    from vpnet.text_table import print_table
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
    print_table(fetched_table(results))
    missing = [result for result in results if result.failure]
    for result in missing:
        typer.echo(f"{result.name}: {result.failure}")
    if missing:
        raise typer.Exit(1)


def fetched_table(results: "list[Fetched]") -> "TextTable":
    """A row a video."""
    from vpnet.text_table import TextTable

    rows = []
    for result in results:
        size, duration = f"{result.size_bytes / 1e6:.1f}", f"{result.duration_s:.1f}"
        numbers = ("-", "-") if result.failure else (size, duration)
        rows.append((result.name, result.state, *numbers))
    return TextTable("Videos", ("file", "state", "MB", "length s"), (tuple(rows),))
