import dataclasses
from functools import partial

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from vpnet.dataset.samples import Samples
from vpnet.dataset.window import WindowSpec
from vpnet.dataset.windows import WindowDataset, anchor_rows
from vpnet.errors import InputError
from vpnet.geometry.rotations import roll_angle
from vpnet.recordings.face import face_features
from vpnet.recordings.recording import ANSWERS, Recording
from vpnet.recordings.resampling import ResampledRecording, resample

RATE_HZ = 10
SPEC = WindowSpec(RATE_HZ, history_steps=8, horizon_steps=(1, 4, 9), face_features=2)
FEATURES = ("Jaw_Drop", "Brow_Lowerer_L+Brow_Lowerer_R")
FIRST_ANCHOR, STRIDE = 15, 3


@pytest.fixture
def recordings(make_recording) -> list[Recording]:
    """With different streams, lengths, starts and lost samples."""
    return [
        make_recording(
            "a",
            "v",
            seed=1,
            orientation=True,
            gaze=True,
            face=True,
            lost_share=0.1,
            head_lost_s=[(9.02, 10.48)],
            answers={"age": 0.5, "mood": 0.0},
        ),
        make_recording(
            "b", "v", seed=2, duration_s=12.3, first_s=0.35, head_lost_s=[(5.1, 6.4), (11.5, 13)]
        ),
        make_recording("a", "w", seed=3, first_s=4.02, rate_hz=9, gaze=True, lost_share=0.05),
    ]


@pytest.fixture
def samples(recordings, gather_at) -> Samples:
    return gather_at(recordings, RATE_HZ, FEATURES)


def make_dataset(samples: Samples, known_future: bool = True) -> WindowDataset:
    anchors = anchor_rows(
        samples,
        range(samples.recordings),
        SPEC,
        first_anchor_step=FIRST_ANCHOR,
        stride_steps=STRIDE,
        known_future=known_future,
    )
    return WindowDataset(samples, anchors, SPEC, torch.tensor([1, 0, 1]))


def expected_anchors(recording: ResampledRecording, known_future: bool) -> list[int]:
    """Indices of the anchors in one resampled recording, by checking every one."""
    first_step = round(float(recording.timestamps_s[0]) * RATE_HZ)
    anchors = []
    for index in range(recording.samples):
        step = first_step + index
        future = [index + h for h in SPEC.horizon_steps]
        if (
            step >= FIRST_ANCHOR
            and (step - FIRST_ANCHOR) % STRIDE == 0
            and index - SPEC.history_steps + 1 >= 0
            and recording.head_known_after[index] == 0
            and bool(recording.head_valid[index - SPEC.history_steps + 1 : index + 1].all())
            and (
                not known_future
                or (future[-1] < recording.samples and bool(recording.head_valid[future].any()))
            )
        ):
            anchors.append(index)
    return anchors


def cut(stream: Tensor | None, rows: list[int], *shape: int) -> Tensor:
    return torch.zeros(len(rows), *shape) if stream is None else stream[rows].float()


