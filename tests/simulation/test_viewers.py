import pytest

from vpnet.simulation.viewers_and_videos import CATEGORIES, VIEWER_KINDS, draw_viewer

VIEWERS = [draw_viewer(f"S{number:02d}", number, seed=0) for number in range(30)]


def test_same_seed_same_viewer_and_other_seed_another():
    assert draw_viewer("S01", 0, seed=1) == draw_viewer("S01", 0, seed=1)
    assert draw_viewer("S01", 0, seed=1) != draw_viewer("S01", 0, seed=2)


def test_kinds_take_turns():
    assert [viewer.kind for viewer in VIEWERS] == list(VIEWER_KINDS) * 10


@pytest.mark.parametrize("viewer", VIEWERS, ids=lambda viewer: viewer.user_id)
def test_traits_are_human(viewer):
    assert viewer.preferred_category in CATEGORIES
    assert 0.2 <= viewer.eye_head_latency_s <= 0.3
    assert 0 < viewer.head_gain <= 1
    assert 0 < viewer.exploration < 1
    assert 0 < viewer.capture < 1
    assert 10 <= viewer.blink_rate_per_min <= 25
    assert 0 < viewer.expressiveness <= 1


def test_viewers_of_one_kind_differ():
    for trait in ("eye_head_latency_s", "head_gain", "scan_rate_rad_s", "blink_rate_per_min"):
        assert len({getattr(viewer, trait) for viewer in VIEWERS}) == len(VIEWERS)
    assert len({viewer.preferred_category for viewer in VIEWERS}) == len(CATEGORIES)
