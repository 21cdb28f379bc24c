import json
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from vpnet.cli.app import app
from vpnet.cli.builders import DATA, FILES, checked_recordings, read_with_layout
from vpnet.errors import InputError
from vpnet.readers.reading import READERS
from vpnet.settings import settings_of

OWN_READER = '''
from pathlib import Path

import vpnet.quest_pro.reader as quest_pro
from vpnet.recordings.frame import Frame
from vpnet.studies.study import Study, StudyOptions


def read_mine(folder: str, *, turned: bool = True, frame: Frame = Frame(),
              study: StudyOptions = StudyOptions()) -> Study:
    """Recordings in a folder below the one that is named."""
    if turned:
        frame = Frame(180.0, frame.mirror)
    return quest_pro.read_quest_pro(Path(folder) / "mine", frame=frame, study=study)


def read_list(folder: str) -> list:
    return []


def read_anything(folder) -> list:
    return []
'''


@pytest.fixture
def own_module(tmp_path, monkeypatch) -> Path:
    """A folder with a reader of the user's own, from which it can be imported."""
    (tmp_path / "my_readers.py").write_text(OWN_READER)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_readers", raising=False)
    return tmp_path


def test_the_registry_of_readers_serves_every_command():
    assert {name: reader.read for name, reader in READERS.items()} == FILES
    assert DATA.keys() == {"simulated", *READERS}


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, "this one returned a NoneType"),
        (3, "this one returned a int"),
        ([1, 2], "this one returned one with a int"),
    ],
)
def test_what_is_no_recording_is_said(found, message):
    with pytest.raises(InputError, match=f"must return a list of .*Recording, {message}"):
        checked_recordings(found)


def test_every_configuration_of_data_is_an_entry(repository):
    files = {file.stem for file in (repository / "conf" / "data").glob("*.yaml")}
    assert files == DATA.keys()


def test_settings_stand_in_the_order_of_the_signatures(repository):
    for name, read in DATA.items():
        text = (repository / "conf" / "data" / f"{name}.yaml").read_text()
        keys = [line.partition(":")[0] for line in text.splitlines() if line[:1].isalpha()]
        assert keys == ["name", *settings_of(read)]


@pytest.fixture
def one_viewer(own_module, simulated_study) -> Path:
    """A folder whose subfolder ``mine`` holds one viewer's recordings."""
    (own_module / "mine").mkdir()
    (own_module / "mine" / "S01").symlink_to(simulated_study / "S01")
    return own_module


def test_a_reader_of_the_user_s_own_is_read_by_its_import_path(one_viewer):
    settings = {"mirror": True, "cache": False, "max_gaze_offset_deg": 3.0}
    plain = next(iter(read_with_layout(one_viewer / "mine", "quest_pro", settings)))
    own = next(iter(read_with_layout(one_viewer, "my_readers.read_mine", settings)))
    turned = plain.viewport_center * plain.viewport_center.new_tensor((-1.0, 1.0, -1.0))
    torch.testing.assert_close(own.viewport_center, turned)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("quest", "--layout must be one of parquet, .* got 'quest'"),
        ("my_readers.read_list", "must return a vpnet.studies.study.Study, .* a list"),
        ("my_readers.read_anything", "its first one such as folder: str"),
        ("my_readers.read_none", "cannot be imported"),
        ("simulated", "--layout must be one of parquet"),
    ],
)
def test_what_reads_no_study_is_refused(own_module, layout, message):
    with pytest.raises(InputError, match=message):
        read_with_layout(own_module, layout, {})


def test_check_takes_a_layout(one_viewer, vpnet, tmp_path):
    for layout, root in (("my_readers.read_mine", one_viewer), ("quest_pro", one_viewer / "mine")):
        values_file = tmp_path / f"{layout}.json"
        options = ("--layout", layout, "--html", "none", "--json", values_file, "--no-cache")
        vpnet("check", root, *options)
        assert len(json.loads(values_file.read_text())["recordings"]) == 5


def test_align_takes_a_layout_for_each_set_of_recordings(one_viewer, vpnet, tmp_path):
    options = ("--layout", "my_readers.read_mine", "--json", tmp_path / "fit.json")
    vpnet("align", one_viewer, "--against", one_viewer / "mine", *options, "--rate-hz", 1)
    assert len(json.loads((tmp_path / "fit.json").read_text())["per_video"]) == 0, "one viewer"
    options = (*options, "--against-layout", "parquet")
    with pytest.raises(InputError, match="the parquet file cannot be read"):
        read_with_layout(one_viewer / "mine", "parquet", {})
    ended = CliRunner().invoke(
        app, ["align", *map(str, (one_viewer, "--against", one_viewer / "mine", *options))]
    )
    assert isinstance(ended.exception, InputError)
