import io

import pytest
from rich.console import Console

from vpnet.text_table import TextTable, counted


def test_terminal_and_markdown_show_the_same_cells():
    rows = (("own", "1.00 [0.50, 1.50]"), ("static", "2.00†"))
    table = TextTable("Errors [deg]", ("model", "error"), (rows[:1], rows[1:]), ("a [note]",))
    console = Console(width=220, record=True, file=io.StringIO())
    console.print(table.to_rich())
    printed, written = console.export_text(), table.to_markdown()
    for cell in ("Errors [deg]", "a [note]", *table.columns, *rows[0], *rows[1]):
        assert cell in printed
        assert cell in written
    assert written.splitlines()[3].count("---") == len(table.columns)


def test_markdown_keeps_bars_inside_their_cell():
    table = TextTable("t", ("model", "error"), ((("a|b", "1.00"),),))
    assert r"| a\|b | 1.00 |" in table.to_markdown()


def test_a_row_needs_a_cell_per_column():
    with pytest.raises(ValueError, match="a row needs 2 cells"):
        TextTable("t", ("model", "error"), ((("a",),),))


def test_things_are_counted():
    assert counted(1, "person", "people") == "1 person"
    assert counted(0, "video") == "0 videos"
    assert counted(2000, "person", "people") == "2,000 people"
