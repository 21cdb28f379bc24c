import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from vpnet.alignment.alignment import (
    Alignment,
    OffsetPeak,
    find_alignment,
    offsets_deg,
    wrap_deg,
)
from vpnet.alignment.moment_maps import FolderMaps, ViewerDensity
from vpnet.errors import InputError
from vpnet.recordings.recording import Recording
from vpnet.simulation.simulated_study import draw_study, simulate_recordings
from vpnet.simulation.viewers_and_videos import saliency_maps

USERS, VIDEOS, DURATION_S = 6, 4, 20.0
ALIGNMENTS = [(0.0, False), (63.0, False), (-95.0, True), (180.0, False), (17.3, True)]


class UniformMaps:
    """The same everywhere at all times."""

    def bind(self, video_ids: Sequence[str]) -> None:
        pass

    def look_up(
        self, video_id: str, user_ids: Sequence[str], times_s: Tensor
    ) -> tuple[Tensor, Tensor]:
        return torch.ones(1, 30, 60), torch.zeros(len(user_ids), len(times_s), dtype=torch.long)


def write_maps(
    folder: Path, seed: int, videos: int = VIDEOS, duration_s: float = DURATION_S
) -> Path:
    """The true saliency of the videos of a simulated study, under the names of its videos."""
    for video in draw_study(USERS, videos, duration_s, seed)[1]:
        maps = saliency_maps(video, rate_hz=5.0, height=45, width=90)
        np.save(folder / f"{video.video_id}.npy", maps.numpy().astype(np.float16))
    (folder / "saliency.json").write_text(json.dumps({"rate_hz": 5.0}))
    return folder


def best(alignment: Alignment) -> OffsetPeak:
    assert alignment.best is not None
    return alignment.best


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    """A small simulated study, seen as it is."""
    return list(simulate_recordings(USERS, VIDEOS, DURATION_S, seed=0))


@pytest.fixture(scope="module")
def true_maps(tmp_path_factory) -> Path:
    """The true saliency of that study."""
    return write_maps(tmp_path_factory.mktemp("true"), seed=0)


@pytest.mark.parametrize(("offset_deg", "mirror"), ALIGNMENTS)
def test_simulated_alignments_are_found_in_maps(
    recordings, true_maps, as_recorded, offset_deg, mirror
):
    recorded = (as_recorded(recording, offset_deg, mirror) for recording in recordings)
    alignment = find_alignment(recorded, FolderMaps(true_maps), draws=100)
    assert best(alignment).mirror == mirror
    assert wrap_deg(best(alignment).offset_deg - offset_deg) == pytest.approx(0.0, abs=2.0)
    assert alignment.doubts == ()
    assert alignment.users == USERS
    assert alignment.deviating(alignment.per_video) == []


@pytest.mark.parametrize(("offset_deg", "mirror"), ALIGNMENTS[1:3])
def test_simulated_alignments_are_found_in_other_viewers(
    recordings, as_recorded, offset_deg, mirror
):
    odd = [one for one in recordings if one.user_id in ("S01", "S03", "S05")]
    recorded = [as_recorded(one, offset_deg, mirror) for one in recordings if one not in odd]
    alignment = find_alignment(recorded, ViewerDensity(odd), draws=100)
    assert best(alignment).mirror == mirror
    assert wrap_deg(best(alignment).offset_deg - offset_deg) == pytest.approx(0.0, abs=2.0)
    assert alignment.doubts == ()


def test_the_viewer_who_differs_is_found(recordings, as_recorded):
    mixed = [
        as_recorded(recording, 40.0, True) if recording.user_id == "S02" else recording
        for recording in recordings
    ]
    alignment = find_alignment(mixed, ViewerDensity(mixed))
    assert best(alignment).offset_deg == pytest.approx(0.0, abs=2.0)
    assert alignment.deviating(alignment.per_user) == ["S02"]
    assert alignment.per_user["S02"].offset_deg == pytest.approx(40.0, abs=5.0)
    assert alignment.per_user["S02"].mirror


def test_the_video_that_differs_is_found(recordings, true_maps, as_recorded):
    mixed = [
        as_recorded(recording, -81.0, False) if recording.video_id == "simulated_03" else recording
        for recording in recordings
    ]
    alignment = find_alignment(mixed, FolderMaps(true_maps))
    assert alignment.deviating(alignment.per_video) == ["simulated_03"]
    assert alignment.per_video["simulated_03"].offset_deg == pytest.approx(-81.0, abs=3.0)


