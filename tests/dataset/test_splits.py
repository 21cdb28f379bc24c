from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.dataset.splits import (
    SPLITS,
    CrossUser,
    CrossUserAndVideo,
    CrossVideo,
    LeaveOneUserOut,
    Partition,
    RecordingKey,
)
from vpnet.errors import InputError
from vpnet.settings import build, settings_of

CONF = Path(__file__).resolve().parents[2] / "conf"
KEYS = [RecordingKey(f"u{user}", f"v{video}") for user in range(12) for video in range(10)]


class Promise(NamedTuple):
    """What the parts of a split must not share, whether all is used, whether one can train."""

    users_apart: bool
    videos_apart: bool
    all_used: bool = True
    test_users: int | None = None
    trains: bool = True


PROMISES = {
    "cross_user": Promise(users_apart=True, videos_apart=False),
    "cross_video": Promise(users_apart=False, videos_apart=True),
    "cross_user_and_video": Promise(users_apart=True, videos_apart=True, all_used=False),
    "leave_one_user_out": Promise(users_apart=True, videos_apart=False, test_users=1),
    "test_only": Promise(users_apart=True, videos_apart=True, trains=False),
}
"""Of every file in conf/split but file.yaml, whose promise is in the JSON: test_split_file.py."""


def assert_kept(promise: Promise, keys: list[RecordingKey], partition: Partition) -> None:
    parts = (partition.train, partition.val, partition.test)
    dealt = [index for part in parts for index in part]
    assert len(dealt) == len(set(dealt)), "no recording in two parts"
    assert all(part == tuple(sorted(part)) for part in parts)
    assert [len(part) > 0 for part in parts] == [promise.trains, promise.trains, True]
    if promise.all_used:
        assert sorted(dealt) == list(range(len(keys)))
    users = [{keys[i].user_id for i in part} for part in parts]
    videos = [{keys[i].video_id for i in part} for part in parts]
    for names, apart in ((users, promise.users_apart), (videos, promise.videos_apart)):
        if apart:
            assert sum(map(len, names)) == len(set.union(*names)), "a name stands in two parts"
    if promise.test_users is not None:
        assert len(users[2]) == promise.test_users


@pytest.mark.parametrize("name", sorted(file.stem for file in (CONF / "split").glob("*.yaml")))
def test_every_configured_split_keeps_its_promise(name, make_split):
    if name == "file":
        return
    assert name in PROMISES, f"say in PROMISES what conf/split/{name}.yaml promises"
    partition = make_split(name).partition(KEYS)
    assert_kept(PROMISES[name], KEYS, partition)
    users = {KEYS[i].user_id for i in partition.test}
    videos = {KEYS[i].video_id for i in partition.test}
    promise = PROMISES[name]
    # What a split leaves together it must not thin out either.
    assert promise.users_apart or len(users) == 12
    assert promise.videos_apart or len(videos) == 10


key_lists = st.sets(
    st.tuples(st.integers(0, 9).map(str), st.sampled_from("abcdefgh")), min_size=1, max_size=60
).map(lambda pairs: [RecordingKey(*pair) for pair in sorted(pairs)])


fractions = st.floats(0.01, 0.6)


def is_refused(names: set[str], val: float, test: float) -> bool:
    """A positive fraction takes one name at least; some must be left to train on."""
    taken = max(1, round(val * len(names))) + max(1, round(test * len(names)))
    return val + test >= 1 or taken >= len(names)


@settings(max_examples=100, deadline=None)
@given(keys=key_lists, by_user=st.booleans(), val=fractions, test=fractions, seed=st.integers(0, 9))
def test_parts_are_apart_in_users_or_videos_for_any_recordings(keys, by_user, val, test, seed):
    kind, promise = (CrossUser, "cross_user") if by_user else (CrossVideo, "cross_video")
    split = kind(val_fraction=val, test_fraction=test, seed=seed)
    if is_refused({key.user_id if by_user else key.video_id for key in keys}, val, test):
        with pytest.raises(InputError, match="split"):
            split.partition(keys)
        return
    assert_kept(PROMISES[promise], keys, split.partition(keys))


@settings(max_examples=60, deadline=None)
@given(
    users=st.integers(1, 12),
    videos=st.integers(1, 12),
    val=fractions,
    test=fractions,
    seed=st.integers(0, 9),
)
def test_parts_are_apart_in_users_and_videos(users, videos, val, test, seed):
    keys = [
        RecordingKey(str(user), f"v{video}") for user in range(users) for video in range(videos)
    ]
    split = CrossUserAndVideo(val_fraction=val, test_fraction=test, seed=seed)
    if any(is_refused(set(names), val, test) for names in zip(*keys, strict=True)):
        with pytest.raises(InputError, match="split"):
            split.partition(keys)
        return
    assert_kept(PROMISES["cross_user_and_video"], keys, split.partition(keys))


