"""Splits: which recordings train, which validate, which test.

A split takes the keys (user, video) of recordings and assigns whole recordings to parts. Windows
are cut afterwards, from one part at a time, so no two parts can ever share a window, or two
overlapping windows of one recording.

>>> keys = [RecordingKey(user, video) for user in "ab" for video in "uvwxyz"]
>>> partition = CrossVideo(val_fraction=0.2, test_fraction=0.2, seed=0).partition(keys)
>>> {keys[i].video_id for i in partition.train} & {keys[i].video_id for i in partition.test}
set()
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from vpnet.errors import InputError
from vpnet.settings import NonNegativeInt, Seed, Share, checked

PARTS = ("train", "val", "test")
PROTOCOL = ("sampling_rate_hz", "history_s", "horizon_s", "first_anchor_s", "anchor_stride_s")
"""What a split file may say of the task that it was written for."""

_EMPTY = (
    "the {} part of the split holds no recording; add recordings or change the fractions of split"
)


class RecordingKey(NamedTuple):
    """Who watched what."""

    user_id: str
    video_id: str


@dataclass(frozen=True)
class Partition:
    """Indices of the recordings of each part; what is in none of them is unused.

    Raises:
        InputError: The test part is empty, or a recording is in two parts.
    """

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.test:
            raise InputError(_EMPTY.format("test"))
        assigned = (*self.train, *self.val, *self.test)
        if len(set(assigned)) != len(assigned):
            raise InputError("a recording is in two parts of the split")


class Split(Protocol):
    """Anything that assigns recordings to parts."""

    def partition(self, keys: Sequence[RecordingKey]) -> Partition:
        """Assign the recordings with these keys to parts."""
        ...


@checked
@dataclass(frozen=True)
class CrossVideo:
    """Known users, new videos: the parts share no video.

    Args:
        val_fraction: Share of the videos whose recordings validate.
        test_fraction: Share of the videos whose recordings test; the rest trains.
        seed: Decides which videos these are.
    """

    val_fraction: Share = 0.15
    test_fraction: Share = 0.25
    seed: Seed = 0

    def partition(self, keys: Sequence[RecordingKey]) -> Partition:
        """Assign by video."""
        videos = [key.video_id for key in keys]
        part = _assign_names(videos, self.val_fraction, self.test_fraction, self.seed, "videos")
        return _collect(keys, lambda key: part[key.video_id])


@checked
@dataclass(frozen=True)
class CrossUser:
    """New users, known videos: the parts share no user.

    Args:
        val_fraction: Share of the users whose recordings validate.
        test_fraction: Share of the users whose recordings test; the rest trains.
        seed: Decides which users these are.
    """

    val_fraction: Share = 0.15
    test_fraction: Share = 0.25
    seed: Seed = 0

    def partition(self, keys: Sequence[RecordingKey]) -> Partition:
        """Assign by user."""
        users = [key.user_id for key in keys]
        part = _assign_names(users, self.val_fraction, self.test_fraction, self.seed, "users")
        return _collect(keys, lambda key: part[key.user_id])


@checked
@dataclass(frozen=True)
class CrossUserAndVideo:
    """New users and new videos: the parts share neither; mixed recordings are unused.

    Args:
        val_fraction: Share of the users, and of the videos, that validate.
        test_fraction: Share of the users, and of the videos, that test; the rest trains.
        seed: Decides which users and videos these are.
    """

    val_fraction: Share = 0.2
    test_fraction: Share = 0.25
    seed: Seed = 0

    def partition(self, keys: Sequence[RecordingKey]) -> Partition:
        """Assign where the user's part and the video's part agree."""
        users, videos = [key.user_id for key in keys], [key.video_id for key in keys]
        shares = self.val_fraction, self.test_fraction
        user_part = _assign_names(users, *shares, self.seed, "users")
        video_part = _assign_names(videos, *shares, self.seed + 1, "videos")

        def part_of(key: RecordingKey) -> str | None:
            part = user_part[key.user_id]
            return part if part == video_part[key.video_id] else None

        return _collect(keys, part_of)


@checked
@dataclass(frozen=True)
class LeaveOneUserOut:
    """One user tests, some of the others validate, the rest train.

    Args:
        user: Name of the user who tests; null takes the one that fold numbers.
        fold: Number of the user who tests, counted from 0 in the order of the sorted names; a sweep
            over all numbers tests every user once.
        val_fraction: Share of the other users whose recordings validate.
        seed: Decides which users these are.
    """

    user: str | int | None = None
    fold: NonNegativeInt = 0
    val_fraction: Share = 0.15
    seed: Seed = 0

    def partition(self, keys: Sequence[RecordingKey]) -> Partition:
        """Assign by user.

        Raises:
            InputError: There is no such user.
        """
        users = sorted({key.user_id for key in keys})
        if self.user is None and self.fold >= len(users):
            raise InputError(
                f"split.fold must be from 0 to {len(users) - 1}, one a user, got {self.fold}"
            )
        # A name that looks like a number comes out of the configuration as one.
        left_out = users[self.fold] if self.user is None else str(self.user)
        if left_out not in users:
            raise InputError(
                f"split.user={self.user!r} names no user of the data; give one of "
                f"{', '.join(users[:10])}, or split.fold from 0 to {len(users) - 1}"
            )
        others = [user for user in users if user != left_out]
        part = _assign_names(others, self.val_fraction, 0.0, self.seed, "users")
        part[left_out] = "test"
        return _collect(keys, lambda key: part[key.user_id])


@checked
@dataclass(frozen=True)
class TestOnly:
    """Every recording tests: to evaluate a checkpoint, not to train."""

    # pytest would take the class for a test.
    __test__ = False

    def partition(self, keys: Sequence[RecordingKey]) -> Partition:
        """Assign everything to the test part."""
        return Partition(train=(), val=(), test=tuple(range(len(keys))))


@checked
class SplitFile:
    """A split read from a JSON file: the published protocols of the field.

    The file's ``users`` and ``videos`` are each ``"all"``, a list (the only ones used), or an
    object with the lists ``train``, ``val`` and ``test``; one of the two at least is an object. A
    recording belongs to the part that both its user and its video belong to; where they differ it
    is unused.

    Args:
        path: JSON file of a split, such as a published protocol; docs/CONVENTIONS.md describes it.

    Raises:
        InputError: The file is missing, is not such a JSON object, or lists a name twice.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise InputError(f"{self.path}: split file not found; check split.path") from error
        except (ValueError, OSError) as error:
            raise InputError(f"{self.path}: a split file is a JSON object: {error}") from error
        if not isinstance(content, dict):
            raise InputError(f"{self.path}: a split file is a JSON object, got {content!r:.60}")
        self.protocol = {name: content[name] for name in PROTOCOL if name in content}
        for name, value in self.protocol.items():
            if not isinstance(value, int | float):
                raise InputError(f"{self.path}: {name} must be a number, got {value!r:.60}")
        self._users = self._read_parts(content, "users")
        self._videos = self._read_parts(content, "videos")
        if not any(isinstance(part, dict) for part in (self._users, self._videos)):
            raise InputError(
                f"{self.path}: users or videos must be an object with the lists train, val and "
                "test; neither is"
            )

    def partition(self, keys: Sequence[RecordingKey]) -> Partition:
        """Assign as the file says.

        Raises:
            InputError: The file names a user or a video that the data do not have.
        """
        self._check_known("users", self._users, {key.user_id for key in keys})
        self._check_known("videos", self._videos, {key.video_id for key in keys})

        def part_of(key: RecordingKey) -> str | None:
            user_parts = _parts_of(key.user_id, self._users)
            common = user_parts & _parts_of(key.video_id, self._videos)
            return common.pop() if common else None

        return _collect(keys, part_of)

    def _read_parts(self, content: dict, what: str) -> dict[str, list[str]] | list[str] | None:
        value = content.get(what, "all")
        if value == "all":
            return None
        if _is_names(value):
            return value
        if not (
            isinstance(value, dict)
            and set(value) == set(PARTS)
            and all(_is_names(names) for names in value.values())
        ):
            raise InputError(
                f'{self.path}: {what} must be "all", a list of names, or an object of the lists '
                f"train, val and test, got {value!r:.80}"
            )
        names = [name for part in PARTS for name in value[part]]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f"{self.path}: {what} are listed twice: {', '.join(twice)}")
        return value

    def _check_known(
        self, what: str, parts: dict[str, list[str]] | list[str] | None, known: set[str]
    ) -> None:
        if parts is None:
            return
        named = parts if isinstance(parts, list) else [n for part in PARTS for n in parts[part]]
        unknown = sorted(set(named) - known)
        if unknown:
            raise InputError(
                f"{self.path}: names {len(unknown)} {what} that the data do not have: "
                f"{', '.join(unknown[:5])}; the data have {', '.join(sorted(known)[:5])}, ...; "
                "is this the split of another data set?"
            )