def test_uniform_maps_tell_nothing(recordings):
    alignment = find_alignment(recordings, UniformMaps())
    assert alignment.best is None
    assert alignment.doubts == ("no map has a shape: all are flat, or there are none",)
    assert alignment.samples == alignment.users == 0
    assert alignment.per_video == alignment.per_user == {}
    assert alignment.nss.tolist() == [0.0] * 60
    assert alignment.deviating(alignment.per_user) == []


@pytest.mark.parametrize("seed", [101, 102])
def test_maps_of_other_videos_tell_nothing(recordings, tmp_path, seed):
    alignment = find_alignment(recordings, FolderMaps(write_maps(tmp_path, seed)))
    assert any("of resampled viewers and videos agree" in doubt for doubt in alignment.doubts)


def test_few_people_are_no_crowd(recordings, true_maps):
    pair = [recording for recording in recordings if recording.user_id in ("S01", "S02")]
    alignment = find_alignment(pair, FolderMaps(true_maps), draws=50)
    assert alignment.doubts == ("2 people, 3 are the least",)
    single = find_alignment(pair[:1], FolderMaps(true_maps))
    assert single.doubts[-1] == "there is one recording, and none to compare it with"


def test_every_recording_counts_the_same(looking):
    """A long one to the left, a short one and two others to the right."""
    reference = ViewerDensity([looking([0.0] * 200, user_id="reference")])
    recorded = [looking([-30.0] * 200, user_id="ada")]
    recorded += [looking([30.0] * 20, user_id=user_id) for user_id in ("bob", "eve", "joe")]
    alignment = find_alignment(recorded, reference)
    assert alignment.samples == 260
    assert abs(best(alignment).offset_deg) == pytest.approx(30.0, abs=1.0)
    at = {round(offset): row for row, offset in enumerate(alignment.offsets_deg.tolist())}
    ratio = alignment.nss[at[-30]] / alignment.nss[at[30]]
    assert float(ratio) == pytest.approx(3.0, rel=0.1)


def test_the_result_is_plain_for_json(recordings, true_maps):
    alignment = find_alignment(recordings[:VIDEOS], FolderMaps(true_maps), draws=20)
    values = json.loads(json.dumps(alignment.to_dict(), allow_nan=False))
    assert values["best"]["offset_deg"] == best(alignment).offset_deg
    assert values["best"]["margin"] == best(alignment).margin
    assert values["per_video"]["simulated_01"]["share"] is None, "one viewer, nothing to draw"
    assert len(values["offsets_deg"]) == len(values["nss"]) == len(values["nss_mirrored"]) == 90


def test_what_cannot_be_aligned_is_refused(looking):
    with pytest.raises(InputError, match="no recordings to align; check where they come from"):
        find_alignment([], UniformMaps())
    with pytest.raises(InputError, match="draws must be at least 1, got 0"):
        find_alignment([looking([0.0, 0.0])], UniformMaps(), draws=0)


@pytest.mark.parametrize("seed", [216, 218])
def test_one_video_is_not_enough_to_trust_its_maps(tmp_path, seed):
    """Maps of another video in which all twelve viewers agree on a wrong answer."""
    recordings = simulate_recordings(users=12, videos=1, duration_s=40.0, seed=0)
    maps = write_maps(tmp_path, seed, videos=1, duration_s=40.0)
    alignment = find_alignment(recordings, FolderMaps(maps))
    assert best(alignment).clear
    assert alignment.doubts == ("1 video, 2 are the least: a poor map of one misleads everybody",)


def test_a_video_turned_by_twenty_degrees_differs(recordings, true_maps, as_recorded):
    mixed = [
        as_recorded(recording, 20.0, False) if recording.video_id == "simulated_02" else recording
        for recording in recordings
    ]
    alignment = find_alignment(mixed, FolderMaps(true_maps))
    assert alignment.deviating(alignment.per_video) == ["simulated_02"]


def test_a_narrow_lead_is_a_doubt():
    peak = OffsetPeak(0.0, False, 1.0, 0.96, -1.0, 1.0, share=1.0)
    flat = torch.zeros(60)
    videos = {"v": peak, "w": peak}
    alignment = Alignment(offsets_deg(60), flat, flat, peak, 5, 500, videos, {})
    assert alignment.doubts == ("the best other alignment is only 0.040 behind",)
