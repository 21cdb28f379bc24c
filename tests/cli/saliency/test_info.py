import re

import pytest
import torch

from vpnet.cli.saliency.info import PICTURE_COLUMNS, PICTURE_ROWS, picture
from vpnet.errors import InputError


def test_what_is_inside_is_printed(run, map_file):
    printed = run("info", map_file, map_file)
    assert printed.count(str(map_file)) == 2
    assert "4 of 120 x 240 pixels, uint8, " in printed
    assert "0.00 to 0.60 s, one every 0.200 s" in printed
    assert re.search(r"range +0\.000 to (0\.9\d+|1\.000), mean 0\.\d+ \(4 maps\b", printed)
    assert "weights   random-0" in printed
    assert "damage" not in printed, "settings that say nothing are left out"


def test_the_picture_is_bright_where_the_maps_are(run, map_file):
    lines = run("info", map_file).splitlines()[-PICTURE_ROWS:]
    assert {len(line) for line in lines} == {PICTURE_COLUMNS + 2}
    row = max(range(PICTURE_ROWS), key=lambda at: lines[at].count("@"))
    assert row == PICTURE_ROWS // 2
    assert lines[row].index("@") < PICTURE_COLUMNS // 4


def test_a_folder_stands_for_its_files(run, map_file):
    assert run("info", map_file.parent) == run("info", map_file)


def test_a_map_without_contrast_has_a_picture_too():
    assert set("".join(picture(torch.zeros(120, 240)))) == {" "}


def test_what_is_no_file_of_maps_is_refused(run, tmp_path):
    (tmp_path / "notes.h5").write_text("notes")
    with pytest.raises(InputError, match="is no whole file of saliency maps"):
        run("info", tmp_path / "notes.h5")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no files of maps in this folder"):
        run("info", tmp_path / "empty")
    with pytest.raises(InputError, match="no such file of saliency maps"):
        run("info", tmp_path / "none.h5")
