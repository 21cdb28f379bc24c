import weakref
from functools import partial

import pytest

from vpnet.quality.inspection import Verdict, inspect_study, leave_out_refused
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import RULES, Severity
from vpnet.studies.exclusions import read_exclusions
from vpnet.studies.study import Study, StudyOptions
from vpnet.studies.study_reading import StudyPart

REFUSED = [
    CheckedRecording(user, "ride", f"study/{user}/ride", None, (RULES["head_missing"].broken("x"),))
    for user in ("S01", "S02")
]


@pytest.fixture(scope="module")
def inspection(study):
    return inspect_study(study)


def test_every_recording_has_its_verdict(inspection, nasty):
    verdicts = {one.checked.name: one.verdict for one in inspection.recordings}
    assert verdicts == {
        f"{nasty}/ride": Verdict.CARE,
        f"{nasty}/walk": Verdict.CARE,
        "B/ride": Verdict.REFUSED,
        "B/walk": Verdict.GOOD,
        "C/ride": Verdict.GOOD,
        "study/torn.csv": Verdict.REFUSED,
    }
    assert inspection.counts == {Verdict.GOOD: 2, Verdict.CARE: 2, Verdict.REFUSED: 2}
    assert [one.name for one in inspection.refused] == ["B/ride", "study/torn.csv"]


def test_an_accepted_error_asks_for_care(study):
    accepting = inspect_study(
        Study(study.parts, StudyOptions(accept=["euler_disagrees"], cache=False, workers=1))
    )
    verdicts = {one.checked.name: one.verdict for one in accepting.recordings}
    assert verdicts["B/ride"] is Verdict.CARE
    assert verdicts["study/torn.csv"] is Verdict.REFUSED, "there is nothing to use"
    assert accepting.accepted == ("euler_disagrees",)


def test_totals_count_what_is_known(inspection, nasty):
    assert inspection.users == (nasty, "B", "C")
    assert inspection.videos == ("ride", "walk")
    assert inspection.hours == pytest.approx(5 * 1499 / 72 / 3600)
    assert inspection.length == "2 minutes"
    assert [finding.code for finding in inspection.findings] == ["recording_missing"]


def test_codes_come_gravest_and_most_frequent_first(inspection, nasty):
    codes = {one.finding.code: one for one in inspection.codes}
    assert set(list(codes)[:2]) == {"euler_disagrees", "unreadable"}
    assert list(codes)[2:] == ["gaze_lost", "pupil_not_measured", "recording_missing"]
    assert codes["gaze_lost"].recordings == (0, 1)
    assert codes["gaze_lost"].example == f"{nasty}/ride"
    assert codes["pupil_not_measured"].recordings == (0, 1, 2, 3)
    assert codes["recording_missing"].recordings == ()
    assert codes["recording_missing"].of_study == inspection.findings
    assert codes["euler_disagrees"].finding.severity is Severity.ERROR


def test_the_worst_come_first_and_the_good_last(inspection):
    worst = inspection.worst_first()
    assert {one.checked.name for one in worst[:2]} == {"B/ride", "study/torn.csv"}
    assert [one.verdict is Verdict.GOOD for one in worst] == [False] * 4 + [True] * (len(worst) - 4)
    (refused, noted) = inspection.recordings[2].worst_findings()
    assert (refused.code, noted.code) == ("euler_disagrees", "pupil_not_measured")


def test_errors_weigh_more_than_warnings_and_many_more_than_few(as_study):
    error, warning = RULES["euler_disagrees"].broken("x"), RULES["starts_late"].broken("x")
    findings = {
        "two warnings": (warning,) * 2,
        "an error": (error, warning),
        "four warnings": (warning,) * 4,
        "two errors": (error,) * 2,
        "an error, two warnings": (error, *(warning,) * 2),
        "good": (),
    }
    checked = (CheckedRecording(name, "v", name, None, found) for name, found in findings.items())
    worst = inspect_study(as_study(*checked)).worst_first()
    assert [one.checked.user_id for one in worst] == [
        "two errors",
        "an error, two warnings",
        "an error",
        "four warnings",
        "two warnings",
        "good",
    ]


