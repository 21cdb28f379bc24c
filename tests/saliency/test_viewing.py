import dataclasses

import pytest
import torch

from vpnet.errors import InputError
from vpnet.saliency.viewing import viewing_by_video


def test_steps_take_the_nearest_sample(looking, directions_at):
    recording = looking([0.0, 10.0, 20.0, 30.0], times_s=[0.0, 0.14, 0.41, 0.65])
    viewing = viewing_by_video([recording], rate_hz=5.0)["v"]
    assert viewing.user_ids == ("ada",)
    assert viewing.valid.tolist() == [[True, True, True, True]]
    torch.testing.assert_close(
        viewing.directions[0], directions_at([0.0, 10.0, 20.0, 30.0]).float()
    )


def test_a_step_with_no_sample_within_a_step_is_unknown(looking):
    recording = looking([0.0, 0.0, 0.0, 0.0], times_s=[0.45, 0.6, 1.6, 1.7])
    viewing = viewing_by_video([recording], rate_hz=5.0)["v"]
    known_s = [step / 5 for step in torch.nonzero(viewing.valid[0]).flatten().tolist()]
    assert known_s == [0.4, 0.6, 0.8, 1.4, 1.6]


def test_samples_before_playback_have_no_step(looking, directions_at):
    recording = looking([50.0, 10.0, 20.0], times_s=[-0.2, 0.0, 0.2])
    viewing = viewing_by_video([recording], rate_hz=5.0)["v"]
    torch.testing.assert_close(viewing.directions[0], directions_at([10.0, 20.0]).float())


def test_gaze_counts_where_it_is_valid_and_the_head_elsewhere(looking, directions_at):
    recording = looking([0.0] * 4, valid=[True, True, False, False])
    gaze_valid = torch.tensor([True, False, True, False])
    recording = dataclasses.replace(
        recording,
        gaze_direction=directions_at([30.0] * 4),
        gaze_valid=gaze_valid,
        gaze_offset_deg=torch.zeros(4, 3, dtype=torch.float64),
        is_fixating=gaze_valid,
        fixation_duration_s=torch.zeros(4, dtype=torch.float64),
    )
    viewing = viewing_by_video([recording], rate_hz=5.0)["v"]
    assert viewing.valid.shape == (1, 3), "the last sample knows neither"
    torch.testing.assert_close(viewing.directions[0], directions_at([30.0, 0.0, 30.0]).float())
    head = viewing_by_video([recording], rate_hz=5.0, gaze=False)["v"]
    torch.testing.assert_close(head.directions[0, :2], directions_at([0.0, 0.0]).float())


def test_viewers_of_a_video_are_padded_to_its_longest(looking):
    recordings = [
        looking([0.0] * 3, user_id="ada"),
        looking([0.0] * 5, user_id="bob"),
        looking([0.0] * 4, user_id="bob", video_id="w"),
        looking([0.0] * 4, user_id="eve", video_id="w", valid=[False] * 4),
    ]
    viewing = viewing_by_video(iter(recordings), rate_hz=5.0)
    assert list(viewing) == ["v", "w"]
    assert viewing["v"].user_ids == ("ada", "bob")
    assert viewing["v"].valid.sum(1).tolist() == [3, 5]
    assert viewing["w"].valid.sum(1).tolist() == [4, 0]


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, float("nan"), float("inf")])
def test_the_rate_must_be_positive(looking, rate_hz):
    with pytest.raises(InputError, match="rate_hz must be a positive number, got"):
        viewing_by_video([looking([0.0, 0.0])], rate_hz)
