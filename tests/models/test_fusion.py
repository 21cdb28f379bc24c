import math

import pytest
import torch

from vpnet.geometry.directions import great_circle_distance
from vpnet.models.fusion import HIDDEN_WIDTH, Fusion

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
        name: (6, width) for name, width in HIDDEN_WIDTH.items()
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


def test_streams_not_asked_for_are_not_missed(make_fusion, make_spec, make_window):
    model = make_fusion(make_spec(has_face=False), streams=("face", "head"))
    assert model.streams == ("head",)
    assert model.absent_streams() == ["face"]
    window = make_window(model.spec)
    other = make_window(model.spec, seed=9)
    gaze = {name: getattr(other, name) for name in window._fields if "gaze" in name}
    assert torch.equal(model(window), model(window._replace(**gaze)))


@pytest.mark.parametrize("streams", [(), ("head", "voice")])
def test_wrong_streams_are_refused(make_spec, streams):
    with pytest.raises(
        ValueError, match="streams must (hold one or more|be a list) of head, eye, offset"
    ):
        Fusion(make_spec(), streams=streams)


def test_a_wrong_query_is_refused(make_spec):
    with pytest.raises(ValueError, match="query must be trajectory or saliency, got 'head'"):
        Fusion(make_spec(), query="head")
    with pytest.raises(ValueError, match="query=saliency asks the streams eye, and the data have"):
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
