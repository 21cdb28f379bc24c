"""Studies of small text files, one recording each: ``<user>_<video>.txt`` holds a duration."""

import dataclasses
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from vpnet.errors import InputError
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import RULES, Rule, Severity
from vpnet.recordings.recording import Recording
from vpnet.studies.study import Study, StudyOptions
from vpnet.studies.study_reading import StudyPart

GAPS = Rule("playback_gaps", Severity.WARNING, "Gaps", meaning="Care.", remedy="record again")

reads: list[Path] = []
"""Files that were really read, not taken from the cache."""


def read_file(file: Path, *, scale: float = 1.0) -> list[CheckedRecording]:
    reads.append(file)
    user_id, video_id = file.stem.split("_")
    text = file.read_text()
    if text == "broken":
        raise InputError(f"{file}, line 1: a duration must be a number, found broken; correct it")
    findings = ()
    if text.startswith("turned"):
        findings = (RULES["euler_disagrees"].broken("the angles disagree", file=file),)
    elif text.startswith("gappy"):
        findings = (GAPS.broken("a gap", file=file),)
    elif text.startswith("headless"):
        findings = (RULES["head_missing"].broken("no head", file=file),)
    samples = 10 + int(scale * len(text))
    recording = Recording(
        user_id=user_id,
        video_id=video_id,
        source=str(file),
        timestamps_s=torch.arange(samples, dtype=torch.float64),
        viewport_center=torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64).repeat(samples, 1),
        head_valid=torch.ones(samples, dtype=torch.bool),
        answers={"age": 0.5},
    )
    return [CheckedRecording(user_id, video_id, str(file), recording, findings, {"rows": 3.0})]


@pytest.fixture
def make_study(tmp_path) -> Callable[..., Study]:
    """Function that writes files and makes a study of all that are there."""
    reads.clear()

    def make(contents: dict[str, str] | None = None, *, scale: float = 1.0, **options) -> Study:
        folder = tmp_path / "data"
        folder.mkdir(exist_ok=True)
        for name, content in (contents or {}).items():
            (folder / f"{name}.txt").write_text(content)
        parts = [
            StudyPart((file,), partial(read_file, file, scale=scale), *file.stem.split("_"))
            for file in sorted(folder.glob("*.txt"))
        ]
        return Study(parts, StudyOptions(**{"cache": tmp_path / "cache", **options}))

    return make


def test_a_study_is_read_anew_each_time(make_study):
    study = make_study({"a_1": "x", "a_2": "x"}, cache=False)
    assert [one.video_id for one in study] == ["1", "2"]
    assert [one.video_id for one in study] == ["1", "2"]
    assert len(reads) == 4


def test_nothing_is_read_before_it_is_asked_for(make_study):
    first = next(iter(make_study({"a_1": "x", "a_2": "x"})))
    assert first.video_id == "1"
    assert [file.stem for file in reads] == ["a_1"]


def test_what_was_read_is_kept(make_study):
    (before,) = make_study({"a_1": "x"}).checked()
    (after,) = make_study().checked()
    assert len(reads) == 1
    assert after.measurements == {"rows": 3.0}
    assert before.recording is not None
    assert after.recording is not None
    assert after.recording.answers == {"age": 0.5}
    torch.testing.assert_close(after.recording.timestamps_s, before.recording.timestamps_s)


def test_other_content_and_other_settings_are_read_anew(make_study):
    (before,) = make_study({"a_1": "x"})
    (changed,) = make_study({"a_1": "xx"})
    (scaled,) = make_study(scale=5.0)
    assert [one.samples for one in (before, changed, scaled)] == [11, 12, 20]
    list(make_study({"a_1": "x"}))
    assert len(reads) == 3, "the first content was kept"


@pytest.mark.parametrize("damage", ["not json", "[{}]", "[]["])
def test_a_damaged_entry_is_read_anew(make_study, tmp_path, damage):
    list(make_study({"a_1": "x"}))
    (entry,) = (tmp_path / "cache").glob("*.json")
    entry.write_text(damage)
    assert [one.samples for one in make_study()] == [11]
    assert [one.samples for one in make_study()] == [11]
    assert len(reads) == 2, "the damaged entry was replaced"


def test_a_lost_part_of_an_entry_is_read_anew(make_study, tmp_path):
    list(make_study({"a_1": "x"}))
    (samples,) = (tmp_path / "cache").glob("*.parquet")
    samples.unlink()
    assert [one.samples for one in make_study()] == [11]


