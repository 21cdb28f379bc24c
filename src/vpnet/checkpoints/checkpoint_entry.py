"""The entry that makes a checkpoint stand alone, and the checks before it is used.

It holds the model and its settings, the task, the shape of the windows, the face features, what the
saliency source learned, and the settings of the run: all but paths of a machine and ids of viewers.
A path often holds the name of a person, and ``split.user`` is the id of one. The entry names the
settings that are withheld. A training that resumes finds them in the ``config.yaml`` of the
checkpoint's run folder, or the user gives them. A file that holds such a setting is refused: its
author would choose what is read and written on this machine.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import yaml

from vpnet.allowed_values import options_of
from vpnet.checkpoints.checkpoint_file import check_plain
from vpnet.dataset.splits import SPLITS
from vpnet.dataset.task import Task
from vpnet.dataset.window import WindowSpec
from vpnet.errors import InputError
from vpnet.models.all_models import MODELS
from vpnet.paver.map_file import MapStore
from vpnet.readers.reading import READERS
from vpnet.saliency.crowd import Crowd
from vpnet.saliency.fitted_sources import Behavioural, CenterBias
from vpnet.saliency.map_folder import MapFolder
from vpnet.saliency.source import SaliencySource
from vpnet.settings import NAME, OWN_CODE, Seed, check_settings, checked, choose, settings_of
from vpnet.training.stages import Stage
from vpnet.training.training_settings import TrainingSettings
from vpnet.viewer_ids import HASH_BYTES, SALT_BYTES, KnownViewers

Tables = Mapping[str, Mapping[str, Callable[..., Any]]]

RUN_SETTINGS = ("data", "split", "training", "stage", "seed", "skip_short")
"""Settings of a run that its training needs when it resumes."""

SOURCES: Mapping[str, Callable[..., SaliencySource]] = {
    "center_bias": CenterBias,
    "behavioural": Behavioural,
    "paver": MapStore,
    "file": MapFolder,
}
"""vpnet's saliency sources by name: a closed table, from which configurations choose."""

OF_PEOPLE = {"split.user"}
"""Settings whose values are ids of viewers."""

OF_A_MACHINE = {"data.cache"}
"""Settings whose paths do not change the data: another machine uses its default."""


def describe(
    config: Mapping[str, Any],
    spec: WindowSpec,
    users: KnownViewers,
    saliency: SaliencySource | None,
    trained_on: Iterable[tuple[str, str]] = (),
    crowd: Crowd | None = None,
    *,
    earlier: Collection[tuple[str, str]] = (),
    tables: Tables | None = None,
) -> dict[str, Any]:
    """The entry that makes a checkpoint stand alone.

    Args:
        config: Configuration of the run, plain values.
        spec: Shape of the windows.
        users: Users of the embedding, in order; their salt hashes all ids.
        saliency: The fitted source.
        trained_on: User and video of the recordings that trained or validated.
        crowd: The fitted crowd.
        earlier: `vpnet.checkpoints.checkpoint.Checkpoint.trained_on` of the checkpoint that the
            training started from; it must have the same ``users``.
        tables: Builders by group and name that are in none of vpnet's tables: the simulation, code
            of the user's own.

    Raises:
        InputError: What it would hold could not be read again, for instance a very long text.
    """
    tables = tables or {}
    known = {"data": _readers(), "split": SPLITS, "saliency": SOURCES, **tables}
    known["model"] = {**MODELS, **tables.get("model", {})}
    kept: dict[str, Any] = {}
    withheld: list[str] = []
    for group in ("model", "saliency", "data", "split"):
        kept[group], keys = withhold(group, config[group], known[group])
        withheld += keys if group != "model" else []
    hashed = {(users.hashed(user), video) for user, video in trained_on}
    entry = {
        "model": kept.pop("model"),
        "saliency": kept.pop("saliency"),
        "task": dict(config["task"]),
        "face_features": list(config["face_features"]),
        "run": {**{name: config[name] for name in RUN_SETTINGS}, **kept},
        "withheld": withheld,
        "spec": {**asdict(spec), "horizon_steps": list(spec.horizon_steps)},
        "salt": users.salt.hex(),
        "users": list(users.hashes),
        "crowd_state": None if crowd is None else crowd.state(),
        "saliency_state": {} if saliency is None else saliency.state(),
        "trained_on": [list(key) for key in sorted(hashed | set(earlier))],
    }
    try:
        check_plain({"vpnet": entry})
    except InputError as error:
        raise InputError(f"a checkpoint of this training could not be read: {error}") from error
    return entry


