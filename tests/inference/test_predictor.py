import dataclasses
from collections.abc import Callable

import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal

from vpnet.dataset.task import Task
from vpnet.dataset.window import WindowSpec
from vpnet.errors import InputError
from vpnet.evaluation.viewport_metrics import error_deg
from vpnet.geometry.directions import direction_from_angles
from vpnet.inference.predictor import Predictor
from vpnet.models.baselines import ConstantVelocity, Static
from vpnet.models.fusion import Fusion
from vpnet.recordings.recording import ANSWERS, Recording
from vpnet.recordings.resampling import resample
from vpnet.saliency.crowd import Crowd
from vpnet.saliency.fitted_sources import Behavioural
from vpnet.saliency.source import TrainingDirections
from vpnet.simulation.simulated_study import simulate_recordings
from vpnet.viewer_ids import KnownViewers

TASK = Task("tiny", 5, 1.0, [0.2, 1.0], [0.2, 1.0], 1.0, 1.0, 0.4)
SPEC = WindowSpec(5, history_steps=5, horizon_steps=(1, 5), users=2, has_gaze=True, has_face=True)


@pytest.fixture(scope="module")
def recording() -> Recording:
    (one,) = simulate_recordings(users=1, videos=1, duration_s=8.0)
    return one


@pytest.fixture
def turning() -> Callable[..., Recording]:
    """Function that makes a head that turns to the right by 10 degrees a second, at 20 Hz."""

    def make(duration_s: float = 4.0, first_s: float = 0.0) -> Recording:
        timestamps_s = first_s + torch.arange(round(duration_s * 20) + 1).double() / 20
        yaw_rad = torch.deg2rad(10 * timestamps_s)
        return Recording(
            user_id="ada",
            video_id="film",
            source="ada/film",
            timestamps_s=timestamps_s,
            viewport_center=direction_from_angles(yaw_rad, torch.zeros_like(yaw_rad)),
            head_valid=torch.ones(len(timestamps_s), dtype=torch.bool),
        )

    return make


def test_constant_velocity_knows_the_future_of_a_steady_turn(turning):
    table = Predictor(ConstantVelocity(SPEC), TASK).predict(turning())
    assert table["anchor_s"].unique().sort().to_list() == [round(0.2 * k, 1) for k in range(4, 21)]
    expected_deg = 10 * (table["anchor_s"] + table["horizon_s"])
    assert ((table["yaw_deg"] - expected_deg).abs() < 1e-3).all()
    assert (table["elevation_deg"].abs() < 1e-3).all()
    is_known = table["anchor_s"] + table["horizon_s"] < 4.01
    assert (table.filter(is_known)["error_deg"] < 1e-3).all()
    assert table.filter(is_known)["error_deg"].null_count() == 0
    assert table.filter(~is_known)["error_deg"].is_null().all()


def test_static_errs_by_as_much_as_the_head_turns(turning):
    table = Predictor(Static(SPEC), TASK).predict(turning())
    known = table.drop_nulls("error_deg")
    assert ((known["error_deg"] - 10 * known["horizon_s"]).abs() < 1e-3).all()
    assert ((table["yaw_deg"] - 10 * table["anchor_s"]).abs() < 1e-3).all()


def test_errors_are_measured_against_the_recording(recording):
    table = Predictor(ConstantVelocity(SPEC), TASK).predict(recording).drop_nulls()
    truth = resample(recording, 5).viewport_center
    step = ((table["anchor_s"] + table["horizon_s"]) * 5).round().cast(pl.Int64).to_torch()
    predicted = table.select("x", "y", "z").to_torch().double()
    torch.testing.assert_close(
        error_deg(predicted, truth[step]),
        table["error_deg"].to_torch().double(),
        atol=1e-3,
        rtol=0,
    )


