"""Where the head will point, from a checkpoint and recordings."""

import polars as pl
from omegaconf import DictConfig

from vpnet.dataset.task import Task
from vpnet.errors import InputError
from vpnet.inference.output import check_output, write_predictions
from vpnet.inference.predictor import Predictor
from vpnet.models.all_models import MODELS
from vpnet.recordings.reading import read_any, reading_settings
from vpnet.saliency.all_sources import SOURCES
from vpnet.saliency.crowd import Crowd
from vpnet.settings import build
from vpnet.training.checkpoint import Checkpoint, read_checkpoint
from vpnet.training.device import best_device, card_works


def predict_viewports(config: DictConfig) -> None:
    """Read, predict, write."""
    output = check_output(str(config.output))
    checkpoint = read_checkpoint(config.checkpoint)
    predictor = load_predictor(checkpoint, config.saliency_path, str(config.device))
    typed = {name: value for name, value in config.reading.items() if value is not None}
    reading = reading_settings(checkpoint.run["data"]) | typed
    keys, tables = [], []
    for recording in read_any(str(config.recording), **reading):
        keys.append((recording.user_id, recording.video_id))
        tables.append(predictor.predict(recording, config.stride_s))
    predictions = pl.concat(tables)
    write_predictions(predictions, output)
    print(*checkpoint.remarks(keys), sep="\n")
    anchors = len(predictions) // len(predictor.task.horizons_s)
    print(f"{len(keys)} recordings, {anchors} anchors; written to {output}")
    known_deg = predictions["error_deg"].drop_nulls()
    if len(known_deg) > 0:
        print(f"mean error where the future is known: {known_deg.mean():.2f} degrees")


def load_predictor(checkpoint: Checkpoint, saliency_path: str | None, device: str) -> Predictor:
    """Build the checkpoint's model, task and saliency source."""
    model = build(MODELS, checkpoint.model, f"{checkpoint.path}: model", spec=checkpoint.spec)
    checkpoint.load_into(model)
    settings = checkpoint.saliency
    if saliency_path == "none":
        settings = None
    elif saliency_path is not None:
        if settings is None or "path" not in settings:
            raise InputError(
                f"saliency_path={saliency_path}: {checkpoint.path} was not trained with "
                "maps on disk (saliency=file or paver); leave it out"
            )
        settings = {**settings, "path": saliency_path}
    saliency = None
    if settings is not None:
        saliency = build(SOURCES, settings, f"{checkpoint.path}: saliency")
        saliency.load_state(checkpoint.saliency_state)
    crowd = None
    if checkpoint.crowd_state is not None:
        crowd = Crowd()
        crowd.load_state(checkpoint.crowd_state)
    if device == "auto":
        device = best_device().accelerator
        print(f"device: {best_device().name}")
    elif device != "cpu" and not (device.startswith("cuda") and card_works()):
        raise InputError(f"device={device}: must be cpu or, where there is such a device, cuda")
    return Predictor(
        model,
        Task(**checkpoint.task),
        users=checkpoint.users,
        face_features=checkpoint.face_features,
        saliency=saliency,
        crowd=crowd,
        device=device,
    )
