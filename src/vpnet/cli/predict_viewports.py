"""predict.py predict=viewport: where the head will point, from a checkpoint and recordings."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import polars as pl
from hydra.core.hydra_config import HydraConfig
from omegaconf import MISSING, DictConfig, OmegaConf

from vpnet.checkpoints.checkpoint import Checkpoint, read_checkpoint
from vpnet.cli.builders import FILES, checked_recordings, with_own_code
from vpnet.dataset.data_warnings import warn_of_upsampling
from vpnet.errors import InputError
from vpnet.inference.predictor import Predictor
from vpnet.readers.reading import check_reading, path_parameter, read_any, reading_settings
from vpnet.recordings.recording import Recording
from vpnet.runtime.device import best_device, check_card
from vpnet.settings import Positive, TorchDevice, check_settings, checked, choose, settings_of
from vpnet.table_files import check_output, write_table


@checked
@dataclass(frozen=True)
class ViewportSettings:
    """Which recordings are predicted with which checkpoint.

    Args:
        checkpoint: A checkpoint that train.py wrote.
        recording: A .parquet file in vpnet's columns, a Quest Pro folder (one recording or a whole
            study), or a public data set as its authors hand it out; or what data=NAME reads.
        output: Where the predictions go: .csv or .parquet.
        stride_s: Distance of the anchors, in seconds; null predicts at every step of the task's
            clock.
        saliency_path: Folder of saliency maps, where the checkpoint was trained with maps on disk
            and they are elsewhere now; null takes the checkpoint's own, none predicts without maps.
        reading: How the recording is read where the names of its files show the layout; null takes
            what the checkpoint was trained with.
        device: Where to compute; auto takes cuda where torch works on it.
        data: Name and settings of a reader; null where the names of the files show the layout.
    """

    checkpoint: str
    recording: str
    output: str
    stride_s: Positive | None = None
    saliency_path: str | None = None
    reading: Mapping[str, Any] | None = None
    device: TorchDevice = "auto"
    data: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_reading(self.typed_reading, "reading")
        if self.data is None:
            return
        read, values = self.reader
        check_settings(read, {path_parameter(read): self.recording, **values}, "data")
        for name in self.typed_reading:
            raise InputError(
                f"reading.{name} is for recordings whose layout is recognised; with a reader named "
                f"by data=NAME write data.{name}"
            )

    @classmethod
    def of(cls, config: DictConfig) -> "ViewportSettings":
        """Check a composed configuration; nothing is read.

        Raises:
            InputError: A setting is unknown, of another type or out of its range.
            MissingMandatoryValue: A setting without default has no value.
        """
        own = OmegaConf.masked_copy(config, [str(name) for name in config if name != "data"])
        values = OmegaConf.to_container(own, resolve=True, throw_on_missing=True)
        if config.get("data") is not None:
            # The reader's path may be missing: the recording takes its place.
            data = cast(dict[str, Any], OmegaConf.to_container(config.data, resolve=True))
            data = {name: value for name, value in data.items() if value != MISSING}
            values = {**cast(dict[str, Any], values), "data": data}
        return cls(**check_settings(cls, cast(dict[str, Any], values), ""))

    @property
    def typed_reading(self) -> dict[str, Any]:
        """The settings below ``reading`` that have a value."""
        return {name: value for name, value in (self.reading or {}).items() if value is not None}

    @property
    def reader(self) -> tuple[Callable[..., Iterable[Recording]], dict[str, Any]]:
        """The reader that ``data`` names, and its settings there.

        Raises:
            InputError: There is no such reader.
        """
        table, named = with_own_code(FILES, self.data, "data")
        return choose(table, named, "data")

    def recordings(self, trained: Mapping[str, Any], typed: Collection[str]) -> Iterable[Recording]:
        """What is predicted.

        A setting of the reader is what the user typed or wrote into a file of his own; else what
        the checkpoint was trained with; else the reader's default.

        Args:
            trained: The checkpoint's settings for its own data.
            typed: Keys that the user typed, such as ``data.mirror``.

        Raises:
            InputError: The recordings are not there, or a reader refuses them or a setting.
        """
        if self.data is None:
            return read_any(self.recording, **(reading_settings(trained) | self.typed_reading))
        read, values = self.reader
        place, known = path_parameter(read), settings_of(read)
        if f"data.{place}" in typed:
            raise InputError(
                f"data.{place} and recording both say what is read; leave data.{place} out"
            )
        chosen = {
            name: value
            for name, value in values.items()
            if f"data.{name}" in typed or value != known[name].default
        }
        settings = {**values, **reading_settings(trained, read), **chosen, place: self.recording}
        return checked_recordings(read(**check_settings(read, settings, "data")))


def predict_viewports(config: DictConfig) -> None:
    """Read, predict, write."""
    settings = ViewportSettings.of(config)
    output = check_output(settings.output)
    checkpoint = read_checkpoint(settings.checkpoint)
    predictor = load_predictor(checkpoint, settings.saliency_path, settings.device)
    typed = {override.lstrip("+~").split("=")[0] for override in HydraConfig.get().overrides.task}
    keys, tables, intervals_s = [], [], []
    for recording in settings.recordings(checkpoint.run["data"], typed):
        keys.append((recording.user_id, recording.video_id))
        intervals_s.append(recording.median_interval_s)
        tables.append(predictor.predict(recording, settings.stride_s))
    warn_of_upsampling(intervals_s, predictor.task)
    predictions = pl.concat(tables)
    write_table(predictions, output)
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
