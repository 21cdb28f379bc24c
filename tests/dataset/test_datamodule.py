import dataclasses
import json
import logging
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.samples import training_directions
from vpnet.dataset.splits import CrossUser, CrossVideo
from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.dataset.windows import WindowDataset
from vpnet.errors import InputError
from vpnet.recordings.recording import ANSWERS
from vpnet.saliency.fitted_sources import Behavioural, CenterBias
from vpnet.viewer_ids import KnownViewers

CONF = Path(__file__).resolve().parents[2] / "conf"
PARTS = ("train", "val", "test")


def all_windows(dataset: WindowDataset) -> ViewportWindow:
    return dataset[list(range(len(dataset)))]


def touched_rows(dataset: WindowDataset) -> set[int]:
    """Rows of the arrays between the first step of the history and the last of the future."""
    first = dataset.anchors - dataset.spec.history_steps + 1
    last = dataset.anchors + dataset.spec.horizon_steps[-1]
    return {
        row for a, b in zip(first.tolist(), last.tolist(), strict=True) for row in range(a, b + 1)
    }


def directions_shown(dataset: WindowDataset) -> set[tuple[float, ...]]:
    window = all_windows(dataset)
    shown = torch.cat((window.history_directions, window.future_directions), dim=1)
    return set(map(tuple, shown.reshape(-1, 3).tolist()))


@pytest.mark.parametrize("name", sorted(file.stem for file in (CONF / "split").glob("*.yaml")))
def test_no_sample_is_seen_by_two_parts(name, make_split, make_cohort, make_task, tmp_path):
    overrides = []
    if name == "file":
        path = tmp_path / "split.json"
        users = {"train": ["u0", "u1", "u5"], "val": ["u2"], "test": ["u3"]}
        path.write_text(json.dumps({"users": users, "videos": ["v1", "v2", "v6"]}))
        overrides = [f"split.path={path}"]
    recordings = make_cohort(duration_s=8.0, rate_hz=10.0)
    trains = name != "test_only"
    data = ViewportDataModule(
        recordings, make_split(name, *overrides), make_task(), for_training=trains
    )
    centers = data.samples.viewport_center
    assert len(centers.unique(dim=0)) == len(centers), "every sample is told by its direction"

    windows = [data.train_windows, data.val_windows, data.test_windows]
    recordings_of = [set(all_windows(part).recording_index.tolist()) for part in windows]
    assert recordings_of == [set(getattr(data.partition, part)) for part in PARTS]
    for touched in (touched_rows, directions_shown):
        seen = [touched(part) for part in windows]
        assert sum(map(len, seen)) == len(set.union(*seen)) > 300, "a sample stands in two parts"


def test_a_split_that_only_tests_is_for_evaluation_only(make_cohort, make_task, make_split):
    recordings, split = make_cohort(users=2, videos=2, duration_s=6.0), make_split("test_only")
    with pytest.raises(InputError, match="nothing to train on; use another, or fit=false"):
        ViewportDataModule(recordings, split, make_task())
    data = ViewportDataModule(
        recordings,
        split,
        make_task(),
        for_training=False,
        known_users=KnownViewers.of(["u1", "u9"]),
    )
    assert [len(data.train_windows), len(data.val_windows)] == [0, 0]
    window = all_windows(data.test_windows)
    assert window.recording_index.unique().tolist() == [0, 1, 2, 3]
    assert data.keys(data.partition.test) == [(r.user_id, r.video_id) for r in recordings]
    assert window.user_index[window.recording_index == 2].unique().tolist() == [1]


def by_anchor(loader: DataLoader[ViewportWindow]) -> Counter[tuple[int, int]]:
    return Counter(
        key
        for window in loader
        for key in zip(window.recording_index.tolist(), window.anchor_step.tolist(), strict=True)
    )


@pytest.fixture
def data(make_cohort, make_task) -> ViewportDataModule:
    recordings = make_cohort(users=4, videos=5, duration_s=8.0, gaze=True)
    return ViewportDataModule(recordings, CrossVideo(), make_task(), batch_size=7, run_length=2)


@pytest.fixture
def by_moment(make_cohort, make_task) -> ViewportDataModule:
    """Windows that see a map at every step, grouped."""
    return ViewportDataModule(
        make_cohort(users=6, videos=2, duration_s=8.0, gaze=True),
        CrossUser(0.2, 0.2),
        make_task(),
        saliency=CenterBias(40, 80),
        saliency_view="maps",
        batch_size=8,
        eval_batch_size=6,
        group_size=4,
    )


