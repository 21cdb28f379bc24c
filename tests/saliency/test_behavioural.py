import pytest
import torch

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.splits import CrossUser
from vpnet.dataset.task import Task
from vpnet.dataset.window import WindowSpec
from vpnet.dataset.windows import VideoContent
from vpnet.errors import InputError
from vpnet.geometry.directions import great_circle_distance
from vpnet.geometry.equirectangular import pixel_directions, solid_angle_weights
from vpnet.recordings.recording import Recording
from vpnet.saliency.fitted_sources import Behavioural
from vpnet.saliency.source import TrainingDirections
from vpnet.simulation.simulated_study import simulate_recordings

TASK = Task("tiny", 5, 1.0, [0.2, 0.6, 1.0], [0.2, 0.5, 1.0], 1.0, 1.0, 0.4)


@pytest.fixture
def three_viewers(directions_at) -> TrainingDirections:
    """a, b and c watch v for 2 s at 5 Hz, each looking one way; c watches w alone."""
    yaw_deg = [0.0] * 10 + [90.0] * 10 + [180.0] * 10 + [45.0] * 10
    return TrainingDirections(
        ("a", "b", "c", "c"),
        ("v", "v", "v", "w"),
        torch.arange(4).repeat_interleave(10),
        torch.arange(10).repeat(4),
        directions_at(yaw_deg).float(),
        5.0,
    )


def mass_near(salience, direction, radius_deg=40.0):
    """Share of a map that lies near a direction."""
    height, width = salience.shape
    near = great_circle_distance(pixel_directions(height, width), direction)
    weights = solid_angle_weights(height, width) * salience
    return float(weights[near < torch.deg2rad(torch.tensor(radius_deg))].sum() / weights.sum())


def test_a_map_shows_the_others_alone(three_viewers, directions_at):
    source = Behavioural()
    source.fit(three_viewers)
    source.bind(["a", "new"], ["v", "v"])
    maps, index = source.look_up(torch.tensor([0, 1]), torch.tensor([1.0, 1.0]))
    ahead, right, behind = directions_at([0.0, 90.0, 180.0]).float()
    assert mass_near(maps[index[0]], ahead) < 1e-4
    assert mass_near(maps[index[0]], right) == pytest.approx(0.5, abs=0.02)
    for direction in (ahead, right, behind):
        assert mass_near(maps[index[1]], direction) == pytest.approx(1 / 3, abs=0.02)


def test_where_nobody_else_watched_there_is_no_map(three_viewers):
    source = Behavioural()
    source.fit(three_viewers)
    source.bind(["c", "a", "a", "a"], ["w", "w", "unseen", "v"])
    maps, index = source.look_up(torch.tensor([0, 1, 2, 3]), torch.tensor([1.0, 1.0, 1.0, 9.0]))
    assert index.tolist() == [-1, 0, -1, -1]
    assert len(maps) == 1


def test_a_map_is_that_of_its_moment(directions_at):
    turning = directions_at([10.0 * step for step in range(10)]).float()
    training = TrainingDirections(
        ("a",), ("v",), torch.zeros(10).long(), torch.arange(10), turning, 5.0
    )
    source = Behavioural(smoothing_deg=5, height=60)
    source.fit(training)
    source.bind(["b"], ["v"])
    maps, index = source.look_up(torch.tensor([0]), torch.tensor([1.2]))
    peak = pixel_directions(60, 120).reshape(-1, 3)[maps[index[0]].argmax()]
    assert torch.rad2deg(great_circle_distance(peak, turning[6])) < 3


def test_what_was_learned_comes_back(three_viewers):
    source, restored = Behavioural(), Behavioural()
    source.fit(three_viewers)
    restored.load_state(source.state())
    for each in (source, restored):
        each.bind(["a"], ["v"])
    moment = torch.tensor([0]), torch.tensor([0.2])
    assert torch.equal(source.look_up(*moment)[0], restored.look_up(*moment)[0])
    with pytest.raises(InputError, match="no directions of training viewers"):
        Behavioural().load_state({"map": torch.ones(2, 4)})


