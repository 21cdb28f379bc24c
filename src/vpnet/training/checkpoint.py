"""Checkpoints that stand alone: weights, and all that is needed to use them.

A file of Lightning's with one more entry, `CHECKPOINT_KEY`: the model's configuration, the task,
the shape of the windows, the users of the embedding, the face features, what the saliency source
learned, which recordings it was trained on, and how those were read. Only tensors and plain values,
so that reading one can run no foreign code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vpnet.dataset.window import WindowSpec
from vpnet.errors import InputError
from vpnet.models.forecaster import Forecaster
from vpnet.saliency.crowd import Crowd
from vpnet.saliency.source import SaliencySource

CHECKPOINT_KEY = "vpnet"
_MODEL_PREFIX = "model."

RUN_SETTINGS = ("data", "split", "training", "stage", "seed", "skip_short")
"""Settings that training goes on with when it is resumed."""


def describe(
    config: Mapping[str, Any],
    spec: WindowSpec,
    users: Sequence[str],
    saliency: SaliencySource | None,
    trained_on: Sequence[tuple[str, str]] = (),
    crowd: Crowd | None = None,
) -> dict[str, Any]:
    """The entry that makes a checkpoint stand alone.

    Args:
        config: Configuration of the run, plain values.
        spec: Shape of the windows.
        users: Users of the embedding, in order.
        saliency: The fitted saliency source, or None.
        trained_on: User and video of the recordings that trained or validated.
        crowd: The fitted crowd, or None.
    """
    return {
        **{name: config[name] for name in ("model", "task", "saliency", "face_features")},
        "run": {name: config[name] for name in RUN_SETTINGS if name in config},
        "spec": {**asdict(spec), "horizon_steps": list(spec.horizon_steps)},
        "users": list(users),
        "crowd_state": None if crowd is None else crowd.state(),
        "saliency_state": {} if saliency is None else saliency.state(),
        "trained_on": [list(key) for key in trained_on],
    }


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Args:
        path: The file.
        model: The model's configuration: its class and arguments, `spec` apart.
        task: Arguments of `vpnet.dataset.task.Task`.
        saliency: Configuration of the saliency source, or None.
        spec: Shape of the windows it was trained on.
        users: Users of the embedding, in order.
        face_features: Features of the face.
        saliency_state: What the saliency source learned.
        crowd_state: The training viewers' directions, or None where they are not used.
        weights: State of the network.
        run: The other settings of the run, `RUN_SETTINGS`.
        trained_on: User and video of the recordings that trained or validated.
    """

    path: Path
    model: dict[str, Any]
    task: dict[str, Any]
    saliency: dict[str, Any] | None
    spec: WindowSpec
    users: tuple[str, ...]
    face_features: tuple[str, ...]
    saliency_state: dict[str, Tensor]
    crowd_state: dict[str, Tensor] | None
    weights: dict[str, Tensor]
    run: dict[str, Any]
    trained_on: frozenset[tuple[str, str]]

    @property
    def stage(self) -> str:
        """Name of the stage of training that it comes from."""
        return self.run.get("stage", {}).get("name", "single")

    def remarks(self, test_keys: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """What a reader must know of this checkpoint's errors on some recordings.

        Args:
            test_keys: User and video of the recordings.
        """
        remarks = []
        seen = len(self.trained_on.intersection(test_keys))
        if seen:
            remarks.append(
                "NOT a test: recordings of the same user and video name trained or validated the "
                f"checkpoint, for {seen} of {len(test_keys)} here"
            )
        users = {user for user, _ in test_keys}
        known = len(users.intersection(self.users))
        remarks.append(f"{known} of {len(users)} users are known to the checkpoint, by name")
        return tuple(remarks)

    def load_into(self, model: Forecaster) -> None:
        """Give a network the checkpoint's weights.

        Raises:
            InputError: The network is not of the checkpoint's make.
        """
        expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
        found = {name: tuple(value.shape) for name, value in self.weights.items()}
        if expected != found:
            differing = sorted(
                name
                for name in expected.keys() | found.keys()
                if expected.get(name) != found.get(name)
            )
            name = differing[0]
            raise InputError(
                f"{self.path}: holds a {self.model.get('name', 'model')} and does not fit this "
                f"{type(model).__name__}: {len(differing)} tensors differ, the first is {name}: "
                f"expected {expected.get(name, 'none')}, found {found.get(name, 'none')}; use the "
                "model, task and data streams that it was trained with"
            )
        model.load_state_dict(self.weights)


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint that `ForecastingModule` saved.

    Raises:
        InputError: The file is missing, damaged, or not one of vpnet's.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"{path}: checkpoint not found; give the file, e.g. runs/.../checkpoints/best.ckpt"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of a damaged file the unpickler may raise nearly anything
        # Its own message would advise to run whatever code the file holds.
        raise InputError(
            f"{path}: not a readable checkpoint: it is damaged, or train.py did not write it "
            f"({type(error).__name__}); copy it again, or give another"
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get(CHECKPOINT_KEY), dict):
        raise InputError(
            f"{path}: not a checkpoint of vpnet: it lacks the entry {CHECKPOINT_KEY!r}; give a "
            "file that train.py wrote"
        )
    entry = content[CHECKPOINT_KEY]
    try:
        if "saliency_view" not in entry["spec"]:
            # Such a file kept the limit of what may be known elsewhere, and would lose it.
            raise KeyError("spec.saliency_view")
        return Checkpoint(
            path=path,
            model=entry["model"],
            task=entry["task"],
            saliency=entry["saliency"],
            spec=WindowSpec(**entry["spec"]),
            users=tuple(entry["users"]),
            face_features=tuple(entry["face_features"]),
            saliency_state=entry["saliency_state"],
            crowd_state=entry["crowd_state"],
            weights={
                name.removeprefix(_MODEL_PREFIX): value
                for name, value in content["state_dict"].items()
                if name.startswith(_MODEL_PREFIX)
            },
            run=entry["run"],
            trained_on=frozenset((user, video) for user, video in entry["trained_on"]),
        )
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path}: its entry {CHECKPOINT_KEY!r} is not what this version of vpnet writes "
            f"({error!r}); train again"
        ) from error
