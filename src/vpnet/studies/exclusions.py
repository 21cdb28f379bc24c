"""Recordings that are left out: a CSV file that `vpnet check` writes and training reads.

Columns: user, video, source, reason. An empty video means all videos of the user, an empty user all
users of the video. A source leaves out only what was read from that file or folder. The reason is
not evaluated. Lines that begin with # are comments.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from vpnet.errors import InputError
from vpnet.recordings.checked import CheckedRecording
from vpnet.whole_files import write_text

COLUMNS = ("user", "video", "source", "reason")


@dataclass(frozen=True)
class Exclusion:
    """One line of the file. Arguments are its columns."""

    user: str
    video: str
    source: str
    reason: str = ""

    def meets(self, user_id: str, video_id: str, source: str) -> bool:
        """Whether the line is about this recording."""
        return (
            self.user in ("", user_id)
            and self.video in ("", video_id)
            and self.source in ("", Path(source).name, source)
        )


def read_exclusions(path: str | Path) -> list[Exclusion]:
    """The lines of an exclusion file.

    Raises:
        InputError: It cannot be read, lacks a column, or has a line that names nothing.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: the file of excluded recordings cannot be read ({error.strerror}); check the "
            "path, or write it with vpnet check ROOT --exclude FILE"
        ) from error
    try:
        table = pl.read_csv(
            io.BytesIO(content.removeprefix(b"\xef\xbb\xbf")),
            infer_schema=False,
            comment_prefix="#",
        )
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{path}: the file of excluded recordings must be CSV with the columns "
            f"{','.join(COLUMNS)}; it cannot be read so ({error})"
        ) from error
    absent = [name for name in ("user", "video") if name not in table.columns]
    if absent:
        raise InputError(
            f"{path}, line 1: the file of excluded recordings must have the columns user and video "
            f"(source and reason may follow), found {', '.join(table.columns)}; name them there"
        )
    unknown = [name for name in table.columns if name not in COLUMNS]
    if unknown:
        raise InputError(
            f"{path}, line 1: the columns are {', '.join(COLUMNS)}, found {', '.join(unknown)} as "
            "well, whose meaning is unknown; rename or remove it"
        )
    exclusions = [
        Exclusion(**{name: (row.get(name) or "").strip() for name in COLUMNS})
        for row in table.iter_rows(named=True)
    ]
    for number, one in enumerate(exclusions, start=1):
        if not (one.user or one.video or one.source):
            raise InputError(
                f"{path}, recording {number} of the list: a line must name a user, a video or a "
                "source, else it would leave out everything; fill it or delete it"
            )
    return exclusions


def write_exclusions(
    path: str | Path, new: Iterable[CheckedRecording], kept: Sequence[Exclusion] = ()
) -> None:
    """Write the file that leaves out new recordings, with the errors for which it does so.

    The lines that are kept come before them; comments of an earlier file stay, at the top.
    """
    path, rows = Path(path), [asdict(line) for line in kept]
    for one in new:
        codes = " ".join(sorted({finding.code for finding in one.refusals()}))
        rows.append(asdict(Exclusion(one.user_id, one.video_id, Path(one.source).name, codes)))
    table = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String))
    before = path.read_text(encoding="utf-8-sig").splitlines() if path.exists() else []
    comments = "".join(f"{line}\n" for line in before if line.startswith("#"))
    # Quoted, so that a name that begins with # is no comment.
    write_text(path, comments + table.write_csv(quote_style="always"))
