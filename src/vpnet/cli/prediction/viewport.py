"""Where the head will point, from a checkpoint and recordings."""

import polars as pl
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from vpnet.checkpoints.checkpoint import Checkpoint, read_checkpoint
from vpnet.cli.prediction.viewport_settings import ViewportSettings
from vpnet.inference.output import check_output, write_predictions
from vpnet.inference.predictor import Predictor
from vpnet.runtime.device import best_device, check_card


def predict_viewports(config: DictConfig) -> None:
    """Read, predict, write."""
    settings = ViewportSettings.of(config)
    output = check_output(settings.output)
    checkpoint = read_checkpoint(settings.checkpoint)
    predictor = load_predictor(checkpoint, settings.saliency_path, settings.device)
    typed = {override.lstrip("+~").split("=")[0] for override in HydraConfig.get().overrides.task}
    keys, tables = [], []
    for recording in settings.recordings(checkpoint.run["data"], typed):
        keys.append((recording.user_id, recording.video_id))
        tables.append(predictor.predict(recording, settings.stride_s))
    predictions = pl.concat(tables)
    write_predictions(predictions, output)
    print(*checkpoint.remarks(keys), sep="\n")
    anchors = len(predictions) // len(predictor.task.horizons_s)
    print(f"{len(keys)} recordings, {anchors} anchors; written to {output}")
    known_deg = predictions["error_deg"].drop_nulls()
    if len(known_deg) > 0:
        print(f"mean error where the future is known: {known_deg.mean():.2f} degrees")


def load_predictor(checkpoint: Checkpoint, saliency_path: str | None, device: str) -> Predictor:
    """Build the checkpoint's model, task and saliency source.

    Args:
        checkpoint: From `vpnet.checkpoints.checkpoint.read_checkpoint`.
        saliency_path: Where the maps are now, "none" for none; None takes those of the training.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        InputError: The checkpoint names what is none of vpnet's, or something is not there.
    """
    saliency = None if saliency_path == "none" else checkpoint.build_saliency(saliency_path)
    if device == "auto":
        device = best_device().accelerator
        print(f"device: {best_device().name}")
    elif device != "cpu":
        check_card(device)
    return Predictor(
        checkpoint.build_model(),
        checkpoint.build_task(),
        users=checkpoint.users,
        face_features=checkpoint.face_features,
        saliency=saliency,
        crowd=checkpoint.build_crowd(),
        device=device,
    )
