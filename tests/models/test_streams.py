import math

import pytest
import torch

from vpnet.dataset.window import ViewportWindow
from vpnet.geometry.directions import direction_from_angles
from vpnet.models.streams import (
    HeadVectors,
    eye_features,
    eye_stream,
    face_stream,
    head_stream,
    held_gaze,
    mean_face,
    offset_stream,
)

READERS = {
    "head": lambda window: head_stream(window, 5.0),
    "eye": eye_stream,
    "offset": offset_stream,
    "face": face_stream,
}
MASK_OF = {
    "head": ("history_valid", ("history_directions", "history_roll_rad")),
    "eye": ("gaze_valid", ("gaze_directions", "is_fixating", "fixation_duration_s")),
    "offset": ("gaze_valid", ("gaze_offset_deg",)),
    "face": ("face_valid", ("face",)),
}


@pytest.fixture
def over_the_seam(make_spec, make_window) -> ViewportWindow:
    """One viewer who turns right over the seam, 10 degrees a step, and looks up."""
    spec = make_spec()
    yaw_rad = torch.deg2rad(torch.tensor([[130.0 + 10 * step for step in range(8)]]))
    elevation_rad = torch.deg2rad(torch.tensor([[2.0 * step for step in range(8)]]))
    return make_window(spec, batch=1)._replace(
        history_directions=direction_from_angles(yaw_rad, elevation_rad),
        history_roll_rad=torch.linspace(0, 0.7, 8).unsqueeze(0),
        gaze_directions=direction_from_angles(yaw_rad - 0.1, elevation_rad + 0.2),
        gaze_valid=torch.ones(1, 8, dtype=torch.bool),
    )


def test_head_angles_are_relative_to_the_anchor_and_wrapped(over_the_seam):
    features, valid = head_stream(over_the_seam, sampling_rate_hz=5.0)
    yaw_rad, elevation_rad, roll_rad, *velocity = features[0].unbind(dim=-1)
    assert torch.rad2deg(yaw_rad).tolist() == pytest.approx(
        [-70, -60, -50, -40, -30, -20, -10, 0], abs=1e-3
    )
    assert torch.rad2deg(elevation_rad).tolist() == pytest.approx(
        [2.0 * step for step in range(8)], abs=1e-3
    )
    assert torch.equal(roll_rad, over_the_seam.history_roll_rad[0])
    for of, per_step_rad in zip(velocity, (math.pi / 18, math.pi / 90, 0.1), strict=True):
        assert of[0] == 0
        assert of[1:].tolist() == pytest.approx([5 * per_step_rad] * 7, abs=1e-4)
    assert valid.all()


def test_eye_angles_are_relative_to_the_viewport_centre_at_the_anchor(over_the_seam):
    window = over_the_seam._replace(
        is_fixating=torch.tensor([[0.0, 1, 1, 1, 0, 0, 1, 1]]),
        fixation_duration_s=torch.tensor([[0.0, 0.1, 0.2, 5.0, 0, 0, 0.1, 0.99]]),
    )
    features, _ = eye_stream(window)
    yaw_rad, elevation_rad, fixating, duration_s, both_eyes = features[0].unbind(dim=-1)
    expected = [math.radians(-70 + 10 * step) - 0.1 for step in range(8)]
    assert yaw_rad.tolist() == pytest.approx(expected, abs=1e-4)
    assert elevation_rad.tolist() == pytest.approx(
        [math.radians(2 * step) + 0.2 for step in range(8)], abs=1e-4
    )
    assert torch.equal(fixating, window.is_fixating[0])
    assert duration_s.tolist() == pytest.approx([0, 0.1, 0.2, 1.0, 0, 0, 0.1, 0.99])
    assert (both_eyes == 1).all()


def test_offsets_come_in_units_of_30_degrees(make_spec, make_window):
    window = make_window(make_spec(), lost_share=0.0)
    features, _ = offset_stream(window)
    torch.testing.assert_close(30 * features, window.gaze_offset_deg)


def test_the_face_is_taken_as_it_is(make_spec, make_window):
    window = make_window(make_spec(), lost_share=0.0)
    assert torch.equal(face_stream(window)[0], window.face)


