"""predict.py predict=saliency: saliency maps of videos, by PAVER."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import torch
from omegaconf import DictConfig, OmegaConf
from pydantic import Field

from vpnet.errors import InputError
from vpnet.paver.clips import plan_clips
from vpnet.paver.extraction import ChunkDataset, PartWriter, SaliencyModule, chunk_loader
from vpnet.paver.network import Paver
from vpnet.paver.video_jobs import (
    VideoJob,
    find_videos,
    outcome_table,
    outcomes,
    video_identity,
)
from vpnet.paver.weights import load_weights
from vpnet.runtime.device import choose_accelerator
from vpnet.runtime.trainer import make_prediction_trainer
from vpnet.settings import TorchDevice, check_settings, checked
from vpnet.text_table import print_table
from vpnet.video.decoders import open_video
from vpnet.video.video_file import VideoFile

CLIPS_AT_A_TIME = {False: 1, True: 16}
"""Without and with a GPU. On a CPU more are no faster and take memory; 16 fit a card of 24 GB."""


@checked
@dataclass(frozen=True)
class NetworkSettings:
    """PAVER's weights, and how it runs.

    Args:
        checkpoint: PAVER's released checkpoint; github.com/HS-YN/PAVER says where to get it.
        encoder: The encoder's weights, timm's vit_base_patch16_224.augreg_in21k_ft_in1k, as .npz,
            .safetensors or .pt file; null lets timm download them.
        random_weights: Random weights: for tests only, the maps mean nothing.
        seam: At the image's left and right edge: end there, as published (zero), or close the
            sphere (wrap).
        compile: Compile the network: a minute at the start, faster afterwards.
        width: Channels of a token, a multiple of heads and of 8. The released weights fit the
            defaults of this, depth and heads only; tests make it smaller.
        depth: Transformer blocks of the encoder.
        heads: Attention heads of the encoder.
    """

    checkpoint: str | None = None
    encoder: str | None = None
    random_weights: bool = False
    seam: Literal["zero", "wrap"] = "zero"
    compile: bool = False
    width: Annotated[int, Field(ge=8, le=4096)] = 768
    depth: Annotated[int, Field(ge=1, le=64)] = 12
    heads: Annotated[int, Field(ge=1, le=64)] = 12


@checked
@dataclass(frozen=True)
class MapSettings:
    """Which maps are made of which videos.

    Args:
        videos: Files, folders or patterns, one or a list such as [DIR/a.mp4,DIR/b.mp4]; videos are
            equirectangular, 2:1.
        output: Folder of the maps, <video>.h5 each.
        frames: A map for every frame (all), or rate_hz maps per second of playback (sampled).
        rate_hz: Maps per second of playback, where frames=sampled.
        clip: What PAVER compares a sampled frame with: its neighbours in the video, five frames
            per map, as the authors of STAR-VP did (consecutive), or the neighbouring samples, a
            fifth of the work (sampled).
        saliency: The network.
        height: Rows of the maps that are kept, in pixels.
        width: Columns of the maps that are kept, in pixels.
        dtype: Type of the numbers that are kept.
        weighting: How the salient points are chosen: as in STAR-VP (none), or weighted by solid
            angle.
        backend: What decodes.
        decode_device: Where it decodes; cuda needs num_workers=0.
        num_workers: Processes that decode; 0 decodes in the main one.
        batch_clips: Clips computed together; null takes one on a CPU, where more only take memory,
            and 16 on a GPU.
        clips_per_chunk: Clips that are decoded, kept and, where a run is killed, lost together.
        trainer: Devices and precision.
    """

    videos: str | Sequence[str]
    output: str
    frames: Literal["all", "sampled"] = "sampled"
    rate_hz: Annotated[float, Field(gt=0, le=240)] = 5.0
    clip: Literal["consecutive", "sampled"] = "consecutive"
    saliency: Mapping[str, Any] = field(default_factory=dict)
    height: Annotated[int, Field(ge=1, le=224)] = 120
    width: Annotated[int, Field(ge=1, le=448)] = 240
    dtype: Literal["uint8", "float16"] = "uint8"
    weighting: Literal["none", "solid_angle"] = "none"
    backend: Literal["auto", "decord", "torchcodec", "pyav"] = "auto"
    decode_device: TorchDevice = "cpu"
    num_workers: Annotated[int, Field(ge=0, le=1024)] = 0
    batch_clips: Annotated[int, Field(ge=1, le=10_000)] | None = None
    clips_per_chunk: Annotated[int, Field(ge=1, le=10_000)] = 20
    trainer: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_settings(NetworkSettings, self.saliency, "saliency")
        check_settings(make_prediction_trainer, self.trainer, "trainer", ("callbacks",))

    @classmethod
    def of(cls, config: DictConfig) -> "MapSettings":
        """Check a composed configuration; nothing is read.

        Raises:
            InputError: A setting is unknown, of another type or out of its range.
            MissingMandatoryValue: A setting without default has no value.
        """
        values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
        return cls(**check_settings(cls, cast(dict[str, Any], values), ""))

    @property
    def network(self) -> NetworkSettings:
        """The network's settings as a record."""
        return NetworkSettings(**self.saliency)