@checked
@dataclass(frozen=True)
class Entry:
    """The types of what `describe` gives; `check_entry` checks the rest.

    Model and saliency are a name in `MODELS` or `SOURCES` with its settings. Salt and users are
    hexadecimal. ``trained_on`` holds the hash of the user, and the video, of each recording.
    """

    model: Mapping[str, Any]
    saliency: Mapping[str, Any] | None
    task: Mapping[str, Any]
    face_features: Sequence[str]
    run: Mapping[str, Any]
    withheld: Sequence[str]
    spec: Mapping[str, Any]
    salt: str
    users: Sequence[str]
    crowd_state: Mapping[str, Any] | None
    saliency_state: Mapping[str, Any]
    trained_on: Sequence[Sequence[str]]


@checked
@dataclass(frozen=True)
class Run:
    """The types of `RUN_SETTINGS`: reader, split, training and stage with their settings."""

    data: Mapping[str, Any]
    split: Mapping[str, Any]
    training: Mapping[str, Any]
    stage: Mapping[str, Any]
    seed: Seed
    skip_short: bool


def check_entry(values: Mapping[str, Any]) -> Entry:
    """Refuse an entry that `describe` would not write.

    Models and sources of the user's own code are never imported. Building them is refused later.

    Raises:
        InputError: A value is missing, superfluous, of another type or out of its range, or two
            of them contradict one another.
    """
    entry = Entry(**check_settings(Entry, values, "vpnet"))
    run = Run(**check_settings(Run, entry.run, "vpnet.run"))
    task = Task(**check_settings(Task, entry.task, "task"))
    spec = spec_of(entry)
    check_settings(Stage, run.stage, "stage")
    training = check_settings(TrainingSettings, _resolved(run.training), "training")
    TrainingSettings(**training)
    check_withheld("data", run.data, _readers())
    for group, table, settings, given in (
        ("model", MODELS, entry.model, ("spec",)),
        ("saliency", SOURCES, entry.saliency, ()),
        ("split", SPLITS, run.split, ()),
    ):
        if settings is not None and not isinstance(settings.get(NAME), str):
            raise InputError(f"{group}.{NAME} must be a text, got {settings.get(NAME)!r}")
        check_withheld(group, settings, table)
        if settings is not None and settings.get(NAME) in table:
            absent = [key for key in entry.withheld if key.startswith(f"{group}.")]
            filled = {key.partition(".")[2]: "withheld" for key in absent}
            chosen, rest = choose(table, {**settings, **filled}, group)
            check_settings(chosen, rest, group, given)
    _check_scalars("data", run.data)
    _check_ids(entry)
    agreeing = {
        "users": (spec.users, len(entry.users)),
        "face_features": (spec.face_features, len(entry.face_features)),
        "sampling_rate_hz": (spec.sampling_rate_hz, task.sampling_rate_hz),
        "history_steps": (spec.history_steps, task.history_steps),
        "horizon_steps": (tuple(spec.horizon_steps), task.horizon_steps),
        "has_crowd": (spec.has_crowd, entry.crowd_state is not None),
        "has_saliency": (spec.has_saliency or entry.saliency is None, True),
    }
    for name, (given, found) in agreeing.items():
        if given != found:
            raise InputError(f"vpnet.spec.{name} is {given}, the rest of the file says {found}")
    return entry


def spec_of(entry: Entry) -> WindowSpec:
    """The shape of the windows; an InputError where it is none."""
    steps = entry.spec.get("horizon_steps")
    # torch keeps a list, the signature may want a tuple.
    values = {**entry.spec, "horizon_steps": tuple(steps) if isinstance(steps, list) else steps}
    try:
        return WindowSpec(**check_settings(WindowSpec, values, "spec"))
    except ValueError as error:
        raise InputError(str(error)) from error


def _readers() -> dict[str, Callable[..., Any]]:
    return {name: reader.read for name, reader in READERS.items()}


def _resolved(training: Mapping[str, Any]) -> dict[str, Any]:
    """Training settings with ``${training.max_epochs}`` and the like replaced by their values."""

    def resolve(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: resolve(inner) for name, inner in value.items()}
        if isinstance(value, str) and value.startswith("${training."):
            return training.get(value[len("${training.") : -1])
        return value

    return {name: resolve(value) for name, value in training.items()}


def _check_scalars(key: str, values: Mapping[str, Any]) -> None:
    if not isinstance(values.get(NAME), str):
        raise InputError(f"{key}.{NAME} must be the name of a reader")
    for name, value in values.items():
        listed = value if isinstance(value, list) else [value]
        if any(isinstance(each, dict | list | tuple) for each in listed) or hasattr(value, "dtype"):
            raise InputError(f"{key}.{name} must be a number, a text, a switch or a list of them")


