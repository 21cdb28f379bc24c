import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vpnet.dataset.splits import RecordingKey, SplitFile
from vpnet.errors import InputError

KEYS = [RecordingKey(user, video) for user in "abcde" for video in "uvwxyz"]
USERS = {"train": ["a", "b"], "val": ["c"], "test": ["d"]}
VIDEOS = {"train": ["u", "v", "w"], "val": ["x"], "test": ["y"]}
BENCHMARKS = (
    "david",
    "david_track",
    "wu_exp1",
    "xu_known_user_new_video",
    "xu_new_user_known_video",
    "xu_new_user_new_video",
)


@pytest.fixture
def write(tmp_path) -> Callable[[object], Path]:
    """Function that writes a JSON file."""

    def write_json(content: object) -> Path:
        path = tmp_path / "split.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return write_json


def names(keys: list[RecordingKey], part: tuple[int, ...]) -> tuple[set[str], set[str]]:
    return {keys[i].user_id for i in part}, {keys[i].video_id for i in part}


@pytest.mark.parametrize(
    ("content", "recordings", "users", "videos"),
    [
        ({"users": USERS}, (12, 6, 6), USERS, None),
        ({"users": USERS, "videos": "all"}, (12, 6, 6), USERS, None),
        ({"users": USERS, "videos": ["u", "z"]}, (4, 2, 2), USERS, None),
        ({"videos": VIDEOS}, (15, 5, 5), None, VIDEOS),
        ({"users": ["a", "e"], "videos": VIDEOS}, (6, 2, 2), None, VIDEOS),
        ({"users": USERS, "videos": VIDEOS}, (6, 1, 1), USERS, VIDEOS),
    ],
)
def test_recordings_go_where_user_and_video_agree(write, content, recordings, users, videos):
    partition = SplitFile(write(content)).partition(KEYS)
    parts = {"train": partition.train, "val": partition.val, "test": partition.test}
    assert tuple(map(len, parts.values())) == recordings
    for name, part in parts.items():
        found_users, found_videos = names(KEYS, part)
        assert users is None or found_users == set(users[name])
        assert videos is None or found_videos == set(videos[name])
        if isinstance(content.get("videos"), list):
            assert found_videos == set(content["videos"])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    users=st.lists(st.sampled_from(["train", "val", "test", None]), min_size=5, max_size=5),
    videos=st.lists(st.sampled_from(["train", "val", "test", None]), min_size=6, max_size=6),
)
def test_no_name_is_ever_in_two_parts(write, users, videos):
    content = {
        what: {
            part: [name for name, of in zip(all_names, parts, strict=True) if of == part]
            for part in ("train", "val", "test")
        }
        for what, all_names, parts in (("users", "abcde", users), ("videos", "uvwxyz", videos))
    }
    split = SplitFile(write(content))
    if not {"train", "val", "test"} <= set(users) & set(videos):
        with pytest.raises(InputError, match="holds no recording"):
            split.partition(KEYS)
        return
    partition = split.partition(KEYS)
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        for first, second in zip(
            names(KEYS, getattr(partition, one)),
            names(KEYS, getattr(partition, other)),
            strict=True,
        ):
            assert not first & second


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_published_protocols_keep_apart_what_they_say(name, shared, make_split):
    path = shared / "benchmarks" / f"{name}.json"
    content = json.loads(path.read_text())
    table = pl.read_parquet(
        shared / "data" / f"{content['dataset']}.parquet", columns=["user", "video"]
    )
    keys = [RecordingKey(*map(str, row)) for row in sorted(table.unique().rows())]
    partition = make_split("file", f"split.path={path}").partition(keys)
    parts = [names(keys, part) for part in (partition.train, partition.val, partition.test)]
    for position, what in enumerate(("users", "videos")):
        distinct = [part[position] for part in parts]
        apart = sum(map(len, distinct)) == len(set.union(*distinct))
        assert apart == isinstance(content.get(what, "all"), dict)


def test_every_protocol_is_tested(shared):
    assert {path.stem for path in (shared / "benchmarks").glob("*.json")} == set(BENCHMARKS)


def test_the_protocol_travels_with_the_split(write):
    split = SplitFile(write({"users": USERS, "history_s": 3, "horizon_s": 5.0, "why": "test"}))
    assert split.protocol == {"history_s": 3, "horizon_s": 5.0}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], r"is a JSON object, got \[1, 2\]"),
        ({}, "users or videos must be an object .* neither is"),
        ({"users": "all", "videos": ["u"]}, "users or videos must be an object .* neither is"),
        (
            {"users": {"train": ["a"]}},
            "users must be .* an object of the lists train, val and test",
        ),
        ({"users": {**USERS, "more": []}}, "users must be .* an object of the lists"),
        ({"videos": {**VIDEOS, "val": "x"}}, "videos must be .* an object of the lists"),
        ({"videos": {**VIDEOS, "val": [3]}}, "videos must be .* an object of the lists"),
        ({"users": "some"}, "users must be .* got 'some'"),
        ({"users": {**USERS, "val": ["c", "a"]}}, "users are listed twice: a"),
        ({"users": {**USERS, "val": ["c", "c"]}}, "users are listed twice: c"),
        ({"users": USERS, "history_s": "long"}, "history_s must be a number, got 'long'"),
        ({"users": USERS, "horizon_s": None}, "horizon_s must be a number, got None"),
    ],
)
def test_a_wrong_file_is_refused(write, content, message):
    path = write(content)
    with pytest.raises(InputError, match=message) as caught:
        SplitFile(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none.json: split file not found; check split.path"):
        SplitFile(tmp_path / "none.json")


@pytest.mark.parametrize("content", [b"users: all", b"\xff\xfe", b""])
def test_what_is_not_json_is_refused(tmp_path, content):
    path = tmp_path / "split.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"split.json: a split file is a JSON object: "):
        SplitFile(path)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="a split file is a JSON object: "):
        SplitFile(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"users": {**USERS, "val": ["c", "q"]}}, r"names 1 users .* q; the data have a, b, c"),
        ({"users": USERS, "videos": ["u", "1", "2"]}, r"names 2 videos .*: 1, 2; the data have u"),
    ],
)
def test_names_that_the_data_do_not_have_are_refused(write, content, message):
    with pytest.raises(InputError, match=message):
        SplitFile(write(content)).partition(KEYS)


def test_an_empty_part_is_refused(write):
    content = {"users": {"train": ["a"], "val": [], "test": ["b"]}}
    with pytest.raises(InputError, match="the val part of the split holds no recording"):
        SplitFile(write(content)).partition(KEYS)
