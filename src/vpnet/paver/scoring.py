"""How well a folder of saliency maps predicts where people looked, next to a centre bias."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from rich.progress import track
from torch import Tensor

from vpnet.errors import InputError
from vpnet.paver.map_file import MapStore
from vpnet.saliency.fitted_sources import CenterBias
from vpnet.saliency.map_folder import MapFiles, MapFolder
from vpnet.saliency.metrics import WEIGHTINGS, SaliencyScores, score_map
from vpnet.saliency.source import TrainingDirections
from vpnet.saliency.viewing import VideoViewing

UNIFORM, CENTER_BIAS, MAPS = "uniform", "center bias", "maps"


class VideoScores(NamedTuple):
    """The mean over the moments of one video."""

    video_id: str
    moments: int
    """At which there were a map and a viewer."""
    scores: dict[str, SaliencyScores]
    """Of the maps, of the uniform map, and of the centre bias where there is another video."""


def open_maps(path: str | Path) -> MapFiles:
    """The maps of a folder of ``<video>.h5`` files, or of ``<video>.npy`` and ``saliency.json``.

    Raises:
        InputError: It is neither.
    """
    return MapStore(path) if any(Path(path).glob("*.h5")) else MapFolder(path)


def score_saliency(
    maps: MapFiles,
    viewing: Mapping[str, VideoViewing],
    rate_hz: float,
    *,
    weighting: str = "solid_angle",
    smoothing_deg: float = 5.0,
    seed: int = 0,
) -> list[VideoScores]:
    """Measure maps against the directions of all viewers of each video.

    The centre bias is fitted on the viewers' directions in the other videos.

    Args:
        maps: See `open_maps`.
        viewing: Where people looked, by video.
        rate_hz: Its steps per second; each is a moment.
        weighting: See `vpnet.saliency.metrics.score_map`.
        smoothing_deg: Likewise.
        seed: Of the random pixels of AUC-Borji.

    Raises:
        InputError: No video has both maps and viewers, or a setting is none.
    """
    if weighting not in WEIGHTINGS:
        raise InputError(f"weighting must be one of {', '.join(WEIGHTINGS)}, got {weighting!r}")
    if smoothing_deg <= 0:
        raise InputError(f"smoothing_deg must be positive, got {smoothing_deg:g}")
    names = list(viewing)
    maps.bind([""] * len(names), names)
    results = []
    for number, video_id in enumerate(track(names, description="Scoring videos")):
        generator = torch.Generator().manual_seed(seed)
        elsewhere = [watched for name, watched in viewing.items() if name != video_id]
        bias = _center_bias(elsewhere) if elsewhere else None
        found: dict[str, list[SaliencyScores]] = {}
        for saliency, directions in _moments(maps, number, viewing[video_id], rate_hz):
            candidates = {MAPS: saliency, UNIFORM: torch.ones_like(saliency)}
            if bias is not None:
                candidates[CENTER_BIAS] = bias
            for name, candidate in candidates.items():
                scores = score_map(candidate, directions, generator, weighting, smoothing_deg)
                found.setdefault(name, []).append(scores)
        if found:
            means = {
                name: SaliencyScores(*torch.tensor(scores).double().mean(dim=0).tolist())
                for name, scores in found.items()
            }
            results.append(VideoScores(video_id, len(found[MAPS]), means))
    if not results:
        raise InputError(
            f"{maps.path}: there is no moment at which a video has a map and a viewer; check that "
            "the files are named as the recordings' videos are"
        )
    return results


def _moments(
    maps: MapFiles, number: int, watched: VideoViewing, rate_hz: float
) -> Iterator[tuple[Tensor, Tensor]]:
    """The displayed map and where people looked, moment by moment."""
    for step in range(watched.valid.shape[1]):
        directions = watched.directions[:, step][watched.valid[:, step]]
        found, index = maps.look_up(torch.tensor([number]), torch.tensor([step / rate_hz]))
        if len(directions) > 0 and int(index[0]) >= 0:
            yield found[0], directions


def _center_bias(viewing: list[VideoViewing]) -> Tensor:
    """Fitted on some videos, ``(120, 240)``."""
    directions = torch.cat([watched.directions[watched.valid] for watched in viewing])
    none = torch.zeros(len(directions), dtype=torch.long)
    bias = CenterBias()
    bias.fit(TrainingDirections(("",), ("",), none, none, directions, 1.0))
    return bias.map