def test_windows_that_share_maps_come_together(by_moment):
    """A batch of 8 in groups of 4 holds few moments; evaluation goes through them in order."""
    samples = by_moment.samples

    def moments(window):
        videos = [samples.video_ids[i] for i in window.recording_index.tolist()]
        return list(zip(videos, window.anchor_step.tolist(), strict=True))

    batches = [moments(window) for window in by_moment.train_dataloader()]
    assert sum(len(set(batch)) for batch in batches[:-1]) / len(batches[:-1]) < 6
    tested = [moment for window in by_moment.test_dataloader() for moment in moments(window)]
    assert tested == sorted(tested)


def test_torn_groups_are_told(make_cohort, make_task, caplog):
    recordings = make_cohort(users=4, videos=5, duration_s=8.0, gaze=True)
    with caplog.at_level(logging.WARNING):
        ViewportDataModule(recordings, CrossVideo(), make_task(), batch_size=10, group_size=4)
    assert "training.batch_size=10 is no multiple of training.group_size=4" in caplog.text


@pytest.mark.parametrize(("batch_size", "together"), [(128, 32), (32, 16), (20, 2), (7, 1), (1, 1)])
def test_windows_stay_together_by_themselves_where_viewers_share_maps(
    batch_size, together, make_cohort, make_task
):
    recordings = make_cohort(users=6, videos=2, duration_s=8.0, gaze=True)
    for saliency, expected in (
        (Behavioural(folds=2), together),
        (Behavioural(), 1),
        (CenterBias(12, 24), 1),
        (None, 1),
    ):
        data = ViewportDataModule(
            recordings, CrossUser(0.2, 0.2), make_task(), saliency=saliency, batch_size=batch_size
        )
        assert data.group_size == expected


@pytest.mark.parametrize("loaded", ["data", "by_moment"])
def test_loaders_give_every_window_once(loaded, request):
    data = request.getfixturevalue(loaded)
    for loader, windows in (
        (data.train_dataloader(), data.train_windows),
        (data.val_dataloader(), data.val_windows),
        (data.test_dataloader(), data.test_windows),
    ):
        given = by_anchor(loader)
        window = all_windows(windows)
        assert set(given.values()) == {1}
        assert set(given) == set(
            zip(window.recording_index.tolist(), window.anchor_step.tolist(), strict=True)
        )


def test_training_batches_have_their_size_and_validation_its_order(data):
    batches = [len(window.user_index) for window in data.train_dataloader()]
    assert set(batches[:-1]) == {7}
    assert sum(batches) == len(data.train_windows)
    in_order = torch.cat([window.anchor_step for window in data.test_dataloader()])
    assert torch.equal(in_order, all_windows(data.test_windows).anchor_step)


def test_strides_and_first_anchor_are_the_tasks(data):
    for windows, stride_steps in ((data.train_windows, 2), (data.test_windows, 5)):
        window = all_windows(windows)
        steps = window.anchor_step[window.recording_index == window.recording_index[0]]
        assert steps[0] == 10
        assert steps.diff().unique().tolist() == [stride_steps]
        assert steps[-1] + 10 <= 40 < steps[-1] + 10 + stride_steps


def test_workers_load_the_same(make_cohort, make_task):
    recordings = make_cohort(users=3, videos=3, duration_s=6.0)
    split, task = CrossVideo(0.2, 0.3), make_task()
    alone = ViewportDataModule(recordings, split, task, eval_batch_size=5)
    helped = ViewportDataModule(recordings, split, task, eval_batch_size=5, num_workers=1)
    for one, other in zip(alone.test_dataloader(), helped.test_dataloader(), strict=True):
        for name, value in zip(one._fields, one, strict=True):
            assert torch.equal(value, getattr(other, name)), name


def test_users_of_the_training_part_are_known_and_others_unknown(make_cohort, make_task):
    data = ViewportDataModule(make_cohort(duration_s=6.0), CrossUser(), make_task())
    trained = {data.samples.user_ids[i] for i in data.partition.train}
    rows = {user: row for row, user in enumerate(sorted(trained), start=1)}
    assert {user: data.users.row_of(user) for user in trained} == rows
    assert data.spec.users == len(trained) == 5
    train = all_windows(data.train_windows)
    watching = [data.samples.user_ids[i] for i in train.recording_index.tolist()]
    assert train.user_index.tolist() == [rows[user] for user in watching]
    assert (all_windows(data.test_windows).user_index == 0).all()

    again = ViewportDataModule(
        make_cohort(duration_s=6.0),
        CrossUser(),
        make_task(),
        known_users=KnownViewers.of(["u7", "x", "u0"]),
    )
    assert again.spec.users == 3
    rows = dict(zip(again.samples.user_ids, again.test_windows.user_index.tolist(), strict=True))
    assert rows == {f"u{i}": {7: 1, 0: 3}.get(i, 0) for i in range(8)}


