"""True maps of a simulated study are better than maps that know no video."""

from pathlib import Path

import pytest
import torch

from vpnet.errors import InputError
from vpnet.paver.scoring import CENTER_BIAS, MAPS, UNIFORM, open_maps, score_saliency
from vpnet.readers.reading import read_any
from vpnet.saliency.map_folder import MapFolder
from vpnet.saliency.viewing import VideoViewing, viewing_by_video

RATE_HZ = 0.5


@pytest.fixture(scope="module")
def viewing(simulated_study) -> dict[str, VideoViewing]:
    return viewing_by_video(read_any(simulated_study), RATE_HZ)


@pytest.fixture
def maps(simulated_study) -> MapFolder:
    found = open_maps(simulated_study / "saliency")
    assert isinstance(found, MapFolder)
    return found


def test_the_true_maps_of_a_simulated_study_are_the_best(maps, viewing):
    results = score_saliency(maps, viewing, RATE_HZ)
    assert [result.video_id for result in results] == [f"simulated_0{n}" for n in range(1, 6)]
    assert all(result.moments == 8 for result in results)

    def mean(name: str, measure: str) -> float:
        values = [getattr(result.scores[name], measure) for result in results]
        return sum(values) / len(values)

    for measure in ("cc", "sim", "nss"):
        assert mean(MAPS, measure) > mean(CENTER_BIAS, measure) > mean(UNIFORM, measure), measure
    assert mean(UNIFORM, "nss") == 0.0
    assert mean(UNIFORM, "auc_judd") == pytest.approx(0.5)


def test_the_same_seed_gives_the_same_numbers(maps, viewing):
    few = {"simulated_02": viewing["simulated_02"]}
    first, second = (score_saliency(maps, few, RATE_HZ, weighting="paver") for _ in range(2))
    assert first == second
    assert set(first[0].scores) == {MAPS, UNIFORM}, "no other video to fit a centre bias on"


def test_moments_without_viewers_do_not_count(maps, viewing):
    watched = viewing["simulated_01"]
    valid = watched.valid.clone()
    valid[:, 2:] = False
    results = score_saliency(maps, {"simulated_01": watched._replace(valid=valid)}, RATE_HZ)
    assert results[0].moments == 2


def test_what_cannot_be_measured_is_refused(maps, viewing, tmp_path):
    with pytest.raises(InputError, match="weighting must be one of"):
        score_saliency(maps, viewing, RATE_HZ, weighting="cosine")
    with pytest.raises(InputError, match="smoothing_deg must be positive, got 0"):
        score_saliency(maps, viewing, RATE_HZ, smoothing_deg=0)
    nobody = VideoViewing((), torch.zeros(0, 3, 3), torch.zeros(0, 3, dtype=torch.bool))
    with pytest.raises(InputError, match="no moment at which a video has a map and a viewer"):
        score_saliency(maps, {"simulated_01": nobody}, RATE_HZ)
    with pytest.raises(InputError, match="no maps for any video"):
        score_saliency(maps, {"other": viewing["simulated_01"]}, RATE_HZ)
    with pytest.raises(InputError):
        open_maps(Path(tmp_path / "none"))