@settings(max_examples=60, deadline=None)
@given(keys=key_lists, seed=st.integers(0, 9))
def test_the_folds_leave_out_every_user_once(keys, seed):
    users = sorted({key.user_id for key in keys})
    if len(users) < 3:
        with pytest.raises(InputError):
            LeaveOneUserOut(fold=0, seed=seed).partition(keys)
        return
    left_out = []
    for fold in range(len(users)):
        partition = LeaveOneUserOut(fold=fold, seed=seed).partition(keys)
        assert_kept(PROMISES["leave_one_user_out"], keys, partition)
        left_out.append(keys[partition.test[0]].user_id)
    assert left_out == users


def test_a_user_is_left_out_by_name_even_if_the_name_is_a_number(make_split):
    keys = [RecordingKey(user, video) for user in ("7", "1", "12", "x") for video in "ab"]
    for override, user in (("7", "7"), ("12", "12"), ("x", "x"), ("1", "1")):
        split = make_split("leave_one_user_out", f"split.user={override}")
        assert {keys[i].user_id for i in split.partition(keys).test} == {user}
    split = make_split("leave_one_user_out", "split.fold=1")
    assert {keys[i].user_id for i in split.partition(keys).test} == {"12"}, "sorted as text"


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (LeaveOneUserOut(user="nobody"), r"split.user='nobody' names no user .* u0, u1.* 0 to 11"),
        (LeaveOneUserOut(fold=12), r"split.fold must be from 0 to 11, one a user, got 12"),
        (CrossVideo(0.5, 0.5), r"leave some videos to train on, got 0.5 and 0.5"),
        (CrossUser(0.0, 0.5), r"the val part of the split holds no recording"),
        (CrossUserAndVideo(0.2, 0.0), r"the test part of the split holds no recording"),
    ],
)
def test_a_wrong_split_is_refused(split, message):
    with pytest.raises(InputError, match=message):
        split.partition(KEYS)


def test_too_few_names_are_refused():
    keys = [RecordingKey("a", "v"), RecordingKey("b", "v"), RecordingKey("a", "w")]
    with pytest.raises(InputError, match="by users needs more than 2 users, found 2"):
        CrossUser().partition(keys)


def test_fractions_are_those_of_the_names():
    partition = CrossVideo(val_fraction=0.2, test_fraction=0.3).partition(KEYS)
    assert [len(part) for part in (partition.train, partition.val, partition.test)] == [60, 24, 36]


def test_the_seed_decides_and_the_order_of_recordings_does_not():
    def tested_videos(keys: list[RecordingKey], seed: int) -> set[str]:
        return {keys[i].video_id for i in CrossVideo(seed=seed).partition(keys).test}

    assert tested_videos(KEYS, 0) == tested_videos(KEYS[::-1], 0)
    assert len({frozenset(tested_videos(KEYS, seed)) for seed in range(10)}) > 3


def test_a_partition_refuses_a_recording_in_two_parts():
    with pytest.raises(InputError, match="two parts"):
        Partition(train=(0, 1), val=(2,), test=(1,))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LeaveOneUserOut(fold=-1), "fold must be a whole number of at least 0, got -1"),
        (lambda: CrossUser(-0.1, 0.5), "val_fraction must be a number from 0 to 1, got -0.1"),
    ],
)
def test_a_setting_out_of_its_range_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


SETTINGS = [(name, setting) for name, split in SPLITS.items() for setting in settings_of(split)]


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_every_setting_refuses_other_types(name, setting, wrong_values):
    wrong = wrong_values(settings_of(SPLITS[name])[setting])
    assert len(wrong) > 4
    for value in wrong:
        with pytest.raises(InputError, match=rf"^split.{setting} must be .*, got"):
            build(SPLITS, {"name": name, setting: value}, "split")
        with pytest.raises(InputError, match=rf"^{setting} must be"):
            SPLITS[name](**{setting: value})


@pytest.mark.parametrize(
    ("name", "setting", "value", "allowed"),
    [
        ("cross_video", "val_fraction", -0.1, "a number from 0 to 1"),
        ("cross_user", "test_fraction", 1.1, "a number from 0 to 1"),
        ("cross_user_and_video", "seed", -1, "a whole number from 0 to 4294967295"),
        ("cross_video", "seed", 2**32, "a whole number from 0 to 4294967295"),
        ("leave_one_user_out", "fold", -1, "a whole number of at least 0"),
    ],
)
def test_values_out_of_range_are_refused(name, setting, value, allowed):
    with pytest.raises(InputError, match=rf"^split.{setting} must be {allowed}, got"):
        build(SPLITS, {"name": name, setting: value}, "split")


def test_a_file_must_be_named():
    with pytest.raises(InputError, match=r"^split.path is missing; it must be a path"):
        build(SPLITS, {"name": "file"}, "split")
