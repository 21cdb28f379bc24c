"""Checkpoints that stand alone: weights, and all that is needed to use them.

A file of Lightning's with one more entry, `CHECKPOINT_KEY` (`vpnet.checkpoints.checkpoint_entry`).
Viewers are in it as salted hashes only (`vpnet.viewer_ids`), paths of a machine not at all.

Reading a file can run no foreign code. Its pickle names nothing but tensors. Its settings are
values, checked against the signatures of vpnet's own models and sources, which closed tables choose
by name. Nothing in it is imported or instantiated by a path. No number in it decides how much
memory is taken before it was compared with the content of the file itself.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vpnet.checkpoints.all_sources import SOURCES
from vpnet.checkpoints.checkpoint_entry import check_entry, spec_of
from vpnet.checkpoints.checkpoint_file import CHECKPOINT_KEY, read_content
from vpnet.checkpoints.withheld_settings import recall
from vpnet.dataset.task import Task
from vpnet.dataset.window import WindowSpec
from vpnet.errors import InputError
from vpnet.models.all_models import MODELS
from vpnet.models.forecaster import Forecaster
from vpnet.saliency.crowd import Crowd
from vpnet.saliency.source import SaliencySource
from vpnet.settings import NAME, build, check_settings
from vpnet.viewer_ids import KnownViewers

_MODEL_PREFIX = "model."
_HALF = (torch.bfloat16, torch.float16)
_FAILURES = (
    *(ValueError, TypeError, LookupError, AttributeError),
    *(RuntimeError, OverflowError, MemoryError),
)
"""What building from settings that pass every check may still raise."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Args:
        path: The file.
        model: Name of the model and its settings, `spec` apart.
        task: Settings of `vpnet.dataset.task.Task`.
        saliency: Name of the saliency source and its settings without paths, or None.
        spec: Shape of the windows it was trained on.
        users: Users of the embedding, in order, by hash.
        face_features: Features of the face.
        saliency_state: What the saliency source learned.
        crowd_state: The training viewers' directions, or None where they are not used.
        weights: State of the network.
        run: The other settings of the run, `vpnet.checkpoints.checkpoint_entry.RUN_SETTINGS`.
        trained_on: Hash of the user, and video, of the recordings that trained or validated.
        withheld: Keys of the settings that the file does not hold: paths, ids of viewers.
        can_resume: Whether it holds the state of optimizer and epoch as well.
    """

    path: Path
    model: dict[str, Any]
    task: dict[str, Any]
    saliency: dict[str, Any] | None
    spec: WindowSpec
    users: KnownViewers
    face_features: tuple[str, ...]
    saliency_state: dict[str, Tensor]
    crowd_state: dict[str, Tensor] | None
    weights: dict[str, Tensor]
    run: dict[str, Any]
    trained_on: frozenset[tuple[str, str]]
    withheld: tuple[str, ...] = ()
    can_resume: bool = False

    @property
    def stage(self) -> str:
        """Name of the stage of training that it comes from."""
        return self.run["stage"]["name"]

    @property
    def holds_head_paths(self) -> bool:
        """Whether it holds head paths of training viewers: crowd=true, saliency=behavioural."""
        return self.crowd_state is not None or "rows" in self.saliency_state

    def trained_beyond(self, keys: Collection[tuple[str, str]]) -> int:
        """How many recordings trained or validated it that are not among ``keys``.

        Args:
            keys: User and video of recordings.
        """
        return len(self.trained_on - self._hashed(keys))

    def remarks(self, test_keys: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """What a reader must know about this checkpoint's errors on some recordings.

        Args:
            test_keys: User and video of the recordings.
        """
        remarks = []
        seen = len(self.trained_on & self._hashed(test_keys))
        if seen:
            remarks.append(
                "NOT a test: recordings of the same user and video name trained or validated the "
                f"checkpoint, for {seen} of {len(test_keys)} here"
            )
        users = {user for user, _ in test_keys}
        known = sum(user in self.users for user in users)
        remarks.append(f"{known} of {len(users)} users are known to the checkpoint, by name")
        return tuple(remarks)

    def run_settings(
        self, typed: Collection[str] = (), tables: Mapping[str, Mapping[str, Any]] | None = None
    ) -> dict[str, Any]:
        """`run`, completed with the withheld settings from its run folder.

        Args:
            typed: Keys that the user gave, such as ``data.path`` or ``split``.
            tables: By group, what can be built by name; None skips this check.

        Raises:
            InputError: A withheld setting is neither there nor typed, or a name is in none of the
                tables: code of the user's own, which only a configuration may name.
        """
        for group, table in (tables or {}).items():
            name = self.run.get(group, {}).get(NAME) if group in ("data", "split") else None
            if name is not None and name not in table and group not in typed:
                raise InputError(
                    f"{self.path}: was trained with {group} of {str(name)[:80]}, which is none of "
                    f"vpnet's own, and nothing is imported for a checkpoint; give {group}=... on "
                    "the command line"
                )
        return recall(self.path, self.run, self.withheld, typed)

    def saliency_settings(self, typed: Collection[str] = ()) -> dict[str, Any] | None:
        """`saliency`, completed likewise."""
        groups = {"saliency": self.saliency}
        return recall(self.path, groups, self.withheld, typed)["saliency"]

    def check_can_resume(self) -> None:
        """Refuse to resume a training whose state is not in the file.

        Raises:
            InputError: It holds weights only.
        """
        if not self.can_resume:
            raise InputError(
                f"{self.path}: holds the weights alone, not the state of its training; resume from "
                f"{self.path.with_name('last.ckpt')}, or leave out resume=true to start a training "
                "with these weights"
            )

    def build_task(self) -> Task:
        """The task that it was trained for."""
        with _of(self.path):
            return Task(**check_settings(Task, self.task, "task"))

    def build_model(self) -> Forecaster:
        """The network, with its weights.

        Raises:
            InputError: It is none of vpnet's own.
        """
        with _of(self.path):
            _check_own("model", self.model, MODELS)
            model = build(MODELS, self.model, "model", spec=self.spec)
        self.load_into(model)
        return model

    def build_saliency(self, path: str | None = None) -> SaliencySource | None:
        """The saliency source, with what it learned; None where there was none.

        Args:
            path: Where its maps are now (saliency=file or paver); None takes the folder of its
                run's configuration, if the checkpoint is still in the run's folder.

        Raises:
            InputError: It is none of vpnet's own, or its maps are not found.
        """
        settings = self.saliency
        if path is not None:
            if settings is None or "saliency.path" not in self.withheld:
                raise InputError(
                    f"saliency_path={path}: {self.path} was not trained with maps on disk "
                    "(saliency=file or paver); leave it out"
                )
            settings = {**settings, "path": path}
        elif "saliency.path" in self.withheld:
            settings = self.saliency_settings()
        if settings is None:
            return None
        with _of(self.path):
            _check_own("saliency", settings, SOURCES)
            source = build(SOURCES, settings, "saliency")
            source.load_state(self.saliency_state)
        return source

    def build_crowd(self) -> Crowd | None:
        """The training viewers' directions; None where they were not used."""
        if self.crowd_state is None:
            return None
        crowd = Crowd()
        with _of(self.path):
            crowd.load_state(self.crowd_state)
        return crowd

    def load_into(self, model: Forecaster) -> None:
        """Give a network the checkpoint's weights.

        Raises:
            InputError: The weights are those of another network.
        """
        with _of(self.path):
            check_weights(model, self.weights, str(self.model.get(NAME)))
        model.load_state_dict(self.weights)

    def _hashed(self, keys: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        return {(self.users.hashed(user), video) for user, video in keys}


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint that `ForecastingModule` saved.

    Raises:
        InputError: The file is missing, damaged, of another version, not one of vpnet's, or a
            value in it is out of bounds.
    """
    path = Path(path)
    content = read_content(path)
    with _of(path):
        entry = check_entry(content[CHECKPOINT_KEY])
        weights: dict[str, Tensor] = {
            name.removeprefix(_MODEL_PREFIX): value
            for name, value in content["state_dict"].items()
            if name.startswith(_MODEL_PREFIX)
        }
        checkpoint = Checkpoint(
            path=path,
            model=dict(entry.model),
            task=dict(entry.task),
            saliency=None if entry.saliency is None else dict(entry.saliency),
            spec=spec_of(entry),
            users=KnownViewers(bytes.fromhex(entry.salt), tuple(entry.users)),
            face_features=tuple(entry.face_features),
            saliency_state=_tensors("saliency_state", entry.saliency_state),
            crowd_state=(
                None if entry.crowd_state is None else _tensors("crowd_state", entry.crowd_state)
            ),
            weights=weights,
            run=dict(entry.run),
            trained_on=frozenset((user, video) for user, video in entry.trained_on),
            withheld=tuple(entry.withheld),
            can_resume="optimizer_states" in content,
        )
        if checkpoint.model.get(NAME) in MODELS:
            # On no device: shapes are known before memory is taken for them.
            with torch.device("meta"):
                shapes = build(MODELS, checkpoint.model, "model", spec=checkpoint.spec)
            check_weights(shapes, weights, str(checkpoint.model[NAME]))
    return checkpoint


def check_weights(model: Forecaster, weights: Mapping[str, Tensor], name: str) -> None:
    """Refuse weights of another network.

    Args:
        model: The network; it may be on the device ``meta``, where it takes no memory.
        weights: State of a network.
        name: Name of the model in the weights' file.

    Raises:
        InputError: A tensor is missing, superfluous, of another shape, or of a type that the
            network's does not take.
    """
    state = model.state_dict()
    differing = sorted(
        each
        for each in state.keys() | weights.keys()
        if each not in state
        or each not in weights
        or state[each].shape != weights[each].shape
        or not _may_hold(state[each].dtype, weights[each].dtype)
    )
    if differing:
        first = differing[0]
        raise InputError(
            f"holds a {name} and does not fit this {type(model).__name__}: {len(differing)} "
            f"tensors differ, the first is {first}: expected {_shape(state.get(first))}, found "
            f"{_shape(weights.get(first))}; use the model, task and data streams that it was "
            "trained with"
        )


def _may_hold(expected: torch.dtype, found: torch.dtype) -> bool:
    """Whether weights of one type fit a network of another: a training may be in bfloat16."""
    return found == expected or (expected == torch.float32 and found in _HALF)


def _shape(tensor: Tensor | None) -> str:
    return "none" if tensor is None else f"{tuple(tensor.shape)} of {tensor.dtype}"


@contextmanager
def _of(path: Path) -> Iterator[None]:
    """Name the file in the message of an error of its content."""
    try:
        yield
    except InputError as error:
        message = str(error)
        prefix = "" if message.startswith(str(path)) else f"{path}: "
        raise InputError(f"{prefix}{message}") from error
    except _FAILURES as error:
        raise InputError(
            f"{path}: its settings build nothing: {str(error)[:200]}; give a file that train.py "
            "wrote"
        ) from error


def _tensors(key: str, values: Mapping[str, Any]) -> dict[str, Tensor]:
    for name, value in values.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise InputError(f"vpnet.{key}.{name} must be a tensor, got {type(value).__name__}")
    return dict(values)


def _check_own(group: str, settings: Mapping[str, Any], table: Mapping[str, Any]) -> None:
    name = settings.get(NAME)
    if name not in table:
        raise InputError(
            f"{group}.{NAME} is {str(name)[:80]!r}, none of vpnet's own ({', '.join(table)}); "
            "a checkpoint imports nothing; evaluate it by train.py fit=false with the "
            "configuration that names your code"
        )
