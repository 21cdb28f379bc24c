import logging
import os
from functools import partial
from pathlib import Path

import pytest
import torch

from vpnet.quality.checking import with_checks
from vpnet.quest_pro.reader import read_quest_pro
from vpnet.recordings.checked import CheckedRecording
from vpnet.simulation.simulated_study import write_simulated_study
from vpnet.studies import study_reading
from vpnet.studies.study import StudyOptions
from vpnet.studies.study_reading import StudyPart, read_parts

RECORDINGS = 8


@pytest.fixture(autouse=True)
def _several_processes_for_few_recordings(monkeypatch):
    """Each process imports torch, which takes longer than to read what is simulated here."""
    monkeypatch.setattr(study_reading, "PARALLEL_FROM", RECORDINGS)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A simulated study large enough to be read by several processes, one recording broken."""
    root = tmp_path_factory.mktemp("many") / "study"
    write_simulated_study(root, users=4, videos=2, duration_s=1.0, saliency=False)
    (root / "S03" / "simulated_02" / "head.csv").write_text("broken")
    return root


@pytest.fixture(scope="module")
def alone(root) -> list[CheckedRecording]:
    """What one process reads."""
    study = with_checks(read_quest_pro(root, study=StudyOptions(workers=1, cache=False)))
    checked = list(study.checked())
    assert len(checked) == RECORDINGS
    assert sum(one.recording is None for one in checked) == 1
    assert sum("row_rate_hz" in one.measurements for one in checked) == RECORDINGS - 1
    return checked


def assert_same(read: list[CheckedRecording], expected: list[CheckedRecording]) -> None:
    for one, other in zip(read, expected, strict=True):
        assert (one.user_id, one.video_id) == (other.user_id, other.video_id)
        assert one.findings == other.findings
        assert one.measurements == other.measurements
        assert (one.recording is None) == (other.recording is None)
        if one.recording is not None and other.recording is not None:
            assert torch.equal(one.recording.viewport_center, other.recording.viewport_center)
            assert one.recording.face is not None
            assert other.recording.face is not None
            assert torch.equal(one.recording.face, other.recording.face)


def test_several_processes_read_what_one_reads_and_leave_nothing(
    root, alone, tmp_path, monkeypatch
):
    monkeypatch.setenv("VPNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    study = with_checks(read_quest_pro(root, study=StudyOptions(workers=2, cache=False)))
    assert_same(list(study.checked()), alone)
    assert not list(tmp_path.iterdir())


def test_a_process_that_is_killed_stops_nothing(root, alone, tmp_path, caplog):
    parts = list(with_checks(read_quest_pro(root)).parts)
    # A function that every process can import, and that ends the one that calls it.
    parts[2] = StudyPart((), partial(os._exit, 1))
    reading = read_parts(parts, tmp_path, 2)
    with caplog.at_level(logging.WARNING):
        read = next(reading) + next(reading)
        assert list(tmp_path.glob("*.json")), "another process keeps what it reads"
        parts[2] = StudyPart((), partial(list))
        read += [one for part in reading for one in part]
    assert_same(read, alone[:2] + alone[3:])
    assert "ended from outside" in caplog.text


def test_a_study_may_be_left_half_read(root, tmp_path):
    parts = [StudyPart((), partial(list)), *read_quest_pro(root).parts]
    assert list(read_parts(parts[:1], tmp_path, 2)) == [[]]
    reading = read_parts(parts, tmp_path, 2)
    assert next(reading) == [], "this one is kept already, others have begun to read the rest"
    reading.close()


def test_a_file_that_changes_while_it_is_read_is_not_kept(tmp_path):
    file = tmp_path / "a.txt"

    def read() -> list[CheckedRecording]:
        seen = file.read_text()
        file.write_text("after")
        return [CheckedRecording("a", "v", seen, None)]

    def source() -> str:
        part = StudyPart((file,), partial(read))
        ((one,),) = read_parts([part], tmp_path / "cache", 1)
        return one.source

    file.write_text("before")
    assert source() == "before"
    assert source() == "after"
    file.write_text("before")
    assert source() == "before", "what was read as 'before' was not kept, nor what came after"


def test_a_file_that_cannot_be_read_is_not_kept(tmp_path):
    """A folder in the place of a file cannot be read whoever asks."""
    part = StudyPart((tmp_path,), partial(list))
    assert part.key() is None
    assert list(read_parts([part], tmp_path / "cache", 1)) == [[]]
    assert not list((tmp_path / "cache").glob("*"))
