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

from vpnet.checkpoints.checkpoint_entry import SOURCES, check_entry, recall, spec_of
from vpnet.checkpoints.checkpoint_file import CHECKPOINT_KEY, read_content
from vpnet.dataset.task import Task
from vpnet.dataset.window import WindowSpec
from vpnet.errors import InputError
from vpnet.models.all_models import MODELS
from vpnet.models.forecaster import Forecaster
from vpnet.saliency.crowd import Crowd
from vpnet.saliency.source import SaliencySource
from vpnet.settings import NAME, build, check_settings
from vpnet.viewer_ids import KnownViewers

_LSTM_PART = "recurrent."
_LSTM_INPUTS = "encoder.weight_ih_l0"
"""The weights of the inputs; those of inputs that the LSTM did not have start at zero."""

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
        saliency: Name of the saliency source and its settings without paths.
        spec: Shape of the windows it was trained on.
        users: Users of the embedding, in order, by hash.
        face_features: Features of the face, by name.
        saliency_state: What the saliency source learned.
        crowd_state: The training viewers' directions, where they are used.
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
        """How many recordings (user, video) trained or validated it that are not among ``keys``."""
        return len(self.trained_on - self._hashed(keys))

    def remarks(self, test_keys: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """What a reader must know about its errors on recordings, given by user and video."""
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
        self, typed: Collection[str], tables: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        """`run`, completed with the withheld settings from its run folder.

        Args:
            typed: Keys that the user gave, such as ``data.path`` or ``split``.
            tables: By group, what can be built by name.

        Raises:
            InputError: A withheld setting is neither there nor typed, or a name is in none of the
                tables: code of the user's own, which only a configuration may name.
        """
        for group in ("data", "split"):
            name = self.run.get(group, {}).get(NAME)
            if name is not None and name not in tables[group] and group not in typed:
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
        """Raise an InputError where the file holds the weights only."""
        if not self.can_resume:
            raise InputError(
                f"{self.path}: holds the weights alone, not the state of its training; resume from "
                f"{self.path.with_name('last.ckpt')}, or leave out resume=true to start a training "
                "with these weights"
            )

    def build_task(self) -> Task:
        """The task that it was trained for; an InputError where its settings build none."""
        with _of(self.path):
            return Task(**check_settings(Task, self.task, "task"))

    def build_model(self) -> Forecaster:
        """The network, with its weights; an InputError where it is none of vpnet's own."""
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
        """Give a network the checkpoint's weights; an InputError where it is another network."""
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
    prefix = "model."
    with _of(path):
        entry = check_entry(content[CHECKPOINT_KEY])
        weights: dict[str, Tensor] = {
            name.removeprefix(prefix): value
            for name, value in content["state_dict"].items()
            if name.startswith(prefix)
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


def read_lstm(path: str) -> Checkpoint:
    """A checkpoint that another network may start from; an InputError where it is none."""
    checkpoint = read_checkpoint(path)
    name = checkpoint.model.get(NAME)
    if name != "lstm" or any(not weight.startswith(_LSTM_PART) for weight in checkpoint.weights):
        raise InputError(
            f"lstm_checkpoint={path}: must be of model=lstm with crowd=false, this is a {name} "
            "with more in it; train one"
        )
    return checkpoint


def start_from_lstm(
    model: Forecaster, checkpoint: Checkpoint, own_keys: Collection[tuple[str, str]]
) -> None:
    """Give a network's encoder-decoder the weights of a trained one.

    Inputs other than the head have no effect at the start.

    Args:
        model: The network.
        checkpoint: From `read_lstm`.
        own_keys: User and video of the recordings that train and validate the network. The LSTM
            must have seen no others: they may be of the test part, or of its viewers and videos.

    Raises:
        InputError: The network has no such part, the LSTM does not fit it, or was trained on other
            recordings or at another rate.
    """
    part = model.recurrent_part()
    if part is None:
        raise InputError(
            f"lstm_checkpoint: only lstm, star_vp and muse_vp (with lstm=single) can start from an "
            f"LSTM, and the model is {model.name}; leave lstm_checkpoint out"
        )
    others = checkpoint.trained_beyond(own_keys)
    if others:
        raise InputError(
            f"lstm_checkpoint={checkpoint.path}: was trained or validated on {others} recordings "
            "that are not of this split's training and validation; train it on this split"
        )
    if checkpoint.spec.sampling_rate_hz != model.spec.sampling_rate_hz:
        raise InputError(
            f"lstm_checkpoint={checkpoint.path}: was trained at {checkpoint.spec.sampling_rate_hz} "
            f"Hz, the task has {model.spec.sampling_rate_hz} Hz; use one task for both"
        )
    weights = {name.removeprefix(_LSTM_PART): value for name, value in checkpoint.weights.items()}
    own = part.module.state_dict()
    if weights[_LSTM_INPUTS].shape[1] == part.head_features:
        more = own[_LSTM_INPUTS].shape[1] - part.head_features
        weights[_LSTM_INPUTS] = torch.nn.functional.pad(weights[_LSTM_INPUTS], (0, more))
    shapes, own_shapes = (
        {name: value.shape for name, value in state.items()} for state in (weights, own)
    )
    if shapes != own_shapes:
        raise InputError(
            f"lstm_checkpoint={checkpoint.path}: does not fit the LSTM of {model.name}; it has "
            f"{_lstm_size(weights)}, {model.name} {_lstm_size(own)}; give both the same "
            "model.velocity (the head is 3 numbers a step without it, 6 with it), as many layers "
            "and units (star_vp and muse_vp: model.layers=2 model.hidden=256 of the LSTM)"
        )
    part.module.load_state_dict(weights)


def check_weights(model: Forecaster, weights: Mapping[str, Tensor], name: str) -> None:
    """Refuse weights of another network.

    Args:
        model: The network; it may be on the device ``meta``, where it takes no memory.
        weights: State of a network.
        name: The weights' own name of their model.

    Raises:
        InputError: A tensor is missing, superfluous, of another shape or type.
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
    half = (torch.bfloat16, torch.float16)
    return found == expected or (expected == torch.float32 and found in half)


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


def _lstm_size(weights: Mapping[str, Tensor]) -> str:
    layers = sum(name.startswith("encoder.weight_hh") for name in weights)
    units = weights["encoder.weight_hh_l0"].shape[1]
    inputs = weights[_LSTM_INPUTS].shape[1]
    return f"{layers} layers of {units} units that read {inputs} numbers a step"
