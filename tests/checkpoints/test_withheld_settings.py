"""Paths of a machine and ids of viewers stay out of a checkpoint, and are found again."""

from pathlib import Path

import pytest
import yaml

from vpnet.checkpoints.checkpoint_entry import SOURCES, check_withheld, recall, withhold
from vpnet.dataset.splits import SPLITS
from vpnet.errors import InputError
from vpnet.readers.reading import READERS as READING


def read_mine(
    path: str | Path, exclude: Path | None = None, accept: tuple[str, ...] = (), turn: float = 0.0
):
    """A reader."""


READERS = {"mine": read_mine}
DATA = {
    "name": "mine",
    "path": "/somewhere/alice",
    "exclude": None,
    "accept": ["code"],
    "turn": 9.0,
}


def test_paths_are_withheld_and_the_rest_is_kept():
    assert withhold("data", DATA, READERS) == (
        {"name": "mine", "exclude": None, "accept": ["code"], "turn": 9.0},
        ["data.path"],
    )
    maps = {"name": "file", "path": "maps"}
    assert withhold("saliency", maps, SOURCES) == ({"name": "file"}, ["saliency.path"])
    assert withhold("saliency", None, SOURCES) == (None, [])


@pytest.mark.parametrize(("user", "keys"), [("alice", ["split.user"]), (None, [])])
def test_the_viewer_who_is_left_out_is_withheld(user, keys):
    split = {"name": "leave_one_user_out", "user": user, "fold": 2}
    kept, withheld = withhold("split", split, SPLITS)
    assert withheld == keys
    assert kept is not None
    assert kept.get("user") is None
    assert kept["fold"] == 2


def test_of_the_users_own_code_numbers_are_kept_alone():
    own = {"_target_": "my.reader", "folder": "alice", "turn": 9.0, "mirror": True, "names": ["a"]}
    kept, withheld = withhold("data", own, READERS)
    assert kept == {"name": "my.reader", "turn": 9.0, "mirror": True}
    assert withheld == ["data.folder", "data.names"]


def test_the_folder_of_caches_is_neither_kept_nor_needed():
    settings = {"name": "parquet", "path": "x.parquet", "cache": "./mine"}
    read = {"parquet": READING["parquet"].read}
    assert withhold("data", settings, read) == ({"name": "parquet"}, ["data.path"])
    assert withhold("data", settings | {"cache": False}, read)[0] == {
        "name": "parquet",
        "cache": False,
    }


def test_a_text_of_the_users_own_code_may_be_a_path_however_it_is_declared():
    def read(root: str, turn: float = 0.0): ...

    values = {"name": "my.read", "root": "somewhere", "turn": 1.0}
    kept, withheld = withhold("data", values, {"my.read": read})
    assert kept == {"name": "my.read", "turn": 1.0}
    assert withheld == ["data.root"]


@pytest.mark.parametrize("setting", ["path", "exclude"])
def test_a_file_that_holds_a_path_all_the_same_is_refused(setting):
    check_withheld("data", {"name": "mine", "turn": 9.0, "exclude": None}, READERS)
    with pytest.raises(InputError, match=f"data.{setting} is a path or an id"):
        check_withheld("data", {"name": "mine", setting: "elsewhere/of/victim"}, READERS)
    with pytest.raises(InputError, match="split.user is a path or an id"):
        check_withheld("split", {"name": "leave_one_user_out", "user": "bob"}, SPLITS)
    check_withheld("saliency", None, SOURCES)
    check_withheld("data", {"name": "nobody.s", "path": "x"}, READERS)


@pytest.fixture
def best(tmp_path) -> Path:
    path = tmp_path / "run" / "checkpoints" / "best.ckpt"
    path.parent.mkdir(parents=True)
    return path


KEPT = {"data": {"name": "mine", "turn": 9.0}, "seed": 3}


def test_the_run_folder_has_what_is_withheld(best):
    (best.parents[1] / "config.yaml").write_text(yaml.safe_dump({"data": DATA, "seed": 4}))
    found = recall(best, KEPT, ["data.path", "saliency.path"], [])
    assert found == {"data": {**KEPT["data"], "path": "/somewhere/alice"}, "seed": 3}
    assert "path" not in KEPT["data"]


def test_a_list_there_is_taken_too(best):
    own = {"_target_": "my.reader", "names": ["a", "b"]}
    (best.parents[1] / "config.yaml").write_text(yaml.safe_dump({"data": own}))
    kept = {"data": {"name": "my.reader"}}
    assert recall(best, kept, ["data.names"], [])["data"]["names"] == ["a", "b"]


def test_no_folder_of_caches_is_taken_from_there(best):
    """Whoever made the folder would choose where files are written."""
    settings = {"name": "mine", "cache": "./somewhere"}
    (best.parents[1] / "config.yaml").write_text(yaml.safe_dump({"data": settings}))
    assert recall(best, KEPT, ["data.cache"], []) == KEPT


@pytest.mark.parametrize("typed", ["data", "data.path"])
def test_a_typed_setting_is_not_required(best, typed):
    assert recall(best, KEPT, ["data.path"], [typed]) == KEPT


@pytest.mark.parametrize(
    "config",
    [
        None,
        "[1, 2",
        "just text",
        {"data": {"name": "other", "path": "x"}},
        {"data": {"name": "mine", "path": {"_target_": "os.system"}}},
        {"data": {"name": "mine", "path": "${oc.env:HOME}"}},
        {"data": 3},
    ],
)
def test_a_setting_found_nowhere_is_required(best, config):
    if config is not None:
        text = config if isinstance(config, str) else yaml.safe_dump(config)
        (best.parents[1] / "config.yaml").write_text(text)
    with pytest.raises(
        InputError, match=r"best.ckpt: does not hold data.path.*; give data.path=\.\.\."
    ):
        recall(best, KEPT, ["data.path"], ["seed"])
