"""The closed table of splits, and what holds for the settings of each."""

import pytest

from vpnet.dataset.all_splits import SPLITS
from vpnet.errors import InputError
from vpnet.settings import build, settings_of

SETTINGS = [(name, setting) for name, split in SPLITS.items() for setting in settings_of(split)]


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_every_setting_refuses_other_types(name, setting, wrong_values):
    wrong = wrong_values(settings_of(SPLITS[name])[setting])
    assert len(wrong) > 4
    for value in wrong:
        with pytest.raises(InputError, match=rf"^split.{setting} must be .*, got"):
            build(SPLITS, {"name": name, setting: value}, "split")
        with pytest.raises(InputError, match=rf"^{setting} must be"):
            SPLITS[name](**{setting: value})


@pytest.mark.parametrize(
    ("name", "setting", "value", "allowed"),
    [
        ("cross_video", "val_fraction", -0.1, "a number from 0 to 1"),
        ("cross_user", "test_fraction", 1.1, "a number from 0 to 1"),
        ("cross_user_and_video", "seed", -1, "a whole number from 0 to 4294967295"),
        ("cross_video", "seed", 2**32, "a whole number from 0 to 4294967295"),
        ("leave_one_user_out", "fold", -1, "a whole number of at least 0"),
    ],
)
def test_values_out_of_range_are_refused(name, setting, value, allowed):
    with pytest.raises(InputError, match=rf"^split.{setting} must be {allowed}, got"):
        build(SPLITS, {"name": name, setting: value}, "split")


def test_a_file_must_be_named():
    with pytest.raises(InputError, match=r"^split.path is missing; it must be a path"):
        build(SPLITS, {"name": "file"}, "split")