@pytest.mark.parametrize("rate_hz", [5.0, 30.0])
def test_every_step_of_a_window_has_the_map_of_its_own_moment(directions_at, rate_hz):
    """On any clock, however late in the video: a step too early would be an old map."""
    steps = round(300 * rate_hz)
    training = TrainingDirections(
        ("a",),
        ("v",),
        torch.zeros(steps).long(),
        torch.arange(steps),
        directions_at([(7.0 * step) % 360 for step in range(steps)]).float(),
        rate_hz,
    )
    source = Behavioural(smoothing_deg=5, height=60)
    source.fit(training)
    source.bind(["b"], ["v"])
    spec = WindowSpec(rate_hz, 4, (1, 2, 3), has_saliency=True, saliency_view="maps")
    content = VideoContent(spec, source)
    for anchor in range(40, steps - 5, 97):
        found = content.look_up(torch.tensor([0]), torch.tensor([anchor]))
        peaks = found.saliency_maps[found.saliency_index[0]].flatten(1).argmax(1)
        seen = pixel_directions(60, 120).reshape(-1, 3)[peaks]
        expected = training.directions[anchor - 3 : anchor + 4]
        assert torch.rad2deg(great_circle_distance(seen, expected)).max() < 3, anchor


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


def all_maps(recordings, user_id, part, folds=None):
    """The maps of a viewer's windows in one part."""
    data = ViewportDataModule(
        recordings, CrossUser(0.25, 0.25), TASK, saliency=Behavioural(folds=folds), map_every_s=0.4
    )
    windows = getattr(data, f"{part}_windows")
    window = windows[list(range(len(windows)))]
    users = [data.samples.user_ids[i] for i in window.recording_index.tolist()]
    own = torch.tensor([user == user_id for user in users])
    assert own.any()
    assert (window.saliency_index[own] >= 0).all()
    return window.saliency_maps[window.saliency_index[own]].flatten(0, 1)


@pytest.fixture(scope="module")
def viewers_by_part():
    recordings = list(simulate_recordings(users=6, videos=2, duration_s=8.0))
    data = ViewportDataModule(recordings, CrossUser(0.25, 0.25), TASK)
    part = data.partition
    return recordings, {
        name: recordings[getattr(part, name)[0]].user_id for name in ("train", "val", "test")
    }


@pytest.mark.parametrize("folds", [None, 2])
@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_a_viewer_who_would_give_itself_away_never_meets_itself(
    viewers_by_part, directions_at, part, folds
):
    """Planted: a viewer who stares where nobody else looks, straight up."""
    recordings, viewers = viewers_by_part
    up = directions_at([0.0], 89.0)[0]
    planted = [
        staring(recording, up) if recording.user_id == viewers[part] else recording
        for recording in recordings
    ]
    for salience in all_maps(planted, viewers[part], part, folds):
        assert mass_near(salience, up.float(), 15.0) < 1e-3
    other = "test" if part == "train" else "train"
    maps = all_maps(planted, viewers[other], other, folds)
    mass = [mass_near(map_, up.float(), 15.0) for map_ in maps]
    assert (min(mass) > 0.1) == (part == "train"), "training viewers alone are shown to others"


def test_nothing_that_validation_and_test_viewers_do_changes_a_map(viewers_by_part, directions_at):
    recordings, viewers = viewers_by_part
    up = directions_at([0.0], 89.0)[0]
    data = ViewportDataModule(recordings, CrossUser(0.25, 0.25), TASK)
    trained = {data.samples.user_ids[i] for i in data.partition.train}
    moved = [
        recording if recording.user_id in trained else staring(recording, up)
        for recording in recordings
    ]
    for part, user_id in viewers.items():
        before = all_maps(recordings, user_id, part)
        assert torch.equal(all_maps(moved, user_id, part), before)