def _assign_names(
    names: Sequence[str], val_fraction: float, test_fraction: float, seed: int, what: str
) -> dict[str, str]:
    """Give each distinct name its part; a positive fraction gets at least one name."""
    if val_fraction + test_fraction >= 1:
        raise InputError(
            "split.val_fraction and split.test_fraction must leave some "
            f"{what} to train on, got {val_fraction!r} and {test_fraction!r}"
        )
    distinct = sorted(set(names))
    random.Random(seed).shuffle(distinct)
    val = max(1, round(val_fraction * len(distinct))) if val_fraction > 0 else 0
    test = max(1, round(test_fraction * len(distinct))) if test_fraction > 0 else 0
    if val + test >= len(distinct):
        raise InputError(
            f"a split by {what} needs more than {val + test} {what}, found {len(distinct)}; add "
            "recordings or choose another split"
        )
    parts = ["val"] * val + ["test"] * test + ["train"] * (len(distinct) - val - test)
    return dict(zip(distinct, parts, strict=True))


def _collect(
    keys: Sequence[RecordingKey], part_of: Callable[[RecordingKey], str | None]
) -> Partition:
    """Gather the indices of each part; recordings without one are unused.

    Raises:
        InputError: A part is empty.
    """
    parts: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    for index, key in enumerate(keys):
        part = part_of(key)
        if part is not None:
            parts[part].append(index)
    for name, indices in parts.items():
        if not indices:
            raise InputError(_EMPTY.format(name))
    return Partition(**{name: tuple(indices) for name, indices in parts.items()})


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _parts_of(name: str, parts: dict[str, list[str]] | list[str] | None) -> set[str]:
    """The parts a name may belong to."""
    if parts is None:
        return set(PARTS)
    if isinstance(parts, list):
        return set(PARTS) if name in parts else set()
    return {part for part in PARTS if name in parts[part]}


SPLITS: Mapping[str, Callable[..., Split]] = {
    "cross_video": CrossVideo,
    "cross_user": CrossUser,
    "cross_user_and_video": CrossUserAndVideo,
    "leave_one_user_out": LeaveOneUserOut,
    "file": SplitFile,
    "test_only": TestOnly,
}
"""A closed table, from which configurations choose."""
