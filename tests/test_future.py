"""No model knows what comes after the anchor, but for what its lookahead allows.

Everything after a moment is made up anew, in every stream of the viewer and of the video, and the
predictions made at that moment must stay as they were, bit for bit.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import Tensor

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.samples import Samples
from vpnet.dataset.splits import CrossUser
from vpnet.dataset.task import Task
from vpnet.dataset.window import SaliencyView, ViewportWindow
from vpnet.dataset.windows import VideoContent, WindowDataset
from vpnet.geometry.directions import normalize
from vpnet.models import all_models
from vpnet.models.forecaster import Forecaster
from vpnet.recordings.recording import Recording
from vpnet.saliency.crowd import Crowd
from vpnet.settings import build
from vpnet.simulation.simulated_study import simulate_recordings

CONF = Path(__file__).resolve().parents[1] / "conf"
MODELS = sorted(file.stem for file in (CONF / "model").glob("*.yaml"))
OPTIONS = [
    ("muse_vp", "model.lstm=dual", "model.eye_spatial_mode=add"),
    ("fusion", "model.query=saliency", "model.encoder=transformer", "model.projection=conv"),
    ("fusion", "model.questionnaire=true", "model.streams=[eye,face]"),
]
CONFIGS = [(name,) for name in MODELS] + OPTIONS
SMALL = {"fusion": ["model.width=32"], "lstm": ["model.hidden=16"], "track": ["model.hidden=16"]}
SMALL |= dict.fromkeys(("star_vp", "muse_vp", "gated_star_vp"), ["model.hidden=16"])
SEES_VIDEO = {
    "fusion": {"crowd", "saliency"},
    "lstm": {"crowd"},
    "track": {"saliency"},
    "star_vp": {"crowd", "saliency"},
    "muse_vp": {"crowd", "saliency"},
    "gated_star_vp": {"saliency"},
}
ANCHOR_STEP, RATE_HZ, LOOKAHEAD_S = 20, 5, 0.6
TASK = Task("tiny", RATE_HZ, 1.6, [0.2, 0.4, 0.6, 0.8, 1.0], [0.2, 1.0], 2.0, 0.4, 0.4)


class MadeUpMaps:
    """A map for every step of every recording; all are made up anew after a chosen moment."""

    maps_by_moment = True

    def __init__(self, renewed_after_s: float = torch.inf) -> None:
        self.renewed_after_s = renewed_after_s

    def fit(self, training) -> None: ...

    def bind(self, user_ids: Sequence[str], video_ids: Sequence[str]) -> None: ...

    def look_up(self, recording_index: Tensor, time_s: Tensor) -> tuple[Tensor, Tensor]:
        maps = []
        for recording, moment_s in zip(recording_index.tolist(), time_s.tolist(), strict=True):
            renewed = moment_s > self.renewed_after_s + 1e-6
            seed = 1000 * recording + round(moment_s * RATE_HZ) + 10**6 * renewed
            generator = torch.Generator().manual_seed(seed)
            maps.append(torch.rand(40, 80, generator=generator) + 0.1)
        return torch.stack(maps), torch.arange(len(maps))

    def state(self) -> dict[str, Tensor]:
        return {}

    def load_state(self, state) -> None: ...


class MadeUpCrowd(Crowd):
    """A crowd whose viewers look elsewhere after a chosen moment."""

    renewed_after_step = 10**9

    def directions_at(self, recording_index: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        directions, valid = super().directions_at(recording_index, steps)
        later = (steps > self.renewed_after_step).unsqueeze(1).unsqueeze(-1)
        return torch.where(later, directions.roll(1, -1), directions), valid


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return list(simulate_recordings(users=5, videos=2, duration_s=8.0))


@pytest.fixture(scope="module")
def make_data(recordings) -> Callable[..., ViewportDataModule]:
    """Function that makes windows of every stream for a model of a configuration."""

    @functools.cache
    def made(face_features: tuple[str, ...], view: SaliencyView, lookahead_s: float | None):
        return ViewportDataModule(
            recordings,
            CrossUser(0.2, 0.2),
            TASK,
            saliency=MadeUpMaps(),
            crowd=MadeUpCrowd(),
            face_features=list(face_features),
            saliency_view=view,
            saliency_lookahead_s=lookahead_s,
            map_every_s=0.4,
        )

    def make(config, lookahead_s: float | None) -> ViewportDataModule:
        view = all_models.MODELS[config.model.name].saliency_view
        data = made(tuple(config.face_features), view, lookahead_s)
        assert isinstance(data.crowd, MadeUpCrowd)
        data.crowd.renewed_after_step = MadeUpCrowd.renewed_after_step
        return data

    return make


@functools.cache
def composed(model: str, *options: str):
    """The configuration of a small network."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", [f"model={model}", "crowd=true", *SMALL.get(model, []), *options])