def predict_saliency(config: DictConfig) -> int:
    """Find the videos, compute what is missing, finish the files; 1 where a video failed."""
    settings = MapSettings.of(config)
    network, precision = settings.network, str(settings.trainer.get("precision", "32-true"))
    accelerator = choose_accelerator(str(settings.trainer.get("accelerator", "auto")))
    on_gpu = accelerator in ("gpu", "cuda")
    if precision == "16-mixed" and not on_gpu:
        # Lightning would take bf16-mixed, and the files would say what is not so.
        raise InputError("trainer.precision=16-mixed needs a GPU; take bf16-mixed or 32-true")
    if settings.batch_clips is None:
        settings = replace(settings, batch_clips=CLIPS_AT_A_TIME[on_gpu])
    videos, unusable = find_videos(settings.videos)
    paver = Paver(network.seam, network.width, network.depth, network.heads)
    weights = load_weights(paver, network.checkpoint, network.encoder, network.random_weights)
    jobs, refused = plan_jobs(videos, settings, weights, precision)
    # Before the work, so that a folder that cannot be written is known by then.
    Path(settings.output).mkdir(parents=True, exist_ok=True)
    dataset = ChunkDataset(jobs, settings.backend, settings.decode_device)
    chunks = chunk_loader(dataset, settings.num_workers)
    writer = PartWriter(jobs, settings.dtype)
    trainer = make_prediction_trainer(callbacks=[writer], **settings.trainer)
    if network.compile:
        paver.encoder = torch.compile(paver.encoder)  # type: ignore[assignment]
    assert settings.batch_clips is not None
    module = SaliencyModule(
        paver, settings.height, settings.width, settings.batch_clips, settings.weighting
    )
    if len(dataset) > 0:
        print(f"{len(dataset)} chunks of {len(jobs)} videos to compute; weights {weights}")
        trainer.predict(module, chunks, return_predictions=False)
        trainer.strategy.barrier()
    dataset.close()
    if not trainer.is_global_zero:
        return 0
    results = outcomes(jobs, unusable | refused)
    print_table(outcome_table(results))
    failures = [outcome for outcome in results if outcome.failure]
    for outcome in failures:
        print(f"{outcome.video}: {outcome.failure}")
    return int(bool(failures))


def plan_jobs(
    videos: Sequence[VideoFile], settings: MapSettings, weights: str, precision: str
) -> tuple[list[VideoJob], dict[str, str]]:
    """The work for each video, and the videos whose file was made in another way."""
    sampling: dict[str, Any] = {
        "frames": settings.frames,
        "rate_hz": float(settings.rate_hz),
        "clip": settings.clip,
    }
    made = {
        "source": "paver",
        "weights": weights,
        "seam": settings.network.seam,
        "compile": settings.network.compile,
        "precision": precision,
        **({"frames": "all"} if settings.frames == "all" else sampling),
        "height": settings.height,
        "width": settings.width,
        "dtype": settings.dtype,
        "weighting": settings.weighting,
        "batch_clips": settings.batch_clips,
        "vpnet": version("vpnet"),
    }
    jobs, refused = [], {}
    for video in videos:
        clips = tuple(plan_clips(video.frame_times_s, **sampling))
        try:
            reader = open_video(video, settings.backend, settings.decode_device)
            reader.close()
            job = VideoJob(
                video,
                clips,
                Path(settings.output),
                {**made, "backend": reader.backend, "video": video_identity(video.path)},
                settings.clips_per_chunk,
            )
            job.check_finished()
        except InputError as error:
            refused[video.path.name] = str(error)
        else:
            jobs.append(job)
    return jobs, refused
