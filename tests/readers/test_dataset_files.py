import math
import os
from pathlib import Path

import pytest
import torch

from vpnet.errors import InputError
from vpnet.readers.dataset_files import DatasetLayout, read_headerless_csv
from vpnet.recordings.findings import Finding

COLUMNS = ("word", "a", "b")
LAYOUT = DatasetLayout("H/Scanpaths", "*/*.csv")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("b/2.csv", "a/1.csv", "a/notes.txt"):
        path = tmp_path / "unpacked" / "H" / "Scanpaths" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "unpacked"


@pytest.mark.parametrize(
    ("inner", "names"),
    [
        ("", ["1.csv", "2.csv"]),
        ("H", ["1.csv", "2.csv"]),
        ("H/Scanpaths", ["1.csv", "2.csv"]),
        ("H/Scanpaths/b", ["2.csv"]),
        ("H/Scanpaths/b/2.csv", ["2.csv"]),
        ("H/Scanpaths/a/notes.txt", []),
        ("H/Scanpaths/c", []),
        ("other", []),
    ],
)
def test_any_folder_of_the_layout_is_a_root(root, inner, names):
    assert [file.name for file in LAYOUT.find(root / inner)] == names


def test_a_relative_path_is_as_good(root):
    relative = Path(os.path.relpath(root / "H" / "Scanpaths" / "a"))
    assert LAYOUT.find(relative) == [relative / "1.csv"]


def test_only_the_innermost_folder_may_have_another_name(root):
    renamed = (root / "H" / "Scanpaths").rename(root / "mine")
    assert LAYOUT.find(renamed) == []
    assert len(LAYOUT.require(renamed)) == 2


def test_what_is_not_there_is_refused(root):
    with pytest.raises(InputError, match=r"must hold files H/Scanpaths/\*/\*.csv, none was found"):
        LAYOUT.require(root.parent)
    with pytest.raises(InputError, match="no such folder"):
        LAYOUT.require(root / "absent")


def test_a_table_of_recordings_is_read_otherwise(root, tmp_path):
    table = tmp_path / "tables" / "david.parquet"
    table.parent.mkdir()
    table.touch()
    for where in (table, table.parent):
        with pytest.raises(InputError, match=rf"data=parquet data.path={table}"):
            LAYOUT.require(where)
    (root / "beside.parquet").touch()
    assert LAYOUT.require(root) == LAYOUT.find(root)


def test_a_layout_without_a_folder_is_its_files():
    assert str(DatasetLayout("", "video*/*.csv")) == "video*/*.csv"


def read(path: Path, findings: list[Finding], good=lambda values: values[:, 0] > 0) -> torch.Tensor:
    return read_headerless_csv(path, COLUMNS, good, " with a above 0", findings, ("word",))


def written(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text)
    return path


def test_columns_are_numbers_between_marks(tmp_path):
    findings: list[Finding] = []
    values = read(written(tmp_path, "word,1, 2.5\nword,2,x\n"), findings)
    assert findings == []
    assert values[0].tolist() == [1, 2.5]
    assert math.isnan(values[1, 1])
    assert values.dtype == torch.float64


def test_a_cut_last_line_is_dropped_and_found(tmp_path):
    findings: list[Finding] = []
    values = read(written(tmp_path, "word,1,2\nword,3"), findings)
    assert len(values) == 1
    (finding,) = findings
    assert finding.code == "last_line_cut"
    assert finding.lines == ((2, 2),)
    assert "found 2 of 3 values" in finding.found


def test_a_line_of_more_values_is_refused(tmp_path):
    path = written(tmp_path, "word,1,2\nword,1,2,3\n")
    with pytest.raises(InputError, match="a line must be word,a,b, the file cannot be read so"):
        read(path, [])


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="table.csv: the file is empty"):
        read(written(tmp_path, ""), [])


def test_missing_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="absent.csv: .* cannot be read so"):
        read(tmp_path / "absent.csv", [])


@pytest.mark.parametrize(
    ("line", "shown"), [("word,-5", "word,-5,"), ("other,5,6", "other,5,6"), (",5,6", ",5,6")]
)
def test_the_first_bad_line_is_shown(tmp_path, line, shown):
    path = written(tmp_path, f"word,1,2\nword,3,4\n{line}\nword,-6,7\n")
    rule = f"line 3: a line must be word,a,b with a above 0, found {shown} \\(2 lines are wrong"
    with pytest.raises(InputError, match=rule):
        read(path, [])
