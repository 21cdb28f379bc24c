"""Predict where the head will point, from a checkpoint and a recording.

python predict.py checkpoint=RUN/checkpoints/best.ckpt recording=FOLDER_OR_PARQUET output=FILE.csv
"""

import hydra
import polars as pl
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

from vpnet.cli.entry_point import fails_clearly
from vpnet.dataset.task import Task
from vpnet.errors import InputError
from vpnet.inference.output import check_output, write_predictions
from vpnet.inference.predictor import Predictor
from vpnet.recordings.reading import read_any
from vpnet.training.checkpoint import Checkpoint, read_checkpoint


@fails_clearly
@hydra.main(version_base="1.3", config_path="conf", config_name="predict")
@fails_clearly
def main(config: DictConfig) -> None:
    """Read, predict, write."""
    output = check_output(config.output)
    checkpoint = read_checkpoint(config.checkpoint)
    predictor = load_predictor(checkpoint, config.saliency_path, config.device)
    recordings = read_any(config.recording)
    predictions = pl.concat(predictor.predict(one, config.stride_s) for one in recordings)
    write_predictions(predictions, output)
    unknown = sorted({one.user_id for one in recordings} - set(checkpoint.users))
    if checkpoint.users and unknown:
        print(f"not in training, predicted as unknown users: {', '.join(unknown)}")
    anchors = len(predictions) // len(predictor.task.horizons_s)
    print(
        f"{len(recordings)} recordings, {anchors} anchors, mean error where the future is known: "
        f"{predictions['error_deg'].mean():.2f} degrees; written to {output}"
    )


def load_predictor(checkpoint: Checkpoint, saliency_path: str | None, device: str) -> Predictor:
    """Build the checkpoint's model, task and saliency source."""
    model = instantiate(checkpoint.model, spec=checkpoint.spec, _convert_="object")
    checkpoint.load_into(model)
    settings = checkpoint.saliency
    if settings is not None and saliency_path is not None:
        settings = {**settings, "path": saliency_path}
    saliency = instantiate(settings, _convert_="all")
    if saliency is not None:
        saliency.load_state(checkpoint.saliency_state)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device != "cpu" and not torch.cuda.is_available():
        raise InputError(f"device={device} needs a CUDA device and none is available; use cpu")
    return Predictor(
        model,
        Task(**checkpoint.task),
        users=checkpoint.users,
        face_features=checkpoint.face_features,
        saliency=saliency,
        device=device,
    )


if __name__ == "__main__":
    main()
