"""Where others looked: everybody but the one who asks, and nobody of validation and test."""

import pytest
import torch

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.splits import CrossUser
from vpnet.dataset.task import Task
from vpnet.errors import InputError
from vpnet.recordings.recording import Recording
from vpnet.saliency.crowd import Crowd
from vpnet.saliency.source import TrainingDirections
from vpnet.simulation.simulated_study import simulate_recordings

TASK = Task("tiny", 5, 1.0, [0.2, 0.6, 1.0], [0.2, 0.5, 1.0], 1.0, 1.0, 0.4)
PARTS = ("train", "val", "test")


@pytest.fixture
def crowd(directions_at) -> Crowd:
    """a and b watch v for 2 s at 5 Hz, b from 0.4 s on; b watches w."""
    yaw_deg = [*range(10), *range(102, 110), *range(200, 205)]
    crowd = Crowd()
    crowd.fit(
        TrainingDirections(
            ("a", "b", "b"),
            ("v", "v", "w"),
            torch.tensor([0] * 10 + [1] * 8 + [2] * 5),
            torch.tensor([*range(10), *range(2, 10), *range(5)]),
            directions_at(yaw_deg).float(),
            5.0,
        )
    )
    return crowd


def test_others_are_seen_at_the_steps_asked_for(crowd, directions_at):
    crowd.bind(["a", "new", "b", "a"], ["v", "v", "w", "unseen"])
    directions, valid = crowd.directions_at(torch.arange(4), torch.tensor([[0, 5]] * 4))
    assert directions.shape == (4, 2, 2, 3)
    expected = directions_at([0.0, 5.0, 105.0]).float()
    assert valid[0].tolist() == [[False, True], [False, False]], "a sees b, who began later"
    torch.testing.assert_close(directions[0, 0, 1], expected[2], atol=1e-3, rtol=0)
    assert valid[1].tolist() == [[True, True], [False, True]], "a stranger sees both"
    torch.testing.assert_close(directions[1, 0], expected[:2], atol=1e-3, rtol=0)
    assert not valid[2:].any(), "nobody else watched"
    assert (directions[~valid] == 0).all()


def test_before_the_start_and_after_the_end_there_is_nobody(crowd):
    crowd.bind(["new"], ["v"])
    _, valid = crowd.directions_at(torch.tensor([0]), torch.tensor([[-1, 0, 9, 10, 10_000]]))
    assert valid[0, 0].tolist() == [False, True, True, False, False]


def test_a_batch_is_as_wide_as_its_largest_crowd(crowd):
    crowd.bind(["a", "b", "new"], ["v", "w", "v"])
    steps = torch.tensor([[5]])
    assert crowd.directions_at(torch.tensor([0]), steps)[0].shape == (1, 1, 1, 3)
    assert crowd.directions_at(torch.tensor([1]), steps)[0].shape == (1, 0, 1, 3)
    assert crowd.directions_at(torch.tensor([1, 2]), steps.expand(2, 1))[0].shape == (2, 2, 1, 3)


def test_what_was_kept_comes_back(crowd):
    restored = Crowd()
    restored.load_state(crowd.state())
    asked = torch.tensor([0]), torch.tensor([[0, 3, 7]])
    for each in (crowd, restored):
        each.bind(["new"], ["v"])
    assert torch.equal(crowd.directions_at(*asked)[0], restored.directions_at(*asked)[0])
    with pytest.raises(InputError, match="no directions of training viewers"):
        Crowd().load_state({"map": torch.ones(2, 4)})


def watching(users: str, directions_at) -> TrainingDirections:
    """Some viewers, a letter each, who watch v for a step, each looking another way."""
    count = len(users)
    return TrainingDirections(
        tuple(users),
        ("v",) * count,
        torch.arange(count),
        torch.zeros(count, dtype=torch.long),
        directions_at([10.0 * number for number in range(count)]).float(),
        5.0,
    )


def test_with_folds_a_viewer_sees_nobody_of_the_own_group(directions_at):
    crowd = Crowd(folds=2)
    crowd.fit(watching("dacb", directions_at))
    crowd.bind(["a", "b", "c", "d", "new", "other"], ["v"] * 6)
    directions, valid = crowd.directions_at(torch.arange(6), torch.zeros(6, 1, dtype=torch.long))
    yaw_deg = torch.rad2deg(torch.atan2(directions[..., 0, 0], directions[..., 0, 2])).round()
    seen = [sorted(row[known[:, 0]].tolist()) for row, known in zip(yaw_deg, valid, strict=True)]
    d, a, c, b = 0.0, 10.0, 20.0, 30.0
    assert seen == [[d, b], [a, c], [d, b], [a, c], [d, a, c, b], [d, a, c, b]]
    assert crowd.same_crowd.tolist() == [0, 1, 0, 1, 4, 4], "two crowds and that of strangers"


def test_without_folds_every_viewer_has_a_crowd_of_their_own(directions_at):
    crowd = Crowd()
    crowd.fit(watching("abc", directions_at))
    crowd.bind(["a", "b", "new", "other"], ["v"] * 4)
    assert crowd.same_crowd.tolist() == [0, 1, 2, 2]


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return list(simulate_recordings(users=6, videos=2, duration_s=8.0))


def load(recordings, **settings) -> ViewportDataModule:
    split = CrossUser(0.25, 0.25)
    return ViewportDataModule(recordings, split, TASK, crowd=Crowd(), **settings)


@pytest.mark.parametrize("part", PARTS)
def test_a_viewer_who_would_give_itself_away_never_meets_itself(recordings, directions_at, part):
    """Planted: a viewer who stares where nobody else looks, straight up."""
    plain = load(recordings)
    viewer = recordings[getattr(plain.partition, part)[0]].user_id
    up = directions_at([0.0], 89.0)[0]
    data = load([staring(r, up) if r.user_id == viewer else r for r in recordings])
    seen = {}
    for name in PARTS:
        windows = getattr(data, f"{name}_windows")
        window = windows[list(range(len(windows)))]
        users = [data.samples.user_ids[i] for i in window.recording_index.tolist()]
        own = torch.tensor([user == viewer for user in users])
        looks_up = (window.crowd_directions @ up.float() > 0.99).any(dim=2).any(dim=1)
        assert window.crowd_valid[own].any() or not own.any()
        assert not looks_up[own].any()
        seen[name] = bool(looks_up.any())
    others = {name: seen[name] for name in PARTS if name != part}
    assert set(others.values()) == {part == "train"}, "training viewers alone are shown"


def test_the_lookahead_limits_what_is_known(recordings):
    every, none, some = (load(recordings, saliency_lookahead_s=s) for s in (None, 0.0, 0.6))
    asked = list(range(20))
    history = every.spec.history_steps
    windows = {name: data.train_windows[asked] for name, data in (("every", every), ("none", none))}
    assert windows["every"].crowd_valid.all()
    assert windows["none"].crowd_valid[:, :, :history].all()
    assert not windows["none"].crowd_valid[:, :, history:].any()
    assert (windows["none"].crowd_directions[:, :, history:] == 0).all()
    known = some.train_windows[asked].crowd_valid[:, :, history:]
    assert known.all(dim=0).all(dim=0).tolist() == [True, True, False]


def staring(recording: Recording, direction: torch.Tensor) -> Recording:
    """The recording of a viewer who looks one way throughout."""
    return Recording(
        recording.user_id,
        recording.video_id,
        "planted",
        recording.timestamps_s,
        direction.double().expand_as(recording.viewport_center),
        recording.head_valid,
    )