@pytest.mark.parametrize("known_future", [True, False])
def test_every_window_is_what_a_plain_cut_gives(recordings, samples, known_future):
    dataset = make_dataset(samples, known_future)
    grids = [resample(recording, RATE_HZ) for recording in recordings]
    wanted = [
        (r, index) for r, g in enumerate(grids) for index in expected_anchors(g, known_future)
    ]
    assert len(dataset) == len(wanted) > 60
    assert all(0 < grid.head_valid.sum() < grid.samples - 5 for grid in grids[:2])
    for window_index, (r, index) in enumerate(wanted):
        window, grid = dataset[window_index], grids[r]
        past = list(range(index - SPEC.history_steps + 1, index + 1))
        roll = None
        if grid.head_orientation_xyzw is not None:
            roll = roll_angle(grid.head_orientation_xyzw)
        face = None
        if grid.face is not None:
            face = face_features(grid.face, grid.face_names, FEATURES)
        ago = torch.arange(SPEC.history_steps).flip(0)
        gaze_known, face_known = (
            cut(known_after, past) <= ago
            for known_after in (grid.gaze_known_after, grid.face_known_after)
        )
        expected = {
            "history_directions": grid.viewport_center[past].float(),
            "history_valid": grid.head_valid[past],
            "history_roll_rad": cut(roll, past),
            "gaze_directions": cut(grid.gaze_direction, past, 3),
            "gaze_offset_deg": cut(grid.gaze_offset_deg, past, 3),
            "is_fixating": cut(grid.is_fixating, past),
            "fixation_duration_s": cut(grid.fixation_duration_s, past),
            "gaze_valid": cut(grid.gaze_valid, past).bool() & gaze_known,
            "face": cut(face, past, 2),
            "face_valid": cut(grid.face_valid, past).bool() & face_known,
            "saliency_index": torch.full((len(SPEC.saliency_times_s),), -1),
            "user_index": torch.tensor([1, 0, 1][r]),
            "recording_index": torch.tensor(r),
            "anchor_step": (grid.timestamps_s[index] * RATE_HZ).round().long(),
        }
        for name, value in expected.items():
            found = getattr(window, name)
            assert found.shape == (1, *value.shape)
            assert torch.equal(found[0], value), (name, r, index)
        assert window.saliency_maps.shape[0] == 0
        for column, horizon_step in enumerate(SPEC.horizon_steps):
            ahead = index + horizon_step
            known = ahead < grid.samples and bool(grid.head_valid[ahead])
            assert bool(window.future_valid[0, column]) == known
            # Beyond the end the last direction stands in, never that of another recording.
            shown = grid.viewport_center[min(ahead, grid.samples - 1)].float()
            assert torch.equal(window.future_directions[0, column], shown)
    assert known_future or any(not dataset[i].future_valid.any() for i in range(len(dataset)))


def test_a_window_carries_what_its_viewer_answered(samples):
    dataset = make_dataset(samples)
    batch = dataset[list(range(len(dataset)))]
    assert batch.answers.shape == batch.answers_valid.shape == (len(dataset), len(ANSWERS))
    answered = batch.recording_index == 0
    for name, answer in (("age", 0.5), ("mood", 0.0)):
        column = ANSWERS.index(name)
        assert torch.equal(batch.answers_valid[:, column], answered)
        assert (batch.answers[answered, column] == answer).all()
    assert int(batch.answers_valid.sum()) == 2 * int(answered.sum())
    assert (batch.answers[~batch.answers_valid] == 0).all()


def test_windows_for_other_answers_are_refused(samples):
    spec = dataclasses.replace(SPEC, answers=3, has_answers=True)
    with pytest.raises(InputError, match=f"trained on 3 answers .* has {len(ANSWERS)}; train"):
        WindowDataset(samples, torch.tensor([20]), spec, torch.tensor([1, 0, 1]))
    before_answers = dataclasses.replace(spec, has_answers=False)
    assert len(WindowDataset(samples, torch.tensor([20]), before_answers, torch.zeros(3))) == 1


def test_a_batch_is_its_windows_stacked(samples):
    dataset = make_dataset(samples)
    indices = [40, 3, 3, len(dataset) - 1]
    batch = dataset[indices]
    for name in set(batch._fields) - {"saliency_maps"}:
        singles = torch.cat([getattr(dataset[i], name) for i in indices])
        assert torch.equal(getattr(batch, name), singles), name


def test_lost_samples_never_stand_in_a_history(samples):
    dataset = make_dataset(samples)
    batch = dataset[list(range(len(dataset)))]
    assert batch.history_valid.all()
    assert not batch.future_valid.all(), "but some futures are lost"
    assert batch.future_valid.any(dim=1).all(), "none altogether"


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    first_anchor=st.integers(0, 60),
    stride=st.integers(1, 12),
    history=st.integers(2, 20),
    horizon=st.integers(1, 30),
)
def test_windows_never_cross_recordings(
    make_recording, gather_at, first_anchor, stride, history, horizon
):
    samples = gather_at([make_recording("a"), make_recording("b", first_s=7.0)], RATE_HZ)
    spec = WindowSpec(RATE_HZ, history, (horizon,))
    anchors = anchor_rows(
        samples, [0, 1], spec, first_anchor_step=first_anchor, stride_steps=stride
    )
    owner = torch.repeat_interleave(torch.arange(2), samples.row_count)
    rows = torch.stack((anchors - history + 1, anchors, anchors + horizon), dim=1)
    assert (owner[rows] == owner[anchors].unsqueeze(1)).all()
    steps = anchors - samples.first_row[owner[anchors]] + samples.first_step[owner[anchors]]
    assert (steps >= first_anchor).all()
    assert ((steps - first_anchor) % stride == 0).all()
    assert torch.equal(anchors, anchors.unique()), "in order, each once"