def test_a_recording_of_no_known_video_counts_no_person(as_study):
    inspection = inspect_study(as_study(CheckedRecording("B", "", "study/B", None)))
    assert (inspection.users, inspection.videos) == ((), ())


@pytest.mark.parametrize(
    ("duration_s", "length"),
    [(60.0, "1 minute"), (600.0, "10 minutes"), (3590.0, "60 minutes"), (5400.0, "1.5 hours")],
)
def test_the_length_is_told_in_words(as_study, duration_s, length):
    measurements = {"duration_s": duration_s}
    one = CheckedRecording("B", "v", "study", None, measurements=measurements)
    assert inspect_study(as_study(one)).length == length


def test_recordings_are_let_go_one_by_one(make_recording):
    alive: list[weakref.ref] = []

    def read(number: int) -> list[CheckedRecording]:
        assert sum(one() is not None for one in alive) <= 1, "earlier recordings are still held"
        recording = make_recording("B", f"video_{number}")
        alive.append(weakref.ref(recording))
        return [CheckedRecording("B", f"video_{number}", "study", recording)]

    parts = [StudyPart((), partial(read, number)) for number in range(5)]
    inspection = inspect_study(Study(parts, StudyOptions(cache=False, workers=1)))
    assert not any(one() for one in alive)
    assert all(one.checked.recording is None for one in inspection.recordings)
    assert all(one.trace is not None for one in inspection.recordings)


def test_what_only_the_whole_study_shows_is_added(make_recording):
    """A viewer and a video that are there twice."""
    parts = [
        StudyPart(
            (), partial(lambda: [CheckedRecording("B", "ride", "x", make_recording("B", "ride"))])
        )
        for _ in range(2)
    ]
    inspection = inspect_study(Study(parts, StudyOptions(cache=False, workers=1)))
    assert "duplicate_recording" in {one.finding.code for one in inspection.codes}
    assert inspection.refused


def test_a_recording_shorter_than_its_video_is_found(study):
    inspection = inspect_study(study, {"ride": 60.0})
    found = {one.finding.code: one.recordings for one in inspection.codes}
    assert found["ends_early"] == (0, 2, 4)


def test_what_people_wrote_is_kept(as_study, tmp_path):
    file = tmp_path / "exclude.csv"
    file.write_text("# by hand\nuser,video,source,reason\nS01,,,withdrew consent\n")
    inspection = inspect_study(as_study(*REFUSED))
    assert "(1 added, 1 kept)" in leave_out_refused(file, inspection)
    lines = [(one.user, one.video, one.reason) for one in read_exclusions(file)]
    assert lines == [("S01", "", "withdrew consent"), ("S02", "ride", "head_missing")]
    assert file.read_text().startswith("# by hand\n")
    before = file.read_bytes()
    assert "(0 added, 2 kept)" in leave_out_refused(file, inspection)
    assert file.read_bytes() == before


def test_of_duplicates_the_user_says_which_to_keep(as_study, make_recording, tmp_path):
    file = tmp_path / "exclude.csv"
    copies = (
        CheckedRecording("S01", "ride", f"study/S01/{name}", make_recording("S01", "ride"))
        for name in ("first", "second")
    )
    inspection = inspect_study(as_study(*copies))
    said = leave_out_refused(file, inspection)
    assert "both recordings of S01/ride are left out; delete the line of the one to keep" in said
    header, first, _second = file.read_text().splitlines(keepends=True)
    file.write_text(header + first)
    said = leave_out_refused(file, inspection)
    assert "(0 added, 1 kept)" in said, "the one that was kept is not left out again"
    assert "both" not in said