def test_the_spec_says_which_streams_there_are(make_recording, make_task):
    def spec(features: tuple[str, ...] = (), saliency=None, **streams) -> WindowSpec:
        recordings = [make_recording(f"u{i}", "v", seed=i, **streams) for i in range(4)]
        return ViewportDataModule(
            recordings, CrossUser(), make_task(), face_features=features, saliency=saliency
        ).spec

    bare = spec()
    assert bare == WindowSpec(5, 5, (1, 5, 10), users=2, answers=len(ANSWERS))
    assert spec(answers={"mood": 0.0}) == dataclasses.replace(bare, has_answers=True)
    assert spec(gaze=True).has_gaze
    face = spec(("Jaw_Drop", "Brow_Lowerer_L"), face=True)
    assert (face.has_face, face.face_features) == (True, 2)
    assert spec(saliency=CenterBias(8, 16)).has_saliency


def expected_map(recordings: tuple[int, ...], data: ViewportDataModule) -> Tensor:
    prior = CenterBias(12, 24)
    prior.fit(training_directions(data.samples, recordings, 5.0))
    return prior.map


def test_saliency_learns_from_the_training_part_alone(make_cohort, make_task):
    recordings = make_cohort(duration_s=6.0, lost_share=0.02)
    data = ViewportDataModule(recordings, CrossUser(), make_task(), saliency=CenterBias(12, 24))
    window = data.test_windows[[0, 1, 2]]
    torch.testing.assert_close(window.saliency_maps[0], expected_map(data.partition.train, data))
    assert window.saliency_index.unique().tolist() == [0]
    everybody = expected_map(tuple(range(len(recordings))), data)
    assert (window.saliency_maps[0] - everybody).abs().max() > 0.01


def test_a_checkpoints_saliency_is_not_learned_again(make_cohort, make_task):
    state = {"map": torch.rand(12, 24)}
    data = ViewportDataModule(
        make_cohort(users=4, videos=4, duration_s=6.0),
        CrossUser(),
        make_task(),
        saliency=CenterBias(12, 24),
        saliency_state=state,
    )
    assert torch.equal(data.test_windows[0].saliency_maps[0], state["map"])


def test_each_part_is_described(data):
    lines = data.describe().splitlines()
    assert [line.split(":")[0].strip() for line in lines] == list(PARTS)
    assert lines[1].split(":")[1].split() == (
        f"4 recordings, 4 users, 1 videos, {len(data.val_windows)} windows".split()
    )


def test_short_recordings_are_refused_or_skipped(make_cohort, make_recording, make_task):
    recordings = [*make_cohort(users=4, videos=1, duration_s=8.0)]
    recordings += [make_recording(f"u{i}", "short", seed=i, duration_s=2.0) for i in range(4)]
    with pytest.raises(InputError, match=r"short.csv: .* set skip_short=true"):
        ViewportDataModule(recordings, CrossUser(), make_task())
    data = ViewportDataModule(recordings, CrossUser(), make_task(), skip_short=True)
    assert not any(
        data.samples.video_ids[i] == "short"
        for windows in (data.train_windows, data.val_windows, data.test_windows)
        for i in all_windows(windows).recording_index.tolist()
    )


def test_a_part_without_a_window_is_refused(make_cohort, make_task):
    recordings = make_cohort(users=3, videos=3, duration_s=8.0, lost_share=0.995)
    with pytest.raises(InputError, match="no window with a whole history"):
        ViewportDataModule(recordings, CrossUser(0.2, 0.3), make_task())


def test_the_task_says_which_gaps_are_bridged(make_recording, make_task):
    recordings = [
        make_recording(f"u{i}", "v", seed=i, duration_s=9.0, head_lost_s=[(4.02, 4.83)])
        for i in range(3)
    ]
    for max_head_gap_s, lost in ((0.5, True), (1.0, False)):
        data = ViewportDataModule(recordings, CrossUser(), make_task(max_head_gap_s=max_head_gap_s))
        assert bool((~data.samples.head_valid).any()) == lost
