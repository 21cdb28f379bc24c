"""Files of public data sets: the folders in which authors hand them out, and CSV without names."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.csv_table import UnreadableTable
from vpnet.recordings.findings import RULES, Finding
from vpnet.studies.study import Study, StudyOptions
from vpnet.studies.study_reading import StudyPart


@dataclass(frozen=True)
class DatasetLayout:
    r"""Where the authors of a data set put its files.

    Args:
        folder: The folder that holds them, in that into which the data set was unpacked, such as
            ``H/Scanpaths``; empty where there is none.
        files: Pattern of the files in it, such as ``*/*.txt``.
        names: Regular expression for the end of a file's path, with a group for each name that it
            holds, such as ``/([^/]+)/(\d+)\.txt``.
        rule: The same in words, for messages.
    """

    folder: str
    files: str
    names: str = ""
    rule: str = ""

    def __str__(self) -> str:
        return f"{self.folder}/{self.files}" if self.folder else self.files

    def find(self, root: Path) -> list[Path]:
        """Files of the data set at a path or below it, in the order of their names; may be none.

        Args:
            root: The folder into which the data set was unpacked, any folder of the layout within
                it, or one of its files; names of folders decide which of these it is.
        """
        parts = str(self).split("/")
        for depth in range(len(parts)):
            if depth and not root.absolute().match("/".join(parts[:depth])):
                continue
            files = sorted(root.glob("/".join(parts[depth:])))
            if files:
                return files
        return [root] if root.is_file() and root.absolute().match(str(self)) else []

    def require(self, root: Path) -> list[Path]:
        """The same for a path that the user says holds this data set; an InputError where none is.

        The innermost folder may also have another name.
        """
        files = self.find(root) or sorted(root.glob(self.files))
        if files:
            return files
        tables = [root] if root.suffix == ".parquet" else sorted(root.glob("*.parquet"))
        if tables:
            raise InputError(
                f"{root}: the data set must hold files {self}, this is a table of recordings or a "
                f"folder of such; read it with data=parquet data.path={tables[0]}"
            )
        found = "none was found" if root.exists() else "no such folder"
        raise InputError(
            f"{root}: the data set must hold files {self}, {found}; set root to the folder into "
            "which you unpacked the data set"
        )

    def names_of(self, file: Path) -> tuple[str, ...]:
        """The names that a file's path holds; an InputError where it is none of the data set's."""
        found = re.search(self.names + "$", file.absolute().as_posix())
        if found is None:
            raise InputError(f"{file}: {self.rule}; rename or remove it")
        return found.groups()

    def study(
        self,
        root: str | Path,
        ids: Callable[[Path], Sequence[str]],
        read: Callable[..., list[CheckedRecording]],
        settings: Sequence[Any],
        options: StudyOptions,
    ) -> Study:
        """The recordings of all files.

        Args:
            root: As for `require`.
            ids: Gives the user and the video of a file.
            read: Reads a file; a function of a module, called with the file, the user, the video
                and the settings.
            settings: What the recordings depend on besides the files.
            options: Which recordings are used.
        """
        parts = []
        for file in self.require(Path(root)):
            user_id, video_id = ids(file)
            arguments = partial(read, file, user_id, video_id, *settings)
            parts.append(StudyPart((file,), arguments, user_id, video_id))
        return Study(parts, options)


def read_headerless_csv(
    path: Path,
    columns: Sequence[str],
    good: Callable[[Tensor], Tensor],
    rule: str,
    findings: list[Finding],
    marks: Sequence[str] = (),
) -> Tensor:
    """The numbers of a file whose columns are known by their place.

    Args:
        path: The file.
        columns: Names for the columns, in their order.
        good: Tells which rows, shape ``(rows, numbers)``, NaN where the text is no number, keep to
            the rule.
        rule: What a line must be, in words that follow the names of the columns.
        findings: A last line that is cut off is dropped and added here.
        marks: Columns that hold their own names, between the numbers.

    Returns:
        The numbers, float64, shape ``(rows, numbers)``.

    Raises:
        UnreadableTable: The file is missing, empty, no text, or has a bad line.
    """
    try:
        table = pl.read_csv(path, has_header=False, schema=dict.fromkeys(columns, pl.String))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableTable(
            path,
            f"a line must be {','.join(columns)}, the file cannot be read so ({error})",
            "unpack it again",
        ) from error
    if len(table) == 0:
        raise UnreadableTable(path, "the file is empty", "copy it again or remove it")
    present = len(columns) - sum(value is None for value in table.row(-1))
    if present < len(columns):
        found = f"the last line is cut off, found {present} of {len(columns)} values"
        lines = [(len(table), len(table))]
        findings.append(RULES["last_line_cut"].broken(found, file=path, lines=lines, rows=1))
        table = table[:-1]
    number = pl.exclude(marks).str.strip_chars().cast(pl.Float64, strict=False)
    values = torch.from_numpy(table.select(number.fill_null(float("nan"))).to_numpy(writable=True))
    wrong = ~good(values).numpy()
    for name in marks:
        wrong |= table[name].ne_missing(name).to_numpy()
    if wrong.any():
        row = int(wrong.argmax())
        shown = ",".join(value or "" for value in table.row(row))
        raise UnreadableTable(
            path,
            f"a line must be {','.join(columns)}{rule}, found {shown} ({wrong.sum()} lines are "
            "wrong)",
            "correct or delete it",
            line=1 + row,
        )
    return values
