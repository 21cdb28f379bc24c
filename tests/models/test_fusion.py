"""The fusion model: what it reads, what masks hide, what turns with the scene, its answers."""

import math

import pytest
import torch

from vpnet.dataset.window import ViewportWindow
from vpnet.errors import InputError
from vpnet.geometry.directions import great_circle_distance
from vpnet.models.fusion import Fusion

OPTIONS = [
    {"encoder": encoder, "projection": projection, "query": query, "user_embed": user_embed}
    for encoder in ("gru", "transformer")
    for projection in ("linear", "conv")
    for query in ("trajectory", "saliency")
    for user_embed in (True, False)
]


@pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda options: "-".join(map(str, options.values()))
)
def test_what_masked_samples_hold_changes_nothing(options, make_fusion, make_window):
    model = make_fusion(**options)
    window = make_window(model.spec)
    valid = torch.rand(6, 8, generator=torch.Generator().manual_seed(3)) > 0.3
    valid[:, -1] = True
    window = window._replace(history_valid=valid)
    predicted = model(window)
    assert great_circle_distance(predicted, window.history_directions[:, -1:]).min() > 1e-3
    masks = {
        "history_directions": window.history_valid,
        "history_roll_rad": window.history_valid,
        "gaze_directions": window.gaze_valid,
        "gaze_offset_deg": window.gaze_valid,
        "is_fixating": window.gaze_valid,
        "fixation_duration_s": window.gaze_valid,
        "face": window.face_valid,
    }
    for nonsense in (torch.nan, -1e6):
        spoilt = {}
        for name, mask in masks.items():
            assert not mask.all(), name
            value = getattr(window, name)
            spoilt[name] = value.masked_fill(
                ~mask.reshape(6, 8, *[1] * (value.dim() - 2)), nonsense
            )
        assert torch.equal(model(window._replace(**spoilt)), predicted)


@pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda options: "-".join(map(str, options.values()))
)
def test_turning_the_scene_turns_the_prediction(options, make_fusion, make_spec, make_window, turn):
    model = make_fusion(make_spec(has_saliency=False), **options)
    window = make_window(model.spec)
    predicted = model(window)
    for angle_rad in (0.7, -2.9):
        turned = window._replace(
            history_directions=turn(window.history_directions, angle_rad),
            gaze_directions=turn(window.gaze_directions, angle_rad),
        )
        apart_rad = great_circle_distance(model(turned), turn(predicted, angle_rad))
        assert apart_rad.max() < 1e-4


@pytest.mark.parametrize("has_saliency", [False, True])
def test_turning_the_scene_with_its_crowd_turns_the_prediction(
    has_saliency, make_fusion, make_spec, make_window, stir, turn
):
    model = make_fusion(make_spec(has_saliency=has_saliency), crowd=True)
    stir(model.crowd_attention, 0.2)
    window = make_window(model.spec)
    predicted = model(window)
    columns = 12  # a quarter turn, see below
    angle_rad = columns / 48 * 2 * math.pi
    head_turned = window._replace(
        history_directions=turn(window.history_directions, angle_rad),
        gaze_directions=turn(window.gaze_directions, angle_rad),
        saliency_maps=window.saliency_maps.roll(columns, dims=-1),
    )
    turned = head_turned._replace(crowd_directions=turn(window.crowd_directions, angle_rad))
    expected = turn(predicted, angle_rad)
    assert great_circle_distance(model(head_turned), expected).max() > 0.05, "the crowd matters"
    assert great_circle_distance(model(turned), expected).max() < 1e-4