def at_the_anchor(data: ViewportDataModule, samples: Samples, content: VideoContent):
    """The windows of all recordings whose anchor is `ANCHOR_STEP`."""
    anchors = samples.first_row[:-1] + ANCHOR_STEP - samples.first_step
    users = torch.arange(samples.recordings) % (data.spec.users + 1)
    windows = WindowDataset(samples, anchors, data.spec, users, content)
    return windows[list(range(len(anchors)))]


def with_another_future(samples: Samples) -> Samples:
    """Everything after the anchor made up: head, roll, eyes, face and what was measured."""
    rows = torch.arange(len(samples.head_valid))
    recording = torch.searchsorted(samples.first_row, rows, right=True) - 1
    step = rows - samples.first_row[recording] + samples.first_step[recording]
    later = step > ANCHOR_STEP
    generator = torch.Generator().manual_seed(0)
    changed = {}
    for field in dataclasses.fields(samples):
        values = getattr(samples, field.name)
        if not isinstance(values, Tensor) or len(values) != len(rows):
            continue
        values = values.clone()
        if values.dtype == torch.bool:
            values[later] = ~values[later]
        else:
            made_up = torch.randn(values[later].shape, generator=generator)
            values[later] = normalize(made_up) if field.name == "viewport_center" else made_up
        changed[field.name] = values
    assert {"gaze_direction", "gaze_valid", "face", "face_valid", "roll_rad"} <= set(changed)
    return dataclasses.replace(samples, **changed)


@functools.cache
def with_two_futures(data: ViewportDataModule) -> tuple[ViewportWindow, ViewportWindow]:
    """The windows, and the same with everything after the anchor made up anew."""
    content = VideoContent(data.spec, data.saliency, data.crowd)
    window = at_the_anchor(data, data.samples, content)
    return window, at_the_anchor(data, with_another_future(data.samples), content)


@pytest.fixture
def make_model(stir) -> Callable[..., Forecaster]:
    """Function that makes a configuration's model, off its start."""

    def make(config, spec) -> Forecaster:
        torch.manual_seed(0)
        values = OmegaConf.to_container(config.model, resolve=True)
        model = build(all_models.MODELS, values, "model", spec=spec).eval()
        stir(model, 0.15)
        return model

    return make


@pytest.mark.parametrize("lookahead_s", [None, 0.0])
@pytest.mark.parametrize("settings", CONFIGS, ids=" ".join)
def test_the_viewers_own_future_is_unknown(settings, lookahead_s, make_data, make_model):
    config = composed(*settings)
    data = make_data(config, lookahead_s)
    model = make_model(config, data.spec)
    window, other = with_two_futures(data)
    assert not torch.equal(window.future_directions, other.future_directions)
    assert torch.equal(model(other), model(window))


@functools.cache
def renewed(data: ViewportDataModule, what: str, after_s: float) -> ViewportWindow:
    """The windows, with saliency or crowd made up anew after a moment, from the anchor on."""
    moment_s = ANCHOR_STEP / RATE_HZ + after_s
    assert isinstance(data.crowd, MadeUpCrowd)
    data.crowd.renewed_after_step = (
        round(moment_s * RATE_HZ) if what == "crowd" else MadeUpCrowd.renewed_after_step
    )
    saliency = MadeUpMaps(moment_s) if what == "saliency" else MadeUpMaps()
    return at_the_anchor(data, data.samples, VideoContent(data.spec, saliency, data.crowd))


@pytest.mark.parametrize("what", ["saliency", "crowd"])
@pytest.mark.parametrize("settings", CONFIGS, ids=" ".join)
def test_of_the_video_is_known_what_the_lookahead_allows(settings, what, make_data, make_model):
    config = composed(*settings)
    data = make_data(config, LOOKAHEAD_S)
    model = make_model(config, data.spec)
    window = renewed(data, what, torch.inf if what == "saliency" else 1e6)
    assert torch.equal(model(renewed(data, what, LOOKAHEAD_S)), model(window))
    knows = not torch.equal(model(renewed(data, what, LOOKAHEAD_S - 0.2)), model(window))
    assert knows == (what in SEES_VIDEO.get(settings[0], set())), "what may be known is used"


def test_every_model_that_sees_the_video_is_listed():
    seeing = {name for name in MODELS if name not in ("static", "constant_velocity", "linear")}
    assert seeing == set(SEES_VIDEO)
