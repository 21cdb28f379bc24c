from vpnet.quality.exclusion import leave_out_refused
from vpnet.quality.inspection import inspect_study
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.refusals import HEAD_MISSING
from vpnet.studies.exclusions import read_exclusions

REFUSED = [
    CheckedRecording(user, "ride", f"study/{user}/ride", None, (HEAD_MISSING.broken("x"),))
    for user in ("S01", "S02")
]


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
