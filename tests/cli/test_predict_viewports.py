import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from vpnet.cli.predict_viewports import ViewportSettings
from vpnet.errors import InputError
from vpnet.readers.reading import read_any

OWN_READER = '''
from pathlib import Path

from vpnet.recordings.frame import Frame
from vpnet.quest_pro.reader import read_quest_pro


def read_mine(folder: str, *, level: str, frame: Frame = Frame()) -> list:
    """Recordings some levels below the folder that is named."""
    return list(read_quest_pro(Path(folder) / level, frame=frame))
'''


@pytest.fixture
def settings_with(simulated_study):
    """Function that makes the settings of a command for one viewer's recordings of one video."""

    def make(**values: Any) -> ViewportSettings:
        config = {
            "checkpoint": "best.ckpt",
            "recording": str(simulated_study / "S01" / "simulated_01"),
            "output": "out.csv",
            "stride_s": None,
            "saliency_path": None,
            "reading": {"mirror": None, "max_gaze_offset_deg": None, "accept": None},
            "device": "cpu",
        }
        return ViewportSettings.of(OmegaConf.create(config | values))

    return make


def quest_pro(**values: Any) -> dict[str, Any]:
    """The group data as it is composed: every setting, and no root."""
    settings = {"name": "quest_pro", "root": "???", "video_yaw_offset_deg": 0.0, "mirror": False}
    return settings | {"max_gaze_offset_deg": 60.0, "cache": False, "accept": []} | values


@pytest.mark.parametrize(
    ("trained", "values", "typed", "mirrored"),
    [
        ({}, {}, set(), False),
        ({"mirror": True}, {}, set(), True),
        ({"mirror": True}, {"reading": {"mirror": False}}, {"reading.mirror"}, False),
        ({"mirror": True}, {"data": quest_pro()}, {"data"}, True),
        ({"mirror": True}, {"data": quest_pro()}, {"data", "data.mirror"}, False),
        # A file of the user's own has it, or it was typed.
        ({"mirror": False}, {"data": quest_pro(mirror=True)}, {"data"}, True),
    ],
)
def test_what_was_typed_comes_before_what_was_trained_with(
    settings_with, trained, values, typed, mirrored
):
    settings = settings_with(**values)
    (plain,) = read_any(settings.recording)
    (found,) = settings.recordings({"name": "quest_pro", "root": "gone", **trained}, typed)
    sign = torch.tensor([-1.0 if mirrored else 1.0, 1.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(found.viewport_center, plain.viewport_center * sign)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stride_s": 0}, "stride_s must be a number above 0, or null, got 0"),
        ({"recording": 5}, "recording must be text, got 5"),
        ({"strid": 5}, "strid is no setting; did you mean stride_s?"),
        ({"reading": {"mirror": "flase"}}, "reading.mirror must be true or false, got 'flase'"),
        ({"reading": {"max_gaze_offset_deg": "x"}}, "reading.max_gaze_offset_deg must be a number"),
        ({"reading": {"miror": True}}, "reading.miror is no setting; did you mean reading.mirror"),
        ({"data": quest_pro(mirror="no")}, "data.mirror must be true or false, got 'no'"),
        ({"data": quest_pro(cache="no")}, "data.cache must be true or false, or a folder"),
        ({"data": quest_pro(miror=True)}, "data.miror is no setting; did you mean data.mirror"),
        ({"data": quest_pro(name="simulated")}, "data.name must be one of parquet, .*'simulated'"),
        ({"data": {"mirror": True}}, "data.name must be one of parquet, .* got nothing"),
        (
            {"data": quest_pro(), "reading": {"mirror": True}},
            "reading.mirror is for recordings whose layout is recognised; .* write data.mirror",
        ),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_read(settings_with, values, message):
    with pytest.raises(InputError, match=message):
        settings_with(**values)


def test_a_place_that_was_typed_twice_is_refused(settings_with):
    settings = settings_with(data=quest_pro(root="elsewhere"))
    assert len(list(settings.recordings({}, {"data"}))) == 1, "that of a file is replaced"
    with pytest.raises(InputError, match="data.root and recording both say what is read"):
        settings.recordings({}, {"data", "data.root"})


def test_a_reader_of_the_user_s_own(settings_with, simulated_study, tmp_path, monkeypatch):
    (tmp_path / "own_reader.py").write_text(OWN_READER)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_reader", raising=False)
    own = {"_target_": "own_reader.read_mine", "folder": "???", "level": "simulated_02"}
    settings = settings_with(data=own, recording=str(simulated_study / "S01"))
    trained = {"name": "parquet", "mirror": True, "max_gaze_offset_deg": 3.0}
    (recording,) = settings.recordings(trained, {"data"})
    (expected,) = read_any(Path(settings.recording) / "simulated_02", mirror=True)
    torch.testing.assert_close(recording.viewport_center, expected.viewport_center)
    with pytest.raises(InputError, match="data.level is missing; it must be text"):
        settings_with(data={name: own[name] for name in ("_target_", "folder")})
