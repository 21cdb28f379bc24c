"""The closed table of models, and what holds for the settings of each."""

import pytest

from vpnet.errors import InputError
from vpnet.models.all_models import MODELS
from vpnet.models.star_vp import StarVP
from vpnet.settings import build, check_settings, settings_of

GIVEN = ("spec",)
SETTINGS = [
    (name, setting) for name, model in MODELS.items() for setting in settings_of(model, GIVEN)
]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_listed_by_the_name_that_tables_show(name, make_spec):
    view = MODELS[name].saliency_view
    assert build(MODELS, {"name": name}, "model", spec=make_spec(saliency_view=view)).name == name


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_every_setting_refuses_other_types(name, setting, wrong_values, make_spec):
    wrong = wrong_values(settings_of(MODELS[name])[setting])
    assert len(wrong) > 4
    for value in wrong:
        with pytest.raises(InputError, match=rf"^model.{setting} must be .*, got"):
            check_settings(MODELS[name], {setting: value}, "model", GIVEN)
        with pytest.raises(InputError, match=rf"^{setting} must be"):
            MODELS[name](make_spec(), **{setting: value})


@pytest.mark.parametrize(
    ("name", "setting", "value", "allowed"),
    [
        ("lstm", "hidden", 0, "a whole number from 1 to 8192"),
        ("lstm", "hidden", 8193, "a whole number from 1 to 8192"),
        ("lstm", "layers", 17, "a whole number from 1 to 16"),
        ("track", "hidden", -1, "a whole number from 1 to 8192"),
        ("gated_star_vp", "width", 100_000, "a whole number from 1 to 8192"),
        ("star_vp", "mlp_ratio", 65, "a whole number from 1 to 64"),
        ("star_vp", "dropout", 1.5, "a number from 0 to 1"),
        ("fusion", "stream_dropout", -0.1, "a number from 0 to 1"),
        ("fusion", "unknown_share", 2, "a number from 0 to 1"),
        ("fusion", "diversity_weight", -0.01, "a number of at least 0"),
        ("fusion", "diversity_margin", float("inf"), "a number of at least 0"),
        ("fusion", "streams", ["nose"], "a list of head, eye, offset or face"),
        ("fusion", "streams", "head", "a list of head, eye, offset or face"),
        ("fusion", "encoder", "lstm", "gru or transformer"),
        ("fusion", "projection", "mlp", "linear or conv"),
        ("fusion", "query", "head", "trajectory or saliency"),
        ("muse_vp", "lstm", "triple", "single or dual"),
        ("muse_vp", "eye_spatial_mode", "mul", "concat or add"),
        ("muse_vp", "face_window_s", 0.0, "a number above 0 and at most 3600"),
        ("linear", "ridge", -1e-4, "a number from 0 to 1000000"),
        ("constant_velocity", "span_s", 0, "a number above 0 and at most 3600"),
        ("constant_velocity", "decay_s", 0.0, "a number above 0, or null"),
    ],
)
def test_values_out_of_range_are_refused(name, setting, value, allowed):
    with pytest.raises(InputError, match=rf"^model.{setting} must be {allowed}, got"):
        check_settings(MODELS[name], {setting: value}, "model", GIVEN)


@pytest.mark.parametrize(
    ("name", "width", "multiple"),
    [
        ("fusion", {"width": 48}, "model.width must be a multiple of 32, got 48"),
        ("star_vp", {"hidden": 12}, "model.hidden must be a multiple of the 8 attention heads"),
        ("muse_vp", {"hidden": 12}, "model.hidden must be a multiple of the 8 attention heads"),
        ("gated_star_vp", {"hidden": 12}, "model.hidden must be a multiple of the 8 attention h"),
    ],
)
def test_widths_that_cannot_be_divided_are_refused(name, width, multiple, make_spec):
    with pytest.raises(InputError, match=f"^{multiple}"):
        build(MODELS, {"name": name, **width}, "model", spec=make_spec())


def test_a_setting_of_another_model_is_refused(make_spec):
    with pytest.raises(InputError, match=r"^model.hiden is no setting; did you mean model.hidden"):
        build(MODELS, {"name": "lstm", "hiden": 8}, "model", spec=make_spec())
    with pytest.raises(InputError, match=r"model.name must be one of fusion, .*, got 'os.system'"):
        build(MODELS, {"name": "os.system"}, "model", spec=make_spec())


def test_a_whole_number_may_stand_for_a_number(make_spec):
    assert StarVP(make_spec(saliency_view="points"), dropout=0).network is not None