def test_anchors_may_lie_apart(turning):
    every = Predictor(Static(SPEC), TASK).predict(turning(first_s=2.05))
    apart = Predictor(Static(SPEC), TASK).predict(turning(first_s=2.05), stride_s=0.6)
    # The first step is at 2.2 s, and the fifth ends the first history.
    assert every["anchor_s"].min() == 3.0
    assert apart["anchor_s"].unique().sort().to_list() == pytest.approx(
        [3.0, 3.6, 4.2, 4.8, 5.4, 6]
    )
    assert_frame_equal(apart, every.join(apart.select("anchor_s").unique(), on="anchor_s"))


def test_the_size_of_batches_changes_nothing(recording):
    model = Fusion(SPEC, streams=["head", "eye"], user_embed=True)
    users = KnownViewers.of(["S01", "S02"])
    whole = Predictor(model, TASK, users=users).predict(recording)
    parts = Predictor(model, TASK, users=users, batch_size=3).predict(recording)
    assert_frame_equal(whole, parts, abs_tol=1e-4)


def test_a_known_user_gets_the_vector_learned_for_them(recording):
    torch.manual_seed(0)
    model = Fusion(SPEC, streams=["head"], user_embed=True)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape)
    predictor = Predictor(model, TASK, users=KnownViewers.of(["S00", "S01"]))
    known = predictor.predict(recording)
    stranger = predictor.predict(dataclasses.replace(recording, user_id="ada"))
    other = predictor.predict(dataclasses.replace(recording, user_id="eve"))
    assert (known["x"] - stranger["x"]).abs().max() > 1e-4
    assert_frame_equal(stranger.drop("user"), other.drop("user"))


def test_a_recording_without_a_whole_history_is_refused(turning):
    short = turning(duration_s=0.7)
    with pytest.raises(InputError, match=r"ada/film: a recording must hold a history of 1.0 s"):
        Predictor(Static(SPEC), TASK).predict(short)
    lost = dataclasses.replace(turning(), head_valid=torch.zeros(81, dtype=torch.bool))
    with pytest.raises(InputError, match=r"ada/film: no history of 1 s without a lost head"):
        Predictor(Static(SPEC), TASK).predict(lost)


def test_a_stride_off_the_clock_is_refused(turning):
    with pytest.raises(InputError, match=r"stride_s must be a positive whole number of steps"):
        Predictor(Static(SPEC), TASK).predict(turning(), stride_s=0.5)


def test_a_model_that_uses_answers_is_given_those_of_the_recording(recording):
    spec = dataclasses.replace(SPEC, answers=len(ANSWERS), has_answers=True)
    torch.manual_seed(0)
    model = Fusion(spec, questionnaire=True)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    predictor = Predictor(model, TASK)
    answering = dataclasses.replace(recording, answers=dict.fromkeys(ANSWERS, 1.0))
    silent = dataclasses.replace(recording, answers={})
    apart = predictor.predict(answering)["yaw_deg"] - predictor.predict(silent)["yaw_deg"]
    assert apart.abs().max() > 1e-3


def test_a_video_without_saliency_or_crowd_is_named(recording, caplog):
    spec = dataclasses.replace(SPEC, has_saliency=True, has_crowd=True)
    step = torch.arange(40)
    watched = TrainingDirections(
        ("eve",),
        (recording.video_id,),
        torch.zeros_like(step),
        step,
        direction_from_angles(0.01 * step, torch.zeros(40)),
        5.0,
    )
    saliency, crowd = Behavioural(), Crowd()
    for learner in (saliency, crowd):
        learner.fit(watched)
    predictor = Predictor(Fusion(spec, crowd=True), TASK, saliency=saliency, crowd=crowd)
    predictor.predict(recording)
    assert caplog.messages == []
    for _ in range(2):
        predictor.predict(dataclasses.replace(recording, video_id="new"))
    missing = ("saliency", "where the training viewers looked")
    for message, name in zip(caplog.messages, missing, strict=True):
        assert message.startswith(f"{recording.source}: the model was trained with {name}, of")
        assert "of video new there is none" in message