@pytest.mark.parametrize(
    ("columns", "exactly"),
    # A quarter turn is a whole number of columns at every layer; other turns are not, since 60
    # columns of features are pooled to 28 tokens.
    [(60, True), (120, True), (-60, True), (43, False), (-100, False)],
)
def test_turning_the_scene_with_its_saliency_turns_the_prediction(
    columns, exactly, make_fusion, make_window, stir, turn
):
    model = make_fusion()
    stir(model.saliency_attention, 0.2)
    stir(model.saliency_attention.position, 2.0)
    stir(model.saliency_encoder, 0.2)
    row, column = torch.meshgrid(torch.arange(120), torch.arange(240), indexing="ij")
    spots = [
        30 * torch.exp(-((row - 50) ** 2 + ((column - at + 120) % 240 - 120) ** 2) / 200)
        for at in (40, 190)
    ]
    window = make_window(model.spec, map_height=120)._replace(
        saliency_maps=torch.stack(spots),
        saliency_index=torch.tensor([[0, 0], [1, 0], [0, 1], [1, 1], [-1, -1], [0, 0]]),
    )
    angle_rad = columns / 240 * 2 * math.pi
    expected = turn(model(window), angle_rad)
    head_turned = window._replace(
        history_directions=turn(window.history_directions, angle_rad),
        gaze_directions=turn(window.gaze_directions, angle_rad),
    )
    turned = head_turned._replace(saliency_maps=window.saliency_maps.roll(columns, dims=-1))
    apart_rad = great_circle_distance(model(turned), expected).max()
    left_behind_rad = great_circle_distance(model(head_turned), expected).max()
    assert left_behind_rad > 0.05, "the map matters"
    assert apart_rad < (1e-4 if exactly else 0.3 * left_behind_rad)


@pytest.mark.parametrize("user_embed", [True, False])
def test_gates_are_shares_and_zero_for_absent_streams(
    user_embed, make_fusion, make_spec, make_window
):
    model = make_fusion(make_spec(has_face=False), user_embed=user_embed)
    window = make_window(model.spec, lost_share=0.0)
    lost = torch.tensor([True, False, False, True, False, False])
    window = window._replace(gaze_valid=window.gaze_valid & ~lost.unsqueeze(1))
    trace = model.trace(window)
    assert torch.equal(trace.directions, model(window))
    assert {name: gate.shape for name, gate in trace.gates.items()} == {
        name: (6, width) for name, width in model.hidden.items()
    }
    for gate in trace.gates.values():
        assert ((gate >= 0) & (gate <= 1)).all()
    assert (trace.gates["face"] == 0).all(), "the data lack it"
    for name in ("eye", "offset"):
        assert (trace.gates[name][lost] == 0).all(), "these windows lack it"
        assert (trace.gates[name][~lost] > 0).all()
    assert (trace.gates["head"] > 0).all()


def test_the_user_moves_the_gates_and_the_prediction(make_fusion, make_window):
    model = make_fusion()
    window = make_window(model.spec)._replace(user_index=torch.zeros(6, dtype=torch.long))
    other = window._replace(user_index=torch.full((6,), 3))
    assert (model(window) != model(other)).any(dim=-1).all()
    assert (model.trace(window).gates["head"] != model.trace(other).gates["head"]).any()
    without = make_fusion(user_embed=False)
    assert torch.equal(without(window), without(other))


@pytest.mark.parametrize(
    ("arguments", "streams", "absent"),
    [
        ({}, ("head", "eye", "offset", "face"), []),
        ({"has_gaze": False}, ("head", "face"), ["eye", "offset"]),
        (
            {"has_face": False, "has_saliency": False},
            ("head", "eye", "offset"),
            ["face", "saliency"],
        ),
        ({"face_features": 0}, ("head", "eye", "offset"), ["face"]),
    ],
)
def test_it_says_which_streams_the_data_lack(make_spec, arguments, streams, absent):
    model = Fusion(make_spec(**arguments))
    assert model.streams == streams
    assert model.absent_streams() == absent


def test_unused_streams_are_not_missed(make_fusion, make_spec, make_window):
    model = make_fusion(make_spec(has_face=False), streams=("face", "head"))
    assert model.streams == ("head",)
    assert model.absent_streams() == ["face"]
    window = make_window(model.spec)
    other = make_window(model.spec, seed=9)
    gaze = {name: getattr(other, name) for name in window._fields if "gaze" in name}
    assert torch.equal(model(window), model(window._replace(**gaze)))


