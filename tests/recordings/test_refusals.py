from vpnet.recordings.findings import Severity
from vpnet.recordings.refusals import ACCEPTABLE, REFUSALS


def test_every_refusal_is_an_error_with_a_code_of_its_own():
    assert all(rule.severity is Severity.ERROR for rule in REFUSALS)
    assert len({rule.code for rule in REFUSALS}) == len(REFUSALS)


def test_what_leaves_nothing_to_use_cannot_be_accepted():
    assert not {"unreadable", "head_missing", "never_played"} & ACCEPTABLE.keys()
    assert {"playback_steps_back", "euler_disagrees"} <= ACCEPTABLE.keys()
