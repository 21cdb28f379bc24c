"""Finding the files of a study; reading them is in test_quest_pro.py."""

import pytest

from vpnet.errors import InputError
from vpnet.quest_pro.files import find_recordings
from vpnet.recordings.findings import Severity

STAMP = "20240501_103000"


@pytest.fixture
def study(tmp_path):
    """Function that makes empty files and gives the folder above them."""

    def make(*names):
        for name in names:
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        return tmp_path

    return make


def names(recordings):
    return [(one.user_id, one.video_id) for one in recordings]


def test_folders_in_the_order_of_names(study):
    root = study(
        *(f"{name}/head.csv" for name in ("P2/video_02", "P10/video_01", "P2/video_01")),
        *("notes.txt", ".cache/x/head.csv", "saliency/map.npy", "P2/questionnaire.json"),
    )
    expected = [("P10", "video_01"), ("P2", "video_01"), ("P2", "video_02")]
    assert names(find_recordings(root)) == expected


def test_flat_files_are_grouped(study):
    root = study(
        *(f"{name}_P1_video_02_take_{STAMP}.csv" for name in ("head", "eye", "face", "combined")),
        f"eye_P1_video_01_{STAMP}.csv",
        "P3/head_P3_video_01_20241399_000000.csv",
    )
    first, second, third = find_recordings(root)
    assert names([first, second]) == [("P1", "video_01"), ("P1", "video_02_take")]
    assert first.present == (root / f"eye_P1_video_01_{STAMP}.csv",)
    assert first.head is None
    assert second.recorded_at == "2024-05-01T10:30:00"
    assert second.source == str(root / f"P1_video_02_take_{STAMP}")
    assert [file.name.split("_")[0] for file in second.present] == [
        *("head", "eye", "face", "combined")
    ]
    assert third.user_id == "P3"
    assert third.recorded_at == "", "there is no thirteenth month"


def test_same_user_and_video_twice_are_two_recordings(study):
    root = study(
        f"head_P1_video_01_{STAMP}.csv",
        "head_P1_video_01_20240502_103000.csv",
        "P1/video_01/head.csv",
    )
    assert names(find_recordings(root)) == [("P1", "video_01")] * 3


def test_one_recording_can_be_named(study):
    root = study("P1/video_01/eye.csv", f"head_P2_video_01_{STAMP}.csv", f"eye_P2_b_{STAMP}.csv")
    for named in (root / "P1/video_01", root / "P1/video_01/eye.csv"):
        (recording,) = find_recordings(named)
        assert (recording.user_id, recording.video_id) == ("P1", "video_01")
        assert recording.head is None
    assert names(find_recordings(root / f"head_P2_video_01_{STAMP}.csv")) == [("P2", "video_01")]


def test_flat_file_without_a_time_is_passed_over_aloud(study, caplog):
    root = study(f"head_P1_video_01_{STAMP}.csv", "head_P2_video_01.csv")
    assert names(find_recordings(root)) == [("P1", "video_01")]
    assert "head_P2_video_01.csv: the name does not say what it holds" in caplog.text


def test_questionnaires_are_found_in_both_layouts(study):
    root = study(
        *("P1/video_01/head.csv", "P1/questionnaire.csv", "P2/video_01/head.csv"),
        *(f"head_P3_video_01_{STAMP}.csv", "questionnaire_P3.json"),
        *(f"P4/head_P4_video_01_{STAMP}.csv", "P4/questionnaire.json"),
    )
    expected = ["P1/questionnaire.csv", None, "questionnaire_P3.json", "P4/questionnaire.json"]
    found = [one.questionnaires for one in find_recordings(root)]
    assert found == [(root / name,) if name else () for name in expected]
    (alone,) = find_recordings(root / "P1" / "video_01")
    assert alone.questionnaires == (root / "P1/questionnaire.csv",)


def test_missing_root_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nowhere: no such folder; expected ROOT/<participant>"):
        find_recordings(tmp_path / "nowhere")


def test_root_without_recordings_is_refused(study):
    message = r"no recordings found, only readme\.txt; expected ROOT/<participant>/<video>/\{head"
    with pytest.raises(InputError, match=message):
        find_recordings(study("readme.txt"))


def test_root_above_the_study_is_refused(study):
    root = study("study/P1/video_01/head.csv", "work/notes/a.txt")
    with pytest.raises(InputError, match=rf"only study, work; .*; set root to {root / 'study'}"):
        find_recordings(root)