@pytest.mark.parametrize("stream", READERS)
def test_lost_samples_are_zero_whatever_they_hold(stream, make_spec, make_window):
    window = make_window(make_spec())
    mask_name, holding = MASK_OF[stream]
    valid = torch.rand(6, 8, generator=torch.Generator().manual_seed(0)) > 0.4
    valid[:, -1] = True
    window = window._replace(**{mask_name: valid})
    features, returned = READERS[stream](window)
    assert torch.equal(returned, valid)
    assert (features[~valid] == 0).all()
    assert (features[valid] != 0).any()
    for nonsense in (torch.nan, 1e9):
        spoilt = {}
        for name in holding:
            value = getattr(window, name)
            lost = ~valid.reshape(6, 8, *[1] * (value.dim() - 2))
            spoilt[name] = value.masked_fill(lost, nonsense)
        assert torch.equal(READERS[stream](window._replace(**spoilt))[0], features)


def test_a_velocity_needs_two_measured_steps(over_the_seam):
    valid = torch.tensor([[True, True, False, True, True, True, True, True]])
    features, _ = head_stream(over_the_seam._replace(history_valid=valid), 5.0)
    moving = (features[0, :, 3:] != 0).all(dim=-1)
    assert moving.tolist() == [False, True, False, False, True, True, True, True]


@pytest.mark.parametrize("stream", READERS)
def test_turning_the_whole_scene_changes_nothing(stream, make_spec, make_window, turn):
    window = make_window(make_spec())
    turned = window._replace(
        history_directions=turn(window.history_directions, 2.3),
        gaze_directions=turn(window.gaze_directions, 2.3),
    )
    features, _ = READERS[stream](window)
    torch.testing.assert_close(READERS[stream](turned)[0], features, rtol=1e-4, atol=1e-5)


def test_a_head_is_where_it_points_and_how_that_changes(make_spec, make_window):
    window = make_window(make_spec())
    directions = window.history_directions
    assert torch.equal(HeadVectors(5.0, with_velocity=False)(window), directions)
    reader = HeadVectors(5.0, with_velocity=True)
    features = reader(window)
    assert torch.equal(features[..., :3], directions)
    assert (features[:, 0, 3:] == 0).all()
    for step in range(1, 8):
        change = (directions[:, step] - directions[:, step - 1]) * 5.0
        torch.testing.assert_close(features[:, step, 3:], change)
    assert reader.features == features.shape[2] == 6
    assert HeadVectors(5.0, with_velocity=False).features == 3


def test_eight_numbers_tell_of_the_eyes(make_spec, make_window):
    window = make_window(make_spec())
    features = eye_features(window)
    assert features.shape == (6, 8, 8)
    seen = window.gaze_valid
    assert (features[~seen] == 0).all()
    torch.testing.assert_close(features[seen][:, :3], window.gaze_directions[seen])
    torch.testing.assert_close(features[seen][:, 3:6], window.gaze_offset_deg[seen] / 30)
    torch.testing.assert_close(features[seen][:, 6], window.is_fixating[seen])
    assert features[..., 7].max() <= 1


def test_the_last_known_gaze_is_held(make_spec, make_window):
    window = make_window(make_spec())
    valid = torch.zeros_like(window.gaze_valid)
    valid[0, [2, 5]] = True
    held = held_gaze(window._replace(gaze_valid=valid), 3)
    assert held.shape == (6, 11, 3)
    assert torch.equal(held[0, 8:], window.gaze_directions[0, 5].expand(3, 3))
    assert torch.equal(held[0, 2], window.gaze_directions[0, 2])
    assert (held[1:] == 0).all(), "what was never known is not made up"


def test_the_face_is_averaged_over_what_was_measured(make_spec, make_window):
    window = make_window(make_spec())
    valid = torch.zeros_like(window.face_valid)
    valid[0, [4, 6]] = True
    mean = mean_face(window._replace(face_valid=valid), 3)
    torch.testing.assert_close(mean[0], window.face[0, 6])
    assert (mean[1:] == 0).all()
    both = mean_face(window._replace(face_valid=valid), 4)
    torch.testing.assert_close(both[0], window.face[0, [4, 6]].mean(0))
