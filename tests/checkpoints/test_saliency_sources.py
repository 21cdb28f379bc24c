"""The closed table of saliency sources, and what holds for the settings of each."""

import pytest

from vpnet.checkpoints.checkpoint_entry import SOURCES
from vpnet.errors import InputError
from vpnet.saliency.crowd import Crowd
from vpnet.settings import build, settings_of

SETTINGS = [(name, setting) for name, source in SOURCES.items() for setting in settings_of(source)]


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_every_setting_refuses_other_types(name, setting, wrong_values):
    wrong = wrong_values(settings_of(SOURCES[name])[setting])
    assert len(wrong) > 4
    for value in wrong:
        with pytest.raises(InputError, match=rf"^saliency.{setting} must be .*, got"):
            build(SOURCES, {"name": name, setting: value}, "saliency")
        with pytest.raises(InputError, match=rf"^{setting} must be"):
            SOURCES[name](**{setting: value})


@pytest.mark.parametrize(
    ("name", "setting", "value", "allowed"),
    [
        ("center_bias", "height", 0, "a whole number from 1 to 2160"),
        ("center_bias", "width", 4321, "a whole number from 1 to 4320"),
        ("center_bias", "smoothing_deg", 0.0, "a number above 0 and at most 90"),
        ("behavioural", "smoothing_deg", 90.5, "a number above 0 and at most 90"),
        ("behavioural", "height", -40, "a whole number from 1 to 2160"),
        ("behavioural", "folds", 1, "a whole number from 2 to 10000, or null"),
    ],
)
def test_values_out_of_range_are_refused(name, setting, value, allowed):
    with pytest.raises(InputError, match=rf"^saliency.{setting} must be {allowed}, got"):
        build(SOURCES, {"name": name, setting: value}, "saliency")


@pytest.mark.parametrize("name", ["paver", "file"])
def test_a_folder_must_be_named(name):
    with pytest.raises(InputError, match=r"^saliency.path is missing; it must be a path"):
        build(SOURCES, {"name": name}, "saliency")


@pytest.mark.parametrize("folds", [1, 2.0, "2", True])
def test_the_crowd_refuses_wrong_folds(folds):
    with pytest.raises(InputError, match="^folds must be a whole number from 2 to 10000, or null"):
        Crowd(folds)
