import pytest

from vpnet.errors import InputError
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import RULES
from vpnet.studies.exclusions import read_exclusions, write_exclusions


def test_what_is_written_is_read(tmp_path):
    refused = [
        CheckedRecording(
            "P1", "v 1, long", "study/P1/v 1, long", None, (RULES["head_missing"].broken("x"),)
        ),
        CheckedRecording(
            "P2", "v2", "study/P2/v2", None, (RULES["playback_steps_back"].broken("x"),) * 2
        ),
    ]
    write_exclusions(tmp_path / "exclude.csv", refused)
    exclusions = read_exclusions(tmp_path / "exclude.csv")
    assert [one.reason for one in exclusions] == ["head_missing", "playback_steps_back"]
    for line, one in zip(exclusions, refused, strict=True):
        assert line.meets(one.user_id, one.video_id, one.source)
        assert not line.meets("P3", one.video_id, one.source)
        assert not line.meets(one.user_id, one.video_id, "study/P1/another")


def test_an_empty_cell_stands_for_all(tmp_path):
    file = tmp_path / "exclude.csv"
    file.write_text("\ufeffvideo,user\n# a comment\n,P1\nv2,\n", encoding="utf-8")
    person, video = read_exclusions(file)
    assert person.meets("P1", "any", "anywhere")
    assert not person.meets("P2", "any", "anywhere")
    assert video.meets("P2", "v2", "anywhere")


def test_nothing_refused_gives_a_file_that_leaves_nothing_out(tmp_path):
    write_exclusions(tmp_path / "exclude.csv", [])
    assert read_exclusions(tmp_path / "exclude.csv") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("", "must be CSV"),
        ("person,video\nP1,v1\n", "columns user and video"),
        ("user,video,sorce\nP1,,x\n", "found sorce as well"),
        ("user,video\nP1,v1\n,\n", "recording 2 of the list: a line must name"),
        ("user,video\nP1,v1,x,y,z\n", "must be CSV"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    file = tmp_path / "exclude.csv"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError, match=message):
        read_exclusions(file)


def test_a_name_like_a_comment_is_kept(tmp_path):
    refused = [CheckedRecording("#1", "v", "#1/v", None, (RULES["head_missing"].broken("x"),))]
    write_exclusions(tmp_path / "exclude.csv", refused)
    (line,) = read_exclusions(tmp_path / "exclude.csv")
    assert line.meets("#1", "v", "#1/v")
