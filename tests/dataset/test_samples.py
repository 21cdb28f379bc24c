import pytest
import torch

from vpnet.dataset.samples import gather_samples
from vpnet.errors import InputError
from vpnet.geometry.rotations import roll_angle
from vpnet.recordings.recording import ANSWERS
from vpnet.recordings.resampling import resample


def test_recordings_stand_one_after_the_other(make_recording, gather_at):
    recordings = [
        make_recording("a", "v", duration_s=4.0),
        make_recording("b", "w", seed=1, first_s=1.1, duration_s=3.0, orientation=True),
    ]
    samples = gather_at(recordings, 5)
    assert samples.recordings == 2
    assert samples.row_count.tolist() == [21, 15]
    assert samples.first_row.tolist() == [0, 21, 36]
    assert samples.first_step.tolist() == [0, 6]
    assert samples.user_ids == ("a", "b")
    assert samples.video_ids == ("v", "w")
    assert samples.sources == ("a/v.csv", "b/w.csv")
    second = resample(recordings[1], 5)
    assert torch.equal(samples.viewport_center[21:], second.viewport_center.float())
    assert second.head_orientation_xyzw is not None
    torch.testing.assert_close(
        samples.roll_rad[21:], roll_angle(second.head_orientation_xyzw).float()
    )
    assert (samples.roll_rad[:21] == 0).all()


def test_the_first_step_is_whole_whatever_the_rounding(make_recording, gather_at):
    assert int(4.1 * 30) == 122, "the product falls short of 123"
    assert gather_at([make_recording(first_s=4.1, rate_hz=30.0)], 30).first_step.tolist() == [123]


def test_streams_that_a_recording_lacks_are_zero_and_masked(make_recording, gather_at):
    full = make_recording("a", gaze=True, face=True)
    bare = make_recording("b")
    samples = gather_at([bare, full], 5, ("Jaw_Drop",))
    rows = int(samples.first_row[1])
    for name in ("gaze_valid", "face_valid"):
        assert not getattr(samples, name)[:rows].any()
        assert getattr(samples, name)[rows:].all()
    for name in ("gaze_direction", "gaze_offset_deg", "is_fixating", "fixation_duration_s", "face"):
        assert (getattr(samples, name)[:rows] == 0).all()
        assert (getattr(samples, name)[rows:] != 0).any()


def test_face_features_are_chosen_and_joined(make_recording, gather_at):
    recording = make_recording(face=True)
    samples = gather_at([recording], 5, ("Brow_Lowerer_L+Brow_Lowerer_R", "Jaw_Drop"))
    face = resample(recording, 5).face
    assert face is not None
    expected = torch.stack(((face[:, 1] + face[:, 2]) / 2, face[:, 0]), dim=1)
    torch.testing.assert_close(samples.face, expected.float())


def test_answers_stand_in_one_order_and_silence_is_masked(make_recording, gather_at):
    answered = {"mood": 0.25, "age": 0.0, ANSWERS[3]: 1.0}
    samples = gather_at([make_recording("a"), make_recording("b", answers=answered)], 5)
    assert samples.answers.shape == samples.answers_valid.shape == (2, len(ANSWERS))
    assert samples.answers.dtype == torch.float32
    assert not samples.answers_valid[0].any()
    assert (samples.answers[0] == 0).all()
    given = samples.answers_valid[1]
    assert {ANSWERS[i] for i in given.nonzero().flatten()} == set(answered)
    for name, answer in answered.items():
        assert samples.answers[1, ANSWERS.index(name)] == answer
    assert (samples.answers[1, ~given] == 0).all()


def test_one_viewing_of_a_video_a_user(make_recording):
    twice = [make_recording("a", "v"), make_recording("b", "v"), make_recording("a", "v", seed=1)]
    with pytest.raises(InputError, match="user 'a' has two recordings of video 'v': a/v.csv and"):
        gather_samples(twice, 5, ())


def test_no_recordings_are_refused():
    with pytest.raises(InputError, match="no recordings"):
        gather_samples([], 5, ())
