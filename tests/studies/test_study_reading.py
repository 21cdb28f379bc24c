import logging
import os
from functools import partial
from pathlib import Path

import pytest
import torch

from vpnet.quest_pro.reader import read_quest_pro
from vpnet.recordings.checked import CheckedRecording
from vpnet.simulation.study import write_simulated_study
from vpnet.studies.study import StudyOptions
from vpnet.studies.study_part import StudyPart
from vpnet.studies.study_reading import PARALLEL_FROM, read_parts


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    """A simulated study large enough to be read by several processes, one recording broken."""
    root = tmp_path_factory.mktemp("many") / "study"
    write_simulated_study(root, users=8, videos=PARALLEL_FROM // 8, duration_s=1.0, saliency=False)
    (root / "S03" / "simulated_02" / "head.csv").write_text("broken")
    return root


def test_several_processes_read_what_one_reads(many, tmp_path):
    alone = list(read_quest_pro(many, study=StudyOptions(workers=1, cache=False)).checked())
    together = list(read_quest_pro(many, study=StudyOptions(workers=2, cache=tmp_path)).checked())
    kept = list(read_quest_pro(many, study=StudyOptions(workers=2, cache=tmp_path)).checked())
    assert sum(one.recording is None for one in alone) == 1
    for others in (together, kept):
        for one, other in zip(alone, others, strict=True):
            assert (one.user_id, one.video_id) == (other.user_id, other.video_id)
            assert one.findings == other.findings
            assert one.measurements == other.measurements
            if one.recording is not None and other.recording is not None:
                assert torch.equal(one.recording.viewport_center, other.recording.viewport_center)
                assert one.recording.face is not None
                assert other.recording.face is not None
                assert torch.equal(one.recording.face, other.recording.face)


def test_several_processes_without_a_cache_leave_nothing(many, tmp_path, monkeypatch):
    monkeypatch.setenv("VPNET_CACHE", str(tmp_path / "cache"))
    study = read_quest_pro(many, study=StudyOptions(workers=2, cache=False))
    assert len(list(study.checked())) == len(study)
    first = next(iter(study))
    assert first.user_id == "S01", "a study may be left half read"
    assert not (tmp_path / "cache").exists()


def test_a_process_that_is_killed_stops_nothing(many, caplog):
    parts = list(read_quest_pro(many).parts)
    # A function that every process can import, and that ends the one that calls it.
    deadly = StudyPart((), partial(os._exit, 1))
    parts[2] = deadly
    reading = read_parts(parts, None, 2)
    with caplog.at_level(logging.WARNING):
        assert [next(reading)[0].user_id for _ in range(2)] == ["S01", "S01"]
        parts[2] = StudyPart((), partial(list))
        assert [len(part) for part in reading] == [0] + [1] * (PARALLEL_FROM - 3)
    assert "ended from outside" in caplog.text


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