def test_a_folder_that_cannot_be_written_does_no_harm(make_study, tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    study = make_study({"a_1": "x"}, cache=tmp_path / "file" / "cache")
    assert [one.samples for one in study] == [11]
    assert "not kept" in caplog.text


def test_a_refused_recording_stops_training_after_all_were_read(make_study):
    study = make_study({"a_1": "x", "a_2": "turned", "b_1": "broken", "b_2": "x"})
    used = []
    with pytest.raises(InputError) as refused:
        used.extend(study)
    message = str(refused.value)
    assert "2 recordings are refused" in message
    assert "a/2: " in message
    assert "the angles disagree" in message
    assert "b/1: " in message
    assert "a duration must be a number, found broken" in message
    assert "accept=[euler_disagrees]" in message, "the other cannot be accepted"
    assert "unreadable]" not in message


def test_one_refused_recording_gets_one_line(make_study):
    with pytest.raises(InputError) as refused:
        list(make_study({"a_1": "headless"}))
    assert "\n" not in str(refused.value)
    assert "accept" not in str(refused.value), "without a head there is nothing to accept"


def test_an_accepted_error_refuses_nothing(make_study):
    study = make_study({"a_1": "turned", "a_2": "x"}, accept=["euler_disagrees"])
    assert [one.video_id for one in study] == ["1", "2"]


def test_accepting_one_error_leaves_others_refused(make_study):
    study = make_study({"a_1": "headless", "a_2": "turned"}, accept=["euler_disagrees"])
    with pytest.raises(InputError, match="no head"):
        list(study)


@pytest.mark.parametrize(
    ("accept", "message"),
    [
        (["euler_disagree"], "did you mean euler_disagrees"),
        (["head_missing"], "no error that can be accepted is called 'head_missing'"),
        ("euler_disagrees", r"a list of codes, such as \[euler_disagrees\], got 'euler"),
    ],
)
def test_unknown_codes_are_refused(make_study, accept, message):
    with pytest.raises(InputError, match=message):
        make_study({"a_1": "x"}, accept=accept)


def test_excluded_recordings_are_left_out(make_study, tmp_path):
    (tmp_path / "exclude.csv").write_text("user,video\nb,\na,2\n")
    study = make_study(
        {"a_1": "x", "a_2": "turned", "b_1": "broken"}, exclude=tmp_path / "exclude.csv"
    )
    assert [one.video_id for one in study] == ["1"]


def test_an_exclusion_of_nothing_is_told(make_study, tmp_path, caplog):
    (tmp_path / "exclude.csv").write_text("user,video\nc,1\na,1\n")
    assert not list(make_study({"a_1": "x"}, exclude=tmp_path / "exclude.csv"))
    assert "1 lines meet no recording" in caplog.text
    assert "user='c'" in caplog.text


def test_warnings_are_told_once(make_study, caplog):
    with caplog.at_level(logging.WARNING):
        assert len(list(make_study({"a_1": "gappy", "a_2": "gappy", "a_3": "x"}))) == 3
    assert caplog.text.count("playback_gaps in 2") == 1


def test_no_worker_cannot_read(make_study):
    with pytest.raises(InputError, match="workers must be a whole number of at least 1"):
        make_study(workers=0)


def test_a_copy_under_another_name_is_refused(make_study, tmp_path):
    """What is tested on would else be what was trained on."""
    same = {"fingerprint": 7.0, "rows": 10.0}
    parts = [
        StudyPart((), partial(lambda one: [one], dataclasses.replace(one, measurements=same)))
        for one in make_study({"a_1": "x", "b_1": "x"}, cache=False).checked()
    ]
    with pytest.raises(InputError, match=r"b_1.txt: no two recordings .* found .*a_1.txt so"):
        list(Study(parts, StudyOptions(cache=False)))
    assert len(list(Study(parts, StudyOptions(cache=False, accept=["copied_recording"])))) == 2
    (tmp_path / "exclude.csv").write_text("user,video\nb,1\n")
    assert len(list(Study(parts, StudyOptions(cache=False, exclude=tmp_path / "exclude.csv")))) == 1


def note(one: CheckedRecording) -> CheckedRecording:
    """A check that finds the same in every recording."""
    return dataclasses.replace(one, findings=(*one.findings, GAPS.broken("a made-up finding")))


def test_a_check_adds_to_what_was_read_and_is_kept_apart(make_study):
    plain = make_study({"a_1": "x"})
    with_notes = plain.checked_by(note)
    for _ in range(2):
        ((read,), (noted,)) = plain.checked(), with_notes.checked()
        assert [one.found for one in noted.findings] == [
            *(one.found for one in read.findings),
            "a made-up finding",
        ]


def test_what_only_checks_need_is_let_go(make_study):
    source = CheckedRecording("a", "1", "a", None, measured_gaze=torch.zeros(2, 3), tables="raw")
    (one,) = StudyPart((), partial(list, [source])).checked()
    assert one.measured_gaze is None
    assert one.tables is None