def _check_ids(entry: Entry) -> None:
    forms = [(entry.salt, SALT_BYTES), *((user, HASH_BYTES) for user in entry.users)]
    forms += [(key[0] if len(key) == 2 else "", HASH_BYTES) for key in entry.trained_on]
    for value, length in forms:
        if not re.fullmatch(rf"[0-9a-f]{{{2 * length}}}", value):
            raise InputError(
                f"vpnet: ids are kept as hashes of {2 * length} hexadecimal digits, got "
                f"{value[:80]!r}"
            )
    for key in entry.withheld:
        if not re.fullmatch(r"(data|split|saliency)\.\w+", key):
            raise InputError(f"vpnet.withheld must hold keys of settings, got {key[:80]!r}")


def withhold(
    group: str, values: Mapping[str, Any] | None, table: Mapping[str, Callable[..., Any]]
) -> tuple[dict[str, Any] | None, list[str]]:
    """The settings of a group such as ``data`` as a checkpoint holds them.

    Args:
        group: Its name.
        values: Its settings, ``name`` included, or None.
        table: What can be built by name. Of code of the user's own only numbers and switches are
            kept: any of its texts may be a path.

    Returns:
        The settings without those that are withheld, and the keys of these.
    """
    if values is None:
        return None, []
    name = values.get(NAME, values.get(OWN_CODE))
    # Code of the user's own has an import path as its name, and may declare paths as texts.
    is_own = OWN_CODE in values or "." in str(name)
    declared = settings_of(table[name]) if name in table and not is_own else None
    kept, withheld = {NAME: name}, []
    for setting, value in values.items():
        if setting in (NAME, OWN_CODE):
            continue
        if declared is None or setting not in declared:
            stays = value is None or isinstance(value, bool | int | float)
        else:
            is_path = isinstance(value, str | Path) and _takes_path(declared[setting].annotation)
            stays = not is_path and (f"{group}.{setting}" not in OF_PEOPLE or value is None)
        if stays:
            kept[setting] = value
        elif f"{group}.{setting}" not in OF_A_MACHINE:
            withheld.append(f"{group}.{setting}")
    return kept, withheld


def check_withheld(
    group: str, values: Mapping[str, Any] | None, table: Mapping[str, Callable[..., Any]]
) -> None:
    """Raise an InputError where settings hold what `withhold` leaves out.

    A name that is not in the table passes, since nothing is built of it.
    """
    if values is None or values.get(NAME) not in table:
        return
    kept, _ = withhold(group, values, table)
    for setting in values:
        if setting not in (kept or {}):
            raise InputError(
                f"{group}.{setting} is a path or an id of a viewer, which no checkpoint holds"
            )


def recall(
    checkpoint: Path, groups: Mapping[str, Any], withheld: Collection[str], typed: Collection[str]
) -> dict[str, Any]:
    """Settings of a checkpoint, completed with the withheld ones from its run folder.

    Args:
        checkpoint: The file, in the folder ``checkpoints`` of a run.
        groups: Settings as the checkpoint holds them, by group.
        withheld: Keys such as ``data.path``.
        typed: Keys that the user gave; they are left out here.

    Raises:
        InputError: A withheld setting is neither in the run folder nor typed.
    """
    found = {
        group: dict(values) if isinstance(values, Mapping) else values
        for group, values in groups.items()
    }
    config = _config_of(checkpoint)
    for key in withheld:
        group, _, setting = key.partition(".")
        if group not in found or key in OF_A_MACHINE or {key, group} & set(typed):
            continue
        settings = config.get(group)
        settings = settings if isinstance(settings, Mapping) else {}
        is_same = settings.get(NAME, settings.get(OWN_CODE)) == found[group][NAME]
        value = settings.get(setting) if is_same else None
        plain = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str | int) and "${" not in str(each) for each in plain):
            alias = " (predict.py: saliency_path=...)" if key == "saliency.path" else ""
            raise InputError(
                f"{checkpoint}: does not hold {key}: paths, ids of viewers and texts of the user's "
                f"own code are left out; give {key}=... as in the training{alias}"
            )
        found[group][setting] = value
    return found


def _config_of(checkpoint: Path) -> Mapping[str, Any]:
    """The configuration in a checkpoint's run folder; empty where there is none."""
    file = checkpoint.resolve().parent.parent / "config.yaml"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    return content if isinstance(content, Mapping) else {}


def _takes_path(annotation: Any) -> bool:

    base = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return any(option is Path for option in options_of(base))
