"""All checks that need nothing but a recording, and therefore fit every data set."""

from torch import Tensor

from vpnet.quality.checks.face import check_face
from vpnet.quality.checks.gaze import check_gaze
from vpnet.quality.checks.gaze_offset import check_gaze_offset
from vpnet.quality.checks.head import check_head
from vpnet.quality.checks.playback import check_playback
from vpnet.recordings.findings import Finding
from vpnet.recordings.gaze import measured_gaze
from vpnet.recordings.recording import Recording


def check_recording(
    recording: Recording, file: str = "", gaze_measured: Tensor | None = None
) -> tuple[list[Finding], dict[str, float]]:
    """What is wrong with a recording, and what was measured on the way.

    Args:
        recording: Any recording.
        file: The file or folder that messages name.
        gaze_measured: The result of `vpnet.recordings.gaze.measured_gaze` on the source's gaze,
            shape ``(samples, 3)``: it tells what was lost from what was masked since eyes cannot
            turn there. None takes all that the recording masks for lost.

    Returns:
        Findings in the order clock, head, gaze, face; finite numbers by name. A number that this
        recording does not have, such as a rate of gaze without gaze, is absent.
    """
    gaze, valid = recording.gaze_direction, recording.gaze_valid
    if gaze_measured is None and gaze is not None and valid is not None:
        gaze_measured = measured_gaze(gaze, valid)
    results = (
        check_playback(recording, file),
        check_head(recording, file),
        check_gaze(recording, file, gaze_measured),
        check_gaze_offset(recording, file, gaze_measured),
        check_face(recording, file),
    )
    findings: list[Finding] = []
    measurements: dict[str, float] = {}
    for found, measured in results:
        findings += found
        measurements |= measured
    return findings, measurements
