"""What windows see of their videos, and what they must not."""

from collections.abc import Sequence
from typing import get_args

import pytest
import torch

from vpnet.dataset.window import SaliencyView, WindowSpec
from vpnet.dataset.windows import VideoContent
from vpnet.paver.map_file import MapStore
from vpnet.saliency.salient_points import map_points


class NumberedMaps:
    """A source whose maps say which recording and which step of a 5 Hz clock they are of."""

    maps_by_moment = False

    def __init__(self, until_s: float = 100.0) -> None:
        self.until_s = until_s
        self.latest_s = -1.0

    def fit(self, training) -> None: ...

    def bind(self, user_ids: Sequence[str], video_ids: Sequence[str]) -> None: ...

    def look_up(self, recording_index, time_s):
        self.latest_s = max(self.latest_s, float(time_s.max()))
        step = (time_s * 5).round().long()
        rows, index = torch.unique(
            torch.stack((recording_index, step), 1), dim=0, return_inverse=True
        )
        maps = torch.ones(len(rows), 40, 80)
        maps[:, 0, :2] = 1 + rows.float()
        return maps, torch.where(time_s <= self.until_s, index, -1)

    def state(self):
        return {}

    def load_state(self, state) -> None: ...


def numbers(content):
    """Recording and step of the map that each window sees at each step; -1 for none."""
    seen = content.saliency_maps[content.saliency_index, 0, :2] - 1
    return torch.where(content.saliency_index.unsqueeze(-1) >= 0, seen, -1).long()


@pytest.fixture
def make_spec():
    """Function that describes windows of 3 steps that ask for 2 and 5 steps ahead, at 5 Hz."""
    return lambda **arguments: WindowSpec(5, 3, (2, 5), has_saliency=True, **arguments)


RECORDING, ANCHOR = torch.tensor([1, 0]), torch.tensor([30, 40])


def test_every_step_has_the_map_of_its_own_moment(make_spec):
    content = VideoContent(make_spec(saliency_view="maps"), NumberedMaps())
    seen = numbers(content.look_up(RECORDING, ANCHOR))
    assert seen[0].tolist() == [[1, 28], [1, 29], [1, 30], [1, 32], [1, 35]]
    assert seen[1].tolist() == [[0, 38], [0, 39], [0, 40], [0, 42], [0, 45]]


@pytest.mark.parametrize(("lookahead_s", "known"), [(0.0, 3), (0.4, 4), (0.9, 4), (1.0, 5)])
def test_nothing_beyond_the_lookahead_is_looked_at(make_spec, lookahead_s, known):
    source = NumberedMaps()
    spec = make_spec(saliency_view="maps", saliency_lookahead_s=lookahead_s)
    steps = VideoContent(spec, source).look_up(RECORDING, ANCHOR).saliency_index
    assert ((steps >= 0).sum(1) == known).all()
    assert (steps[:, known:] == -1).all()
    assert source.latest_s <= 8.0 + lookahead_s + 1e-6


@pytest.mark.parametrize(("lookahead_s", "only"), [(None, False), (0.0, True), (2.0, True)])
def test_maps_of_a_live_video_must_be_complete(make_spec, tmp_path, lookahead_s, only):
    source = MapStore(tmp_path)
    for before in (False, True):
        source.only_complete = before
        VideoContent(make_spec(saliency_lookahead_s=lookahead_s), source)
        assert source.only_complete == only


@pytest.mark.parametrize(
    ("every_s", "lookahead_s", "steps"),
    [(1.0, None, [35]), (0.4, None, [32, 35]), (0.4, 0.6, [32, 33]), (0.4, 0.0, [30])],
)
def test_maps_ahead_lie_as_far_as_may_be_known(make_spec, every_s, lookahead_s, steps):
    """The horizons are 0.4 and 1.0 s ahead."""
    source = NumberedMaps()
    spec = make_spec(map_every_s=every_s, saliency_lookahead_s=lookahead_s)
    seen = numbers(VideoContent(spec, source).look_up(RECORDING[:1], ANCHOR[:1]))
    assert seen[0].tolist() == [[1, step] for step in steps]


def test_windows_of_one_recording_share_the_maps_of_a_moment(make_spec):
    content = VideoContent(make_spec(saliency_view="maps"), NumberedMaps())
    shared = content.look_up(torch.tensor([0, 0]), torch.tensor([30, 32]))
    assert len(shared.saliency_maps) == 8
    assert shared.saliency_index[0, 3] == shared.saliency_index[1, 2]


def test_points_are_those_of_the_maps(make_spec):
    spec = make_spec(saliency_view="points", saliency_weighting="solid_angle")
    points = VideoContent(spec, NumberedMaps()).look_up(RECORDING, ANCHOR)
    spec = make_spec(saliency_view="maps")
    maps = VideoContent(spec, NumberedMaps()).look_up(RECORDING, ANCHOR)
    expected = map_points(maps.saliency_maps, weighting="solid_angle")
    assert torch.equal(points.saliency_points, expected)
    assert torch.equal(points.saliency_index, maps.saliency_index)
    assert len(points.saliency_maps) == 0


@pytest.mark.parametrize("view", get_args(SaliencyView))
def test_where_there_is_no_map_windows_see_none(make_spec, view):
    content = VideoContent(make_spec(saliency_view=view), NumberedMaps(until_s=0.0))
    found = content.look_up(RECORDING, ANCHOR)
    assert (found.saliency_index == -1).all()
    without = VideoContent(make_spec(saliency_view=view)).look_up(RECORDING, ANCHOR)
    assert without.saliency_index.shape == found.saliency_index.shape
    assert (without.saliency_index == -1).all()
