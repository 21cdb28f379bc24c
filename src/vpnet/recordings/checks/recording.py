"""All checks that need nothing but a recording, and therefore fit every data set."""

from vpnet.recordings.checks.face import check_face
from vpnet.recordings.checks.gaze import check_gaze
from vpnet.recordings.checks.gaze_offset import check_gaze_offset
from vpnet.recordings.checks.head import check_head
from vpnet.recordings.checks.playback import check_playback
from vpnet.recordings.findings import Finding
from vpnet.recordings.recording import Recording


def check_recording(recording: Recording, file: str = "") -> tuple[list[Finding], dict[str, float]]:
    """What is wrong with a recording, and what was measured on the way.

    Args:
        recording: Any recording.
        file: The file or folder that messages name.

    Returns:
        Findings in the order clock, head, gaze, face; finite numbers by name. A number that this
        recording does not have, such as a rate of gaze without gaze, is absent.
    """
    findings: list[Finding] = []
    measurements: dict[str, float] = {}
    for check in (check_playback, check_head, check_gaze, check_gaze_offset, check_face):
        found, measured = check(recording, file)
        findings += found
        measurements |= measured
    return findings, measurements
