from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

from vpnet.errors import InputError
from vpnet.models.baselines import Static
from vpnet.models.forecaster import Forecaster
from vpnet.models.fusion import Fusion
from vpnet.models.lstm import LSTM
from vpnet.training.forecasting_module import ForecastingModule
from vpnet.training.stages import Stage, parameter_groups

PERSONAL = ("user.", "gates.")


@pytest.fixture
def fusion(data) -> Fusion:
    """Off its start, so that users differ."""
    torch.manual_seed(0)
    model = Fusion(data.spec)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return model


def state_of(model: Forecaster) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def predictions_as(model: Forecaster, data: Any, user: int) -> torch.Tensor:
    window = data.test_windows[[0, 5, 11]]
    index = torch.full_like(window.user_index, user)
    with torch.no_grad():
        return model.eval()(window._replace(user_index=index))


@pytest.fixture
def fit(make_module, quiet_trainer, data, tmp_path) -> Callable[..., ForecastingModule]:
    """Function that trains a stage for three batches, in a folder of its name."""

    def train(model: Forecaster, stage: Stage) -> ForecastingModule:
        stage.begin(model)
        module = make_module(model.train(), stage=stage)
        trainer = quiet_trainer(tmp_path / stage.name, limit_train_batches=3)
        trainer.fit(module, datamodule=data)
        return module

    return train


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "both"}, "name must be single, general or personal, got 'both'"),
        ({"rest": "half"}, "rest must be frozen or tenth, got 'half'"),
    ],
)
def test_an_unknown_stage_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Stage(**arguments)


@pytest.mark.parametrize("name", ["general", "personal"])
def test_a_model_without_anything_personal_is_refused(name, data):
    for model in (LSTM(data.spec, hidden=8, layers=1), Static(data.spec)):
        with pytest.raises(
            InputError,
            match=f"stage={name} is for models with parameters of each viewer, this {model.name} ",
        ):
            Stage(name).begin(model)
    with pytest.raises(InputError, match="a model with user_embed=true"):
        Stage(name).begin(Fusion(data.spec, user_embed=False))


def test_a_single_stage_changes_nothing(fusion, data):
    before = state_of(fusion)
    Stage().begin(fusion)
    assert all(torch.equal(value, before[name]) for name, value in fusion.state_dict().items())
    (group,) = parameter_groups(fusion, Stage())
    assert group["rate"] == 1.0
    assert len(group["params"]) == len(list(fusion.parameters()))
    window = data.train_windows[[0, 3]]
    assert Stage().show(window) is window


@pytest.mark.parametrize("rest", ["frozen", "tenth"])
def test_the_personal_stage_trains_what_is_personal(rest, fusion):
    stage = Stage("personal", rest)
    stage.begin(fusion)
    names = {id(parameter): name for name, parameter in fusion.named_parameters()}
    rate_of = {
        names[id(parameter)]: group["rate"]
        for group in parameter_groups(fusion, stage)
        for parameter in group["params"]
    }
    personal = {name for name in names.values() if name.startswith(PERSONAL)}
    assert len(personal) == 1 + 2 * 4, "an embedding and four gates"
    assert {name for name, rate in rate_of.items() if rate == 1.0} == personal
    slow = set() if rest == "frozen" else set(names.values()) - personal
    assert {name for name, rate in rate_of.items() if rate == 0.1} == slow
    for name, parameter in fusion.named_parameters():
        assert parameter.requires_grad == (name in personal or rest == "tenth")


def test_the_rest_learns_at_a_tenth_of_the_rate(fusion, make_module):
    halve = partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.5)
    module = make_module(fusion, lr=0.5, stage=Stage("personal", "tenth"), scheduler=halve)
    made = module.configure_optimizers()
    assert [group["lr"] for group in made["optimizer"].param_groups] == [0.5, 0.05]
    made["optimizer"].step()
    made["lr_scheduler"]["scheduler"].step()
    assert [group["lr"] for group in made["optimizer"].param_groups] == [0.25, 0.025]


def test_the_general_stage_tells_no_viewers_apart(fusion, data, fit, tmp_path):
    before = state_of(fusion)
    assert not torch.equal(predictions_as(fusion, data, 1), predictions_as(fusion, data, 2))
    module = fit(fusion, Stage("general"))
    assert (fusion.user.embedding.weight[0] != before["user.embedding.weight"][0]).any()
    content = torch.load(tmp_path / "general" / "checkpoints" / "best.ckpt", weights_only=True)
    table = content["state_dict"]["model.user.embedding.weight"]
    assert table.shape == (len(data.users) + 1, 64), "rows for everybody"
    assert torch.equal(table, table[:1].expand_as(table)), "and all are the unknown user"
    unknown = predictions_as(fusion, data, 0)
    for user in range(1, len(data.users) + 1):
        assert torch.equal(predictions_as(fusion, data, user), unknown)
    window = data.train_windows[[0, 3, 6]]
    assert (window.user_index > 0).all()
    assert (module.stage.show(window).user_index == 0).all()


@pytest.mark.parametrize("rest", ["frozen", "tenth"])
def test_the_personal_stage_starts_at_the_general_model(rest, fusion, data, fit):
    fit(fusion, Stage("general"))
    general = predictions_as(fusion, data, 0)
    torch.manual_seed(5)
    personal = Fusion(data.spec)
    personal.load_state_dict(fusion.state_dict())
    Stage("personal", rest).begin(personal)
    for user in range(len(data.users) + 1):
        found = predictions_as(personal, data, user)
        torch.testing.assert_close(found, general, rtol=0, atol=1e-6)
        assert torch.equal(found, predictions_as(personal, data, 0))
    before = state_of(personal)
    fit(personal, Stage("personal", rest))
    changed = {
        name
        for name, value in personal.state_dict().items()
        if not torch.equal(value, before[name])
    }
    own = {name for name in before if name.startswith(PERSONAL)}
    assert own <= changed
    assert (changed == own) == (rest == "frozen")
    assert not torch.equal(predictions_as(personal, data, 1), predictions_as(personal, data, 2))


def test_equal_users_are_no_trap_for_the_gradient(fusion, data):
    """Where users' vectors coincide, what keeps them apart pulls in no direction."""
    Stage("personal").begin(fusion)
    crowding = fusion.regularization()
    crowding.backward()
    assert crowding.item() > 0
    assert fusion.user.embedding.weight.grad.isfinite().all()


def test_personal_parameters_are_not_trained_on_unknown_viewers():
    Stage("personal").check_viewers(["S01", "S01"], ["S01", "S02"])
    for name in ("single", "general"):
        Stage(name).check_viewers(["ada"], ["S01"])
    with pytest.raises(InputError, match=r"1 of 2 here are not among them: ada; use the data"):
        Stage("personal").check_viewers(["S01", "ada"], ["S01", "S02"])