def test_one_stream_at_least_is_used(make_spec):
    with pytest.raises(InputError, match="model.streams must hold one or more of head, eye, off"):
        Fusion(make_spec(), streams=())


def test_maps_cannot_attend_to_streams_that_the_data_lack(make_spec):
    with pytest.raises(InputError, match=r"model.query=saliency attends to the streams eye, and"):
        Fusion(make_spec(has_gaze=False), query="saliency", streams=["eye"])


def test_without_the_head_its_past_plays_no_part(make_fusion, make_spec, make_window):
    """But for where it points now: a prediction starts from there."""
    model = make_fusion(make_spec(has_saliency=False), streams=("eye",))
    assert model.streams == ("eye",)
    window = make_window(model.spec)
    past = window.history_directions.clone()
    past[:, :-1] = make_window(model.spec, seed=9).history_directions[:, :-1]
    assert (past != window.history_directions).any()
    assert torch.equal(model(window), model(window._replace(history_directions=past)))
    now = past.clone()
    now[:, -1] = make_window(model.spec, seed=9).history_directions[:, -1]
    apart_rad = great_circle_distance(model(window), model(window._replace(history_directions=now)))
    assert apart_rad.min() > 1e-3


def test_without_any_stream_in_the_data_it_still_predicts_and_says_so(
    make_fusion, make_spec, make_window
):
    model = make_fusion(make_spec(has_gaze=False, has_saliency=False), streams=("eye",))
    assert model.absent_streams() == ["eye", "saliency"]
    assert "sees nothing of the viewer" in model.describe()
    assert "sees nothing" not in make_fusion(make_spec(), streams=("eye",)).describe()
    predicted = model(make_window(model.spec))
    torch.testing.assert_close(predicted.norm(dim=-1), torch.ones(predicted.shape[:-1]))


def test_saliency_can_be_left_out(make_fusion, make_spec, make_window):
    model = make_fusion(make_spec(), saliency=False)
    assert model.absent_streams() == []
    window = make_window(model.spec)
    assert torch.equal(
        model(window), model(window._replace(saliency_maps=window.saliency_maps.flip(-1)))
    )


def test_streams_but_the_head_are_hidden_at_times_in_training_only(
    make_fusion, make_spec, make_window
):
    model = make_fusion(
        make_spec(has_saliency=False), stream_dropout=0.3, unknown_share=0.0
    ).train()
    window = make_window(model.spec, batch=2000, lost_share=0.0)
    torch.manual_seed(0)
    gates = model.trace(window).gates
    for name in ("eye", "offset", "face"):
        hidden = (gates[name] == 0).all(dim=1)
        assert hidden.float().mean() == pytest.approx(0.3, abs=0.04)
    assert (gates["head"] > 0).all()
    gates = model.eval().trace(window).gates
    assert all((gate > 0).all() for gate in gates.values())


def test_regularization_keeps_users_apart(make_spec):
    model = Fusion(make_spec(), diversity_weight=0.5, diversity_margin=50.0)
    assert model.user is not None
    expected = 0.5 * model.user.crowding(50.0)
    assert torch.equal(torch.as_tensor(model.regularization()), expected)
    assert expected > 100
    assert Fusion(make_spec(), user_embed=False).regularization() == 0.0


HIDDEN_ROWS = torch.tensor([True, False, True, False, False, True])

FIELDS = {
    "eye": ("gaze_directions", "is_fixating", "fixation_duration_s"),
    "offset": ("gaze_offset_deg",),
    "face": ("face",),
    "answers": ("answers",),
    "saliency": ("saliency_maps",),
}
MASKS = {"eye": "gaze_valid", "offset": "gaze_valid", "face": "face_valid"}


def hide(window: ViewportWindow, stream: str) -> ViewportWindow:
    """Mask a stream in some of the windows; a map is hidden from all of them."""
    if stream == "saliency":
        return window._replace(saliency_index=torch.full_like(window.saliency_index, -1))
    name = MASKS.get(stream, "answers_valid")
    return window._replace(**{name: getattr(window, name) & ~HIDDEN_ROWS.unsqueeze(1)})


