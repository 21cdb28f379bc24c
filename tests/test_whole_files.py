import os
from pathlib import Path

import pytest

from vpnet.whole_files import whole_file, write_text


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_appears_when_it_is_whole(tmp_path, kind):
    path = tmp_path / "new" / "folder" / "table.csv"
    with whole_file(kind(path)) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == path.parent, "on the same disk, so that replacing is atomic"
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert os.listdir(path.parent) == ["table.csv"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("old", ["old", None])
def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path, error, old):
    path = tmp_path / "table.csv"
    if old is not None:
        path.write_text(old)

    def write() -> None:
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise error("now")

    with pytest.raises(error, match="now"):
        write()
    assert os.listdir(tmp_path) == ([] if old is None else ["table.csv"])
    if old is not None:
        assert path.read_text() == old


def test_a_block_that_wrote_nothing_is_an_error(tmp_path):
    (tmp_path / "table.csv").write_text("old")
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "table.csv"):
        pass
    assert (tmp_path / "table.csv").read_text() == "old"


def test_text_is_utf_8_and_replaces(tmp_path):
    path = tmp_path / "results.md"
    write_text(path, "first")
    write_text(path, "20°, –")
    assert path.read_bytes() == "20°, –".encode()
    assert os.listdir(tmp_path) == ["results.md"]
