import math
from pathlib import Path

import pytest
import torch

from vpnet.errors import InputError
from vpnet.readers.headerless_csv import (
    numbers,
    read_headerless_csv,
    require_lines,
    words,
)
from vpnet.recordings.findings import Finding

COLUMNS = ("word", "a", "b")


def written(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text)
    return path


def test_columns_are_numbers_and_words(tmp_path):
    findings: list[Finding] = []
    table = read_headerless_csv(written(tmp_path, "word,1, 2.5\nother,x,4\n"), COLUMNS, findings)
    assert findings == []
    assert words(table, ["word"]).tolist() == [True, False]
    values = numbers(table, ["a", "b"])
    assert values[:, 1].tolist() == [2.5, 4]
    assert math.isnan(values[1, 0])
    assert values.dtype == torch.float64


def test_a_cut_last_line_is_dropped_and_found(tmp_path):
    findings: list[Finding] = []
    table = read_headerless_csv(written(tmp_path, "word,1,2\nword,3"), COLUMNS, findings)
    assert len(table) == 1
    (finding,) = findings
    assert finding.code == "last_line_cut"
    assert finding.lines == ((2, 2),)
    assert "found 2 of 3 values" in finding.found


def test_a_line_of_more_values_is_refused(tmp_path):
    path = written(tmp_path, "word,1,2\nword,1,2,3\n")
    with pytest.raises(InputError, match="a line must be word,a,b, the file cannot be read so"):
        read_headerless_csv(path, COLUMNS, [])


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="table.csv: the file is empty"):
        read_headerless_csv(written(tmp_path, ""), COLUMNS, [])


def test_missing_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="absent.csv: .* cannot be read so"):
        read_headerless_csv(tmp_path / "absent.csv", COLUMNS, [])


def test_the_first_bad_line_is_shown(tmp_path):
    path = written(tmp_path, "word,1,2\nword,3,4\nword,5\nword,6,7\n")
    table = read_headerless_csv(path, COLUMNS, [])
    good = torch.tensor([True, True, False, False])
    with pytest.raises(
        InputError, match=r"table.csv, line 3: a line must be even, found word,5, \(2 lines"
    ):
        require_lines(path, table, good, "even")
    require_lines(path, table, torch.ones(4, dtype=torch.bool), "even")
