"""A mirrored window is what a viewer of the mirrored video would have given."""

import pytest
import torch

from vpnet.dataset.mirroring import mirror_half, mirrored
from vpnet.dataset.window import ViewportWindow
from vpnet.geometry.directions import direction_from_angles, yaw_and_elevation

WHICH = torch.tensor([True, False, True])


@pytest.fixture
def window(tiny_data) -> ViewportWindow:
    """Three windows, with everything that the simulation does not make up filled in."""
    window = tiny_data.train_windows[[0, 1, 2]]
    generator = torch.Generator().manual_seed(0)
    crowd = torch.randn(3, 4, 8, 3, generator=generator)
    return window._replace(
        history_roll_rad=torch.randn(window.history_roll_rad.shape, generator=generator),
        crowd_directions=torch.nn.functional.normalize(crowd, dim=-1),
        saliency_maps=torch.rand(2, 4, 8, generator=generator),
        saliency_index=torch.tensor([[1], [1], [-1]]),
    )


def test_what_is_seen_on_the_right_is_then_seen_on_the_left(window):
    seen = mirrored(window, WHICH)
    for name in ("history_directions", "gaze_directions", "future_directions", "crowd_directions"):
        before, after = getattr(window, name), getattr(seen, name)
        assert torch.equal(after[1], before[1]), name
        expected = direction_from_angles(*_other_side(before[WHICH]))
        torch.testing.assert_close(after[WHICH], expected, atol=1e-6, rtol=0)
    roll_rad = window.history_roll_rad
    assert torch.equal(seen.history_roll_rad, torch.tensor([[-1.0], [1], [-1]]) * roll_rad)
    horizontal_first = torch.tensor([-1.0, 1, 1])
    assert torch.equal(seen.gaze_offset_deg[0], window.gaze_offset_deg[0] * horizontal_first)
    assert torch.equal(seen.gaze_offset_deg[1], window.gaze_offset_deg[1])


def test_each_window_looks_at_its_own_side_of_a_map_that_both_share(window):
    seen = mirrored(window, WHICH)
    assert torch.equal(
        seen.saliency_maps[seen.saliency_index[0, 0]], window.saliency_maps[1].flip(1)
    )
    assert torch.equal(seen.saliency_maps[seen.saliency_index[1, 0]], window.saliency_maps[1])
    assert seen.saliency_index[2, 0] == -1, "who looks at none still does"


def test_salient_points_of_many_moments_are_mirrored_likewise(window):
    points = torch.rand(2, 5, 4, generator=torch.Generator().manual_seed(0))
    index = torch.tensor([[0, 1, -1], [0, 1, -1], [1, 1, 0]])
    window = window._replace(
        saliency_maps=torch.zeros(0, 1, 1), saliency_points=points, saliency_index=index
    )
    seen = mirrored(window, WHICH)
    assert torch.equal(seen.saliency_points[seen.saliency_index[1, :2]], points)
    flipped = points * torch.tensor([-1.0, 1, 1, 1])
    assert torch.equal(seen.saliency_points[seen.saliency_index[0, :2]], flipped)
    assert torch.equal(seen.saliency_points[seen.saliency_index[2]], flipped[[1, 1, 0]])
    assert (seen.saliency_index[:2, 2] == -1).all()


def test_twice_is_as_if_never(window):
    window = window._replace(
        saliency_maps=torch.zeros(0, 1, 1), saliency_index=torch.full((3, 1), -1)
    )
    twice = mirrored(mirrored(window, WHICH), WHICH)
    for name, before, after in zip(window._fields, window, twice, strict=True):
        if name != "face_valid":
            assert torch.equal(before, after), name
    assert torch.equal(twice.face_valid, window.face_valid & ~WHICH.unsqueeze(1)), (
        "faces have sides"
    )


def test_only_maps_that_are_looked_at_are_kept(window):
    nobody = mirrored(window, torch.zeros(3, dtype=torch.bool))
    assert torch.equal(nobody.saliency_maps, window.saliency_maps[1:])
    assert nobody.saliency_index.tolist() == [[0], [0], [-1]]


def test_windows_of_one_recording_are_on_one_side(window):
    window = window._replace(recording_index=torch.tensor([4, 4, 1]))
    sides = set()
    for seed in range(20):
        torch.manual_seed(seed)
        x = mirror_half(window).history_directions[:, -1, 0]
        is_mirrored = (x != window.history_directions[:, -1, 0]).tolist()
        assert is_mirrored[0] == is_mirrored[1]
        sides.add(tuple(is_mirrored))
    assert len(sides) == 4


def _other_side(directions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    yaw_rad, elevation_rad = yaw_and_elevation(directions)
    return -yaw_rad, elevation_rad
