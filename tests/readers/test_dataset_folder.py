import os
from pathlib import Path

import pytest

from vpnet.errors import InputError
from vpnet.readers.dataset_folder import DatasetLayout

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
