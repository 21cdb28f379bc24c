"""Saliency maps from videos, by PAVER."""

from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from vpnet.errors import InputError
from vpnet.evaluation.text_table import print_table
from vpnet.inference.saliency.chunk_data import ChunkDataModule, ChunkDataset
from vpnet.inference.saliency.outcome import outcome_table, outcomes
from vpnet.inference.saliency.part_writer import PartWriter
from vpnet.inference.saliency.saliency_module import SaliencyModule
from vpnet.inference.saliency.video_job import VideoJob, video_identity
from vpnet.inference.saliency.videos import FoundVideos, find_videos
from vpnet.saliency.paver import Paver
from vpnet.saliency.paver.clips import plan_clips
from vpnet.saliency.paver.weights import load_weights
from vpnet.video.opening import BACKENDS, open_video

FRAME_SIZE = (224, 448)
"""Rows and columns of the frames that PAVER takes."""

CLIPS_AT_A_TIME = {False: 1, True: 16}
"""Without and with a GPU. On a CPU more are no faster and take memory; 16 fit a card of 24 GB."""


def predict_saliency(config: DictConfig) -> int:
    """Find the videos, compute what is missing, finish the files; 1 where a video failed."""
    values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    plain = cast(dict[str, Any], values)
    network = plain["saliency"]
    on_gpu = uses_gpu(plain["trainer"]["accelerator"])
    if plain["trainer"]["precision"] == "16-mixed" and not on_gpu:
        # Lightning would take bf16-mixed, and the files would say what is not so.
        raise InputError("trainer.precision=16-mixed needs a GPU; take bf16-mixed or 32-true")
    if plain["batch_clips"] is None:
        plain["batch_clips"] = CLIPS_AT_A_TIME[on_gpu]
    if plain["backend"] not in ("auto", *BACKENDS):
        raise InputError(f"backend must be auto, {', '.join(BACKENDS)}, got {plain['backend']!r}")
    found = find_videos(plain["videos"])
    paver = Paver(seam=network["seam"])
    weights = load_weights(
        paver, network["checkpoint"], network["encoder"], network["random_weights"]
    )
    jobs, refused = plan_jobs(found, plain, weights)
    # Before the work, so that a folder that cannot be written is known by then.
    Path(plain["output"]).mkdir(parents=True, exist_ok=True)
    dataset = ChunkDataset(jobs, *FRAME_SIZE, plain["backend"], plain["decode_device"])
    data = ChunkDataModule(dataset, plain["num_workers"])
    writer = PartWriter(jobs, plain["dtype"])
    trainer = instantiate(config.trainer, callbacks=[writer], _convert_="all")
    if network["compile"]:
        paver.encoder = torch.compile(paver.encoder)  # type: ignore[assignment]
    module = SaliencyModule(
        paver, plain["height"], plain["width"], plain["batch_clips"], plain["weighting"]
    )
    if len(dataset) > 0:
        print(f"{len(dataset)} chunks of {len(jobs)} videos to compute; weights {weights}")
        trainer.predict(module, data, return_predictions=False)
        trainer.strategy.barrier()
    dataset.close()
    if not trainer.is_global_zero:
        return 0
    results = outcomes(jobs, found.refused | refused)
    print_table(outcome_table(results))
    failures = [outcome for outcome in results if outcome.failure]
    for outcome in failures:
        print(f"{outcome.video}: {outcome.failure}")
    return int(bool(failures))


def plan_jobs(
    found: FoundVideos, plain: dict[str, Any], weights: str
) -> tuple[list[VideoJob], dict[str, str]]:
    """The work for each video, and the videos whose file was made in another way."""
    if plain["dtype"] not in ("uint8", "float16"):
        raise InputError(f"dtype must be uint8 or float16, got {plain['dtype']!r}")
    if not isinstance(plain["rate_hz"], int | float):
        raise InputError(f"rate_hz must be a number, got {plain['rate_hz']!r}")
    sampling = {
        "frames": plain["frames"],
        "rate_hz": float(plain["rate_hz"]),
        "clip": plain["clip"],
    }
    settings = {
        "source": "paver",
        "weights": weights,
        "seam": plain["saliency"]["seam"],
        "compile": plain["saliency"]["compile"],
        "precision": str(plain["trainer"]["precision"]),
        **({"frames": "all"} if plain["frames"] == "all" else sampling),
        **{name: plain[name] for name in ("height", "width", "dtype", "weighting", "batch_clips")},
        "vpnet": version("vpnet"),
    }
    jobs, refused = [], {}
    for video in found.usable:
        clips = tuple(plan_clips(video.frame_times_s, **sampling))
        try:
            reader = open_video(video, plain["backend"], plain["decode_device"])
        except InputError as error:
            refused[video.path.name] = str(error)
            continue
        reader.close()
        job = VideoJob(
            video,
            clips,
            Path(plain["output"]),
            {**settings, "backend": reader.backend, "video": video_identity(video.path)},
            plain["clips_per_chunk"],
        )
        try:
            job.check_finished()
        except InputError as error:
            refused[video.path.name] = str(error)
        else:
            jobs.append(job)
    return jobs, refused


def uses_gpu(accelerator: str) -> bool:
    """Whether Lightning will choose a GPU."""
    return accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
