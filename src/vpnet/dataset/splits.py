"""Splits: which recordings train, which validate, which test.

A split takes the keys (user, video) of recordings and deals out whole recordings. Windows are cut
afterwards, from one part at a time, so no two parts can ever share a window, or two overlapping
windows of one recording.

>>> keys = [RecordingKey(user, video) for user in "ab" for video in "uvwxyz"]
>>> partition = CrossVideo(val_fraction=0.2, test_fraction=0.2, seed=0).partition(keys)
>>> {keys[i].video_id for i in partition.train} & {keys[i].video_id for i in partition.test}
set()
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from vpnet.errors import InputError
from vpnet.settings import NonNegativeInt, Seed, Share, checked

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
        dealt = (*self.train, *self.val, *self.test)
        if len(set(dealt)) != len(dealt):
            raise InputError("a recording stands in two parts of the split")


class Split(Protocol):
    """Anything that deals out recordings."""

    def partition(self, keys: Sequence[RecordingKey]) -> Partition:
        """Deal out the recordings with these keys."""
        ...


@checked
@dataclass(frozen=True)
class CrossVideo:
    """Known users, new videos: the parts share no video.

    Args:
        val_fraction: Share of the videos that validate.
        test_fraction: Share of the videos that test.
        seed: Shuffles the videos.
    """

    val_fraction: Share = 0.15
    test_fraction: Share = 0.25
    seed: Seed = 0

    def partition(self, keys: Sequence[RecordingKey]) -> Partition:
        """Deal out by video."""
        part = _deal(
            [key.video_id for key in keys],
            self.val_fraction,
            self.test_fraction,
            self.seed,
            "videos",
        )
        return collect(keys, lambda key: part[key.video_id])


@checked
@dataclass(frozen=True)
class CrossUser:
    """New users, known videos: the parts share no user.

    Args:
        val_fraction: Share of the users that validate.
        test_fraction: Share of the users that test.
        seed: Shuffles the users.
    """

    val_fraction: Share = 0.15
    test_fraction: Share = 0.25
    seed: Seed = 0

    def partition(self, keys: Sequence[RecordingKey]) -> Partition:
        """Deal out by user."""
        part = _deal(
            [key.user_id for key in keys], self.val_fraction, self.test_fraction, self.seed, "users"
        )
        return collect(keys, lambda key: part[key.user_id])


@checked
@dataclass(frozen=True)
class CrossUserAndVideo:
    """New users and new videos: the parts share neither; mixed recordings are unused.

    Args:
        val_fraction: Share of the users, and of the videos, that validate.
        test_fraction: Share of the users, and of the videos, that test.
        seed: Shuffles both.
    """

    val_fraction: Share = 0.2
    test_fraction: Share = 0.25
    seed: Seed = 0

    def partition(self, keys: Sequence[RecordingKey]) -> Partition:
        """Deal out where the user's part and the video's part agree."""
        user_part = _deal(
            [key.user_id for key in keys], self.val_fraction, self.test_fraction, self.seed, "users"
        )
        video_part = _deal(
            [key.video_id for key in keys],
            self.val_fraction,
            self.test_fraction,
            self.seed + 1,
            "videos",
        )

        def part_of(key: RecordingKey) -> str | None:
            part = user_part[key.user_id]
            return part if part == video_part[key.video_id] else None

        return collect(keys, part_of)


@checked
@dataclass(frozen=True)
class LeaveOneUserOut:
    """One user tests, some of the others validate, the rest train.

    Args:
        user: Name of the user left out; None takes the user of ``fold``.
        fold: Number of the user left out among the sorted names, from 0.
        val_fraction: Share of the other users that validate.
        seed: Shuffles the other users.
    """

    user: str | int | None = None
    fold: NonNegativeInt = 0
    val_fraction: Share = 0.15
    seed: Seed = 0

    def partition(self, keys: Sequence[RecordingKey]) -> Partition:
        """Deal out by user.

        Raises:
            InputError: There is no such user.
        """
        users = sorted({key.user_id for key in keys})
        if self.user is None and not 0 <= self.fold < len(users):
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
        part = _deal(others, self.val_fraction, 0.0, self.seed, "users")
        part[left_out] = "test"
        return collect(keys, lambda key: part[key.user_id])


@checked
@dataclass(frozen=True)
class TestOnly:
    """Every recording tests: to evaluate a checkpoint, not to train."""

    # pytest would take the class for a test.
    __test__ = False

    def partition(self, keys: Sequence[RecordingKey]) -> Partition:
        """Deal out everything to the test part."""
        return Partition(train=(), val=(), test=tuple(range(len(keys))))


def _deal(
    names: Sequence[str], val_fraction: float, test_fraction: float, seed: int, what: str
) -> dict[str, str]:
    """Give each distinct name its part; a positive fraction gets at least one name."""
    fractions = (val_fraction, test_fraction)
    if sum(fractions) >= 1:
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


def collect(
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
