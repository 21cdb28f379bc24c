"""A table of text, for the terminal and for a Markdown page: one source for both."""

import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from vpnet.whole_files import write_text


@dataclass(frozen=True)
class TextTable:
    """Cells that are already text.

    Args:
        title: What the table shows.
        columns: Headings; the first column names the rows and is aligned left, the others right.
        sections: Groups of rows that belong together; each row has a cell per column.
        footnotes: Lines below the table.
    """

    title: str
    columns: tuple[str, ...]
    sections: tuple[tuple[tuple[str, ...], ...], ...]
    footnotes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for section in self.sections:
            for row in section:
                if len(row) != len(self.columns):
                    raise ValueError(f"a row needs {len(self.columns)} cells, got {row}")

    def to_rich(self) -> Table:
        """The table for a terminal."""
        table = Table(
            title=_literal(self.title),
            caption="\n".join(_literal(line) for line in self.footnotes) or None,
            title_justify="left",
            caption_justify="left",
        )
        for position, heading in enumerate(self.columns):
            justify = "right" if position else "left"
            table.add_column(_literal(heading), justify=justify, no_wrap=position > 0)
        for section in self.sections:
            for row in section:
                table.add_row(*(_literal(cell) for cell in row))
            table.add_section()
        return table

    def to_markdown(self) -> str:
        """The table for a Markdown page, its title and footnotes included."""
        lines = [
            f"**{self.title}**",
            "",
            _markdown_row(self.columns),
            _markdown_row(("---", *("---:",) * (len(self.columns) - 1))),
            *(_markdown_row(row) for section in self.sections for row in section),
        ]
        for footnote in self.footnotes:
            lines += ["", footnote]
        return "\n".join(lines) + "\n"


def print_table(table: TextTable, markdown: Path | None = None) -> None:
    """Print a table, where the output is no terminal wide enough for all of it.

    Args:
        table: The table.
        markdown: File to write it to as well.
    """
    Console(width=None if sys.stdout.isatty() else 150).print(table.to_rich())
    if markdown is not None:
        write_text(markdown, table.to_markdown())


def counted(count: int, singular: str, plural: str = "") -> str:
    """A number of things: "1 person", "2 people"; the plural is by default the same with an s."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def _literal(text: str) -> str:
    """Text in which rich sees no markup: an interval like [35.1, 39.9] is no style."""
    return text.replace("[", r"\[")


def _markdown_row(cells: tuple[str, ...]) -> str:
    escaped = (cell.replace("|", r"\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(escaped)} |"