def test_participant_folder_as_root_is_refused(study):
    root = study("P1/video_01/head.csv", "P1/video_01/eye.csv")
    message = r"are one level too high, found eye\.csv, .*If P1 is a participant's folder, set root"
    with pytest.raises(InputError, match=message):
        find_recordings(root / "P1")


def test_folders_without_csv_files_are_passed_over_aloud(study, caplog):
    root = study("P1/video_01/head.csv", "results/plots/a.png", "P1/notes/b.txt")
    assert names(find_recordings(root)) == [("P1", "video_01")]
    for folder in ("results/plots", "P1/notes"):
        assert f"{root / folder}: there is no CSV file in it, passed over" in caplog.text


def test_names_in_capitals(study):
    root = study(
        *("P1/video_01/Head.csv", "P1/video_01/EYE.CSV", "P1/video_02/HEAD.CSV"),
        *("P1/video_02/head.csv", f"HEAD_P2_video_01_{STAMP}.CSV", f"eye_P2_video_01_{STAMP}.csv"),
    )
    first, both, flat = find_recordings(root)
    assert [file.name for file in first.present] == ["Head.csv", "EYE.CSV"]
    assert both.head == root / "P1/video_02/head.csv"
    assert names([flat]) == [("P2", "video_01")]
    assert len(flat.present) == 2
    (named,) = find_recordings(root / "P1/video_01/Head.csv")
    assert named == first


def test_folder_with_other_csv_files_is_a_recording_that_lacks_all(study):
    root = study("P1/video_01/head.csv", "P1/video_02/tracking.csv", "P1/video_02/readme.txt")
    known, unknown = find_recordings(root)
    assert known.others == ()
    assert unknown.present == ()
    assert unknown.others == (root / "P1/video_02/tracking.csv",)


def test_folder_tells_a_participant_with_an_underscore(study):
    root = study(*(f"{name}/head_{name}_vid_1_{STAMP}.csv" for name in ("P_01", "P_02", "p_1")))
    (root / "p_1" / f"head_p_1_vid_1_{STAMP}.csv").rename(
        root / "p_1" / f"head_P_1_vid_1_{STAMP}.csv"
    )
    recordings = find_recordings(root)
    assert names(recordings) == [("P_01", "vid_1"), ("P_02", "vid_1"), ("p_1", "vid_1")]
    assert not any(one.findings for one in recordings)
    assert names(find_recordings(root / "P_01")) == [("P_01", "vid_1")]


def test_participants_with_an_underscore_side_by_side_are_unclear(study):
    root = study(*(f"head_P_{number}_vid_1_{STAMP}.csv" for number in ("01", "02")))
    for recording in find_recordings(root):
        (found,) = recording.findings
        assert (found.code, found.severity) == ("participant_unclear", Severity.WARNING)
        assert "one participant, P, whose videos are all numbered (01_vid_1 to 02" in found.found
        assert found.file == str(root)


@pytest.mark.parametrize(
    "files",
    [
        ("P1_01_cat", "P2_02_cat"),
        ("P1_01_cat", "P1_dogs"),
        ("P1_01_cat",),
        ("P1_01_cat", "P1_01_dog"),
        ("P1_360_cat", "P1_4kdog"),
    ],
)
def test_participants_that_are_clear(study, files):
    for recording in find_recordings(study(*(f"head_{name}_{STAMP}.csv" for name in files))):
        assert recording.findings == ()


def test_one_participants_own_folder_is_clear(study):
    root = study(*(f"P1/head_P1_{video}_{STAMP}.csv" for video in ("01_cat", "02_dog")))
    assert not any(one.findings for one in find_recordings(root))


def test_part_of_a_study_keeps_its_questionnaire(study):
    root = study(
        *(f"S01/head_S01_video_01_{STAMP}.csv", "S01/questionnaire.json"),
        *(f"S02/head_S02_video_01_{STAMP}.csv", "questionnaire_S02.json"),
        *(f"day_1/head_S03_video_01_{STAMP}.csv", "questionnaire_S03.json"),
    )
    expected = (root / "S01/questionnaire.json",)
    assert [one.questionnaires for one in find_recordings(root)] == [
        expected,
        (root / "questionnaire_S02.json",),
        (root / "questionnaire_S03.json",),
    ]
    for named in (root / "S01", root / f"S01/head_S01_video_01_{STAMP}.csv"):
        (alone,) = find_recordings(named)
        assert alone.questionnaires == expected


def test_other_file_is_refused(study):
    with pytest.raises(InputError, match=r"ssq\.csv: no file of a Quest Pro recording has such a"):
        find_recordings(study("ssq.csv") / "ssq.csv")
