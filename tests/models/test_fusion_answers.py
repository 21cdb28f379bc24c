"""The fusion model with a questionnaire: what it changes, and that without it nothing changes."""

import pytest
import torch

from vpnet.models.fusion import USER_WIDTH, Fusion


@pytest.mark.parametrize("user_embed", [True, False])
@pytest.mark.parametrize(
    ("absent", "questionnaire"),
    [({}, False), ({"answers": 0, "has_answers": False}, False), ({"has_answers": False}, True)],
    ids=["not asked for", "checkpoints of before", "nobody answered"],
)
def test_without_answers_it_is_the_same_network(
    user_embed, absent, questionnaire, make_fusion, make_spec, make_window
):
    plain = make_fusion(user_embed=user_embed)
    model = make_fusion(make_spec(**absent), user_embed=user_embed, questionnaire=questionnaire)
    assert list(model.state_dict()) == list(plain.state_dict())
    assert model.parameter_count == plain.parameter_count
    window = make_window(plain.spec)
    assert torch.equal(model(window), plain(window))
    silent = window._replace(answers_valid=torch.zeros_like(window.answers_valid))
    assert torch.equal(model(silent), plain(window))
    random_state = torch.get_rng_state()
    trained = model.train()(window)
    torch.set_rng_state(random_state)
    assert torch.equal(plain.train()(window), trained), "not a random number more is drawn"


@pytest.mark.parametrize(("user_embed", "width"), [(True, 6 + USER_WIDTH), (False, 6)])
def test_answers_move_the_gates_and_the_prediction(user_embed, width, make_fusion, make_window):
    model = make_fusion(user_embed=user_embed, questionnaire=True)
    assert model.profile is not None
    assert model.profile.get_parameter("network.0.weight").shape == (USER_WIDTH, width)
    window = make_window(model.spec)
    window = window._replace(answers_valid=torch.ones_like(window.answers_valid))
    other = window._replace(answers=1 - window.answers)
    assert (model(window) != model(other)).any(dim=-1).all()
    assert (model.trace(window).gates["head"] != model.trace(other).gates["head"]).any()
    silent = window._replace(answers_valid=~window.answers_valid)
    nonsense = silent._replace(answers=torch.full_like(silent.answers, torch.nan))
    assert torch.equal(model(silent), model(nonsense))


def test_answers_tell_unknown_users_apart(make_fusion, make_window):
    model = make_fusion(questionnaire=True)
    window = make_window(model.spec)._replace(
        user_index=torch.zeros(6, dtype=torch.long),
        answers_valid=torch.ones(6, 3, dtype=torch.bool),
    )
    first = window._replace(answers=torch.zeros(6, 3))
    second = window._replace(answers=torch.ones(6, 3))
    assert (model(first) != model(second)).any(dim=-1).all()


@pytest.mark.parametrize(
    ("absent", "named"),
    [({}, []), ({"has_answers": False}, ["questionnaire"]), ({"answers": 0}, ["questionnaire"])],
)
def test_it_says_when_nobody_answered(absent, named, make_spec):
    assert Fusion(make_spec(**absent), questionnaire=True).absent_streams() == named
    assert Fusion(make_spec(**absent)).absent_streams() == []


def test_answers_are_hidden_at_times_in_training_only(make_spec, make_window):
    torch.manual_seed(0)
    model = Fusion(
        make_spec(has_gaze=False, has_face=False, has_saliency=False),
        user_embed=False,
        questionnaire=True,
        stream_dropout=0.3,
        dropout=0.0,
    )
    window = make_window(model.spec, batch=2000)
    window = window._replace(answers_valid=torch.ones_like(window.answers_valid))
    silent = window._replace(answers_valid=~window.answers_valid)
    without = model.eval().trace(silent).gates["head"]
    hidden = (model.train().trace(window).gates["head"] - without).abs().amax(dim=1) < 1e-6
    assert hidden.float().mean() == pytest.approx(0.3, abs=0.04)
    hidden = (model.eval().trace(window).gates["head"] - without).abs().amax(dim=1) < 1e-6
    assert not hidden.any()


@pytest.mark.parametrize("user_embed", [True, False])
def test_every_parameter_learns(user_embed, make_fusion, make_window):
    model = make_fusion(user_embed=user_embed, questionnaire=True).train()
    window = make_window(model.spec, batch=32)
    model(window).square()[..., 0].sum().backward()
    assert model.profile is not None
    for name, parameter in model.profile.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad != 0).any(), name