def bytes_reachable(dataset: WindowDataset) -> int:
    tensors = [value for value in vars(dataset).values() if isinstance(value, Tensor)]
    fields = [getattr(dataset.samples, f.name) for f in dataclasses.fields(dataset.samples)]
    tensors += [value for value in fields if isinstance(value, Tensor)]
    return sum(tensor.untyped_storage().nbytes() for tensor in tensors)


def test_memory_grows_with_samples_and_not_with_windows(make_recording, gather_at):
    samples = gather_at([make_recording(duration_s=300.0, gaze=True, face=True)], RATE_HZ, FEATURES)
    dense, sparse = (
        WindowDataset(
            samples,
            anchor_rows(samples, [0], SPEC, first_anchor_step=15, stride_steps=stride),
            SPEC,
            torch.tensor([0]),
        )
        for stride in (1, 5)
    )
    assert len(dense) > 4.9 * len(sparse)
    assert dense.samples.viewport_center.data_ptr() == sparse.samples.viewport_center.data_ptr()
    assert dense.anchors.dtype == torch.int64
    more = bytes_reachable(dense) - bytes_reachable(sparse)
    assert more == 8 * (len(dense) - len(sparse)), "one int64 a window, no more"
    rows = int(samples.first_row[-1])
    # Per row: 3 + 1 + 3 + 3 + 1 + 1 + 2 + 3 floats and 3 booleans; then a few hundred bytes.
    assert bytes_reachable(sparse) - 8 * len(sparse) < rows * (17 * 4 + 3) + 500


def test_a_short_recording_is_refused_or_skipped(make_recording, gather_at):
    samples = gather_at([make_recording("a"), make_recording("b", duration_s=2.3)], RATE_HZ)
    cut_one = partial(anchor_rows, samples, spec=SPEC, first_anchor_step=15, stride_steps=1)
    with pytest.raises(
        InputError,
        match=r"^b/v.csv: .* history of 0.8 s .*first anchor \(1.5 s\).*horizon after it "
        r"\(2.4 s\), it covers 0.0 to 2.3 s \(one of 1 .*skip_short=true",
    ):
        cut_one(recordings=[0, 1])
    skipped = cut_one(recordings=[0, 1], skip_short=True)
    assert torch.equal(skipped, cut_one(recordings=[0]))
    assert len(cut_one(recordings=[1], skip_short=True)) == 0


def test_a_recording_that_starts_late_is_refused_by_its_own_times(make_recording, gather_at):
    samples = gather_at([make_recording(first_s=100.0, duration_s=1.5)], RATE_HZ)
    with pytest.raises(InputError, match=r"\(100.7 s\).*\(101.6 s\), it covers 100.0 to 101.5 s"):
        anchor_rows(samples, [0], SPEC, first_anchor_step=15, stride_steps=1)


def test_windows_by_moment_are_in_the_order_of_their_videos_and_times(samples):
    spec = WindowSpec(5, 3, (1, 2))
    anchors = anchor_rows(
        samples, range(samples.recordings), spec, first_anchor_step=3, stride_steps=2
    )
    windows = WindowDataset(samples, anchors, spec, torch.zeros(samples.recordings).long())
    order = windows.by_moment()
    assert sorted(order.tolist()) == list(range(len(windows)))
    window = windows[order.tolist()]
    moments = [
        (samples.video_ids.index(samples.video_ids[recording]), step)
        for recording, step in zip(
            window.recording_index.tolist(), window.anchor_step.tolist(), strict=True
        )
    ]
    assert moments == sorted(moments)
