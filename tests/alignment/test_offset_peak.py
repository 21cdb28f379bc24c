import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vpnet.alignment.alignment import OffsetPeak, find_peak, offsets_deg, wrap_deg

WIDTH = 120


def bump(offset_deg: float, height: float = 1.0, width_deg: float = 15.0) -> Tensor:
    away = torch.deg2rad(offsets_deg(WIDTH) - offset_deg)
    return height * torch.exp((torch.cos(away) - 1) / math.radians(width_deg) ** 2)


def curves(*recorded: Tensor, mirrored: Tensor | None = None, videos: int = 1) -> Tensor:
    """Curves of users who watched the same number of videos, ``(users, videos, 2, width)``."""
    flat = torch.zeros(WIDTH, dtype=torch.float64)
    pairs = [torch.stack((curve, flat if mirrored is None else mirrored)) for curve in recorded]
    return torch.stack(pairs).reshape(-1, videos, 2, WIDTH)


def found(recordings: Tensor, **settings: int) -> OffsetPeak:
    peak = find_peak(recordings, **settings)
    assert peak is not None
    return peak


@settings(max_examples=40, deadline=None)
@given(st.floats(-180, 179.99), st.booleans())
def test_a_peak_between_columns_is_found(offset_deg, mirror):
    recordings = curves(bump(offset_deg), bump(offset_deg))
    peak = found(recordings.flip(2) if mirror else recordings, draws=20)
    assert peak.mirror == mirror
    assert -180 <= peak.offset_deg < 180
    assert wrap_deg(peak.offset_deg - offset_deg) == pytest.approx(0.0, abs=0.1)
    assert peak.nss == pytest.approx(1.0, abs=0.01)
    assert peak.share == 1.0
    assert peak.clear


def test_the_runner_up_is_a_peak_far_away_or_the_other_mirror():
    near = curves(bump(0.0) + bump(18.0, 0.3))
    assert found(near).runner_up_nss == pytest.approx(0.0, abs=1e-3), "a shoulder is no peak"
    far = curves(bump(0.0) + bump(100.0, 0.6))
    assert found(far).runner_up_nss == pytest.approx(0.6, abs=0.01)
    other = curves(bump(0.0) + bump(100.0, 0.6), mirrored=bump(5.0, 0.8))
    assert found(other).runner_up_nss == pytest.approx(0.8, abs=0.01)
    assert found(other).margin == pytest.approx(0.2, abs=0.02)


def test_the_interval_follows_the_viewers():
    offsets = [10.0 + away for away in (-4, -3, -2, -1, 0, 1, 2, 3, 4)]
    peak = found(curves(*map(bump, offsets)))
    assert peak.offset_deg == pytest.approx(10.0, abs=0.2)
    standard_error_deg = math.sqrt(60 / 9) / 3
    assert peak.high_deg - peak.low_deg == pytest.approx(2 * 1.96 * standard_error_deg, rel=0.25)
    assert peak.low_deg < 10 < peak.high_deg


def test_an_interval_across_the_seam_stays_in_one_piece():
    peak = found(curves(*map(bump, (176.0, 178.0, -178.0, -176.0))))
    assert wrap_deg(peak.offset_deg - 180.0) == pytest.approx(0.0, abs=0.3)
    assert peak.low_deg < peak.offset_deg < peak.high_deg
    assert peak.high_deg - peak.low_deg < 10


def test_viewers_who_disagree_leave_doubt():
    peak = found(curves(*(bump(0.0),) * 4, *(bump(120.0),) * 3))
    assert peak.offset_deg == pytest.approx(0.0, abs=0.5)
    assert 0.3 < peak.share < 0.9
    assert not peak.clear


def test_videos_that_mislead_all_viewers_alike_leave_doubt():
    one_viewer = (bump(0.0, 1.1), bump(120.0), bump(-90.0))
    everybody = curves(*one_viewer * 20, videos=3)
    peak = found(everybody)
    assert peak.offset_deg == pytest.approx(0.0, abs=0.5)
    assert peak.share < 0.9
    assert found(everybody[:, :1]).share == 1.0, "each video by itself knows no doubt"


def test_one_recording_has_no_interval():
    peak = found(curves(bump(30.0)))
    assert peak.offset_deg == pytest.approx(30.0, abs=0.1)
    assert all(math.isnan(value) for value in (peak.low_deg, peak.high_deg, peak.share))
    assert not peak.clear


def test_recordings_that_are_missing_do_not_count():
    recordings = curves(bump(40.0), bump(0.0), bump(40.0), bump(0.0), videos=2)
    recordings[:, 1] = torch.nan
    peak = found(recordings)
    assert peak.offset_deg == pytest.approx(40.0, abs=0.1)
    assert peak.share == 1.0


def test_nothing_to_compare_has_no_peak():
    assert find_peak(curves(bump(0.0), bump(0.0)) * torch.nan) is None


def test_the_same_seed_gives_the_same():
    recordings = curves(*map(bump, (0.0, 4.0, 11.0)))
    assert found(recordings, seed=3) == found(recordings, seed=3)
    assert found(recordings, seed=3) != found(recordings, seed=4)


@pytest.mark.parametrize(
    ("offset_deg", "mirror", "expected"),
    [(15.0, False, True), (5.0, False, False), (0.0, True, True), (-15.0, False, True)],
)
def test_a_clear_peak_differs_by_offset_or_mirror(offset_deg, mirror, expected):
    whole = found(curves(bump(0.0), bump(0.0)))
    recordings = curves(bump(offset_deg), bump(offset_deg))
    other = found(recordings.flip(2) if mirror else recordings)
    assert other.differs(whole, 10.0) == expected
    assert not found(recordings[:1]).differs(whole, 10.0), "without an interval nothing is clear"


@pytest.mark.parametrize("offset_deg", [178.0, 178.7, 179.0, 179.4])
def test_the_interval_surrounds_an_offset_beside_the_seam(offset_deg):
    peak = found(curves(*(bump(offset_deg + away) for away in (-2.0, -1.0, 0.0, 1.0, 2.0))))
    assert peak.offset_deg == pytest.approx(offset_deg, abs=0.2)
    assert peak.low_deg < peak.offset_deg < peak.high_deg


def test_two_peaks_of_nearly_the_same_height_are_not_clear():
    recordings = curves(*(bump(0.0) + bump(120.0, 0.96),) * 5)
    peak = found(recordings)
    assert peak.margin == pytest.approx(0.04, abs=0.005)
    assert peak.share == 1.0
    assert not peak.clear


@pytest.mark.parametrize(("other_deg", "expected"), [(12.0, 0.0), (39.0, 0.7)])
def test_only_peaks_further_than_twenty_degrees_are_other_answers(other_deg, expected):
    recordings = curves(bump(0.0, width_deg=4.0) + bump(other_deg, 0.7, width_deg=4.0))
    assert found(recordings).runner_up_nss == pytest.approx(expected, abs=0.01)


def test_resamples_ten_degrees_apart_do_not_agree():
    recordings = curves(*(bump(0.0, width_deg=4.0),) * 4, *(bump(12.0, width_deg=4.0),) * 3)
    assert found(recordings).share < 0.9
