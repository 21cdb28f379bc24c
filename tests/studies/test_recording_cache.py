import dataclasses
import os
import time

import pytest
import torch

from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import Rule, Severity
from vpnet.simulation.simulated_study import simulate_recordings
from vpnet.studies.study_reading import (
    UNUSED_DAYS,
    RecordingCache,
    content_key,
    default_folder,
)

RULE = Rule("playback_gaps", Severity.WARNING, "Gaps", meaning="Care.", remedy="record again")


@pytest.fixture(scope="module")
def checked() -> list[CheckedRecording]:
    """One recording with all streams, one with the head only, one that could not be read."""
    (full,) = simulate_recordings(users=1, videos=1, duration_s=8.0)
    full = dataclasses.replace(full, answers={"age": 0.25})
    absent = dict.fromkeys(
        ("gaze_direction", "gaze_valid", "gaze_offset_deg", "is_fixating", "fixation_duration_s")
    )
    bare = dataclasses.replace(full, **absent, face=None, face_names=(), face_valid=None)
    finding = RULE.broken("a gap", file="head.csv", lines=[(3, 4)], rows=2)
    return [
        CheckedRecording("a", "1", "a/1", full, (finding,), {"rows": 7.5}, "2026-01-02T03:04:05"),
        CheckedRecording("a", "2", "a/2", bare),
        CheckedRecording("a", "3", "a/3", None, (finding, finding)),
    ]


def test_what_is_stored_is_loaded(tmp_path, checked):
    cache = RecordingCache(tmp_path / "deep" / "folder")
    cache.store("key", checked)
    loaded = cache.load("key")
    assert loaded is not None
    for before, after in zip(checked, loaded, strict=True):
        plain = dataclasses.replace(after, recording=None)
        assert vars(plain) == vars(dataclasses.replace(before, recording=None))
        if before.recording is None:
            assert after.recording is None
            continue
        assert after.recording is not None
        for name, value in vars(before.recording).items():
            kept = getattr(after.recording, name)
            if isinstance(value, torch.Tensor):
                assert torch.equal(kept, value), name
                assert kept.dtype == value.dtype
            else:
                assert kept == value, name


def test_an_unknown_key_holds_nothing(tmp_path):
    cache = RecordingCache(tmp_path)
    assert cache.load("key") is None
    assert not cache.holds("key")


def test_what_is_discarded_is_gone(tmp_path, checked):
    cache = RecordingCache(tmp_path)
    cache.store("key", checked)
    cache.store("other", checked)
    cache.discard("key")
    assert cache.load("key") is None
    assert cache.holds("other")
    assert not list(tmp_path.glob("key*"))


def test_an_entry_is_small(tmp_path, checked):
    RecordingCache(tmp_path).store("key", checked[:1])
    recording = checked[0].recording
    assert recording is not None
    tensors = [value for value in vars(recording).values() if isinstance(value, torch.Tensor)]
    in_memory = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 0.5 * in_memory


def test_what_was_not_used_for_long_is_deleted_and_nothing_else(tmp_path, checked):
    """The folder may be one of the user's own, with other files in it."""
    cache = RecordingCache(tmp_path)
    long_ago_s = time.time() - (UNUSED_DAYS + 1) * 24 * 3600
    unused, used = "0123456789abcdef" * 2, "f" * 32
    for key in (unused, used):
        cache.store(key, checked)
    others = [tmp_path / name for name in ("package.json", "package-lock.json", "package.py")]
    for other in others:
        other.write_text("{}")
    for file in tmp_path.glob("*.json"):
        os.utime(file, (long_ago_s, long_ago_s))
    assert cache.load(used) is not None
    cache.prune()
    assert not list(tmp_path.glob(f"{unused}*"))
    assert cache.load(used) is not None
    assert all(other.is_file() for other in others)


def test_a_key_depends_on_content_name_and_settings(tmp_path):
    file, twin = tmp_path / "head.csv", tmp_path / "eye.csv"
    file.write_text("1")
    twin.write_text("1")
    keys = {content_key([file], "a"), content_key([file], "b"), content_key([twin], "a")}
    keys.add(content_key([file, twin], "a"))
    file.write_text("2")
    keys.add(content_key([file], "a"))
    assert len(keys) == 5
    file.write_text("1")
    assert content_key([file], "a") in keys


def test_the_user_chooses_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("VPNET_CACHE", str(tmp_path))
    assert default_folder() == tmp_path / "recordings"
    monkeypatch.delenv("VPNET_CACHE")
    assert default_folder().parts[-2:] == ("vpnet", "recordings")