def spoil(window: ViewportWindow, stream: str, value: float) -> ViewportWindow:
    """Other values in the windows where `hide` masks the stream."""
    if stream == "saliency":
        return window._replace(saliency_maps=torch.full_like(window.saliency_maps, value))
    spoilt = {}
    for name in FIELDS[stream]:
        field = getattr(window, name)
        rows = HIDDEN_ROWS.reshape(-1, *[1] * (field.dim() - 1))
        spoilt[name] = field.masked_fill(rows, value)
    return window._replace(**spoilt)


@pytest.mark.parametrize("encoder", ["gru", "transformer"])
@pytest.mark.parametrize("query", ["trajectory", "saliency"])
@pytest.mark.parametrize("stream", FIELDS)
def test_a_masked_stream_changes_nothing(stream, query, encoder, make_fusion, make_window):
    model = make_fusion(questionnaire=True, query=query, encoder=encoder)
    seen = make_window(model.spec, lost_share=0.0)
    seen = seen._replace(
        saliency_index=torch.tensor([[0, 1], [1, 0], [0, 0], [1, 1], [0, 1], [1, 0]]),
        answers_valid=torch.ones_like(seen.answers_valid),
    )
    hidden = hide(seen, stream)
    expected = model.trace(hidden)
    assert (expected.directions != model(seen)).any(dim=-1).any(dim=-1)[HIDDEN_ROWS].all()
    for value in (torch.nan, torch.inf, -1e6):
        found = model.trace(spoil(hidden, stream, value))
        assert torch.equal(found.directions, expected.directions)
        for name, gate in expected.gates.items():
            assert torch.equal(found.gates[name], gate)
        if expected.saliency is not None:
            assert found.saliency is not None
            assert torch.equal(found.saliency, expected.saliency)


@pytest.mark.parametrize("query", ["trajectory", "saliency"])
@pytest.mark.parametrize("stream", ["eye", "offset", "face"])
def test_a_gate_is_closed_where_its_stream_is_masked(stream, query, make_fusion, make_window):
    model = make_fusion(query=query)
    gate = model.trace(hide(make_window(model.spec, lost_share=0.0), stream)).gates[stream]
    assert (gate[HIDDEN_ROWS] == 0).all()
    assert (gate[~HIDDEN_ROWS] > 0).all()
    assert (model.stream_gates(make_window(model.spec, lost_share=0.0))[stream] > 0).all()


@pytest.mark.parametrize("query", ["trajectory", "saliency"])
def test_a_map_without_viewers_changes_nothing(query, make_fusion, make_window):
    model = make_fusion(query=query)
    window = make_window(model.spec)._replace(
        saliency_index=torch.tensor([[1, 1], [-1, -1], [1, -1], [-1, 1], [-1, -1], [1, 1]])
    )
    maps = window.saliency_maps.clone()
    maps[0] = torch.nan
    assert torch.equal(model(window._replace(saliency_maps=maps)), model(window))


@pytest.mark.parametrize("user_embed", [True, False])
@pytest.mark.parametrize(
    ("absent", "questionnaire"),
    [({}, False), ({"answers": 0, "has_answers": False}, False), ({"has_answers": False}, True)],
    ids=["switched off", "older checkpoints", "no answers"],
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


@pytest.mark.parametrize(("user_embed", "width"), [(True, 6 + 8), (False, 6)])
def test_answers_move_the_gates_and_the_prediction(user_embed, width, make_fusion, make_window):
    model = make_fusion(user_embed=user_embed, questionnaire=True)
    assert model.profile is not None
    assert model.profile.get_parameter("network.0.weight").shape == (8, width)
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
def test_it_says_when_there_are_no_answers(absent, named, make_spec):
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
        width=32,
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
def test_the_answers_network_learns(user_embed, make_fusion, make_window):
    model = make_fusion(user_embed=user_embed, questionnaire=True).train()
    window = make_window(model.spec, batch=32)
    model(window).square()[..., 0].sum().backward()
    assert model.profile is not None
    for name, parameter in model.profile.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad != 0).any(), name
