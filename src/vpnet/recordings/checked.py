"""A recording together with what was found in it, by its reader and by the checks."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from torch import Tensor

from vpnet.recordings.findings import Finding, Severity
from vpnet.recordings.recording import Recording


@dataclass(frozen=True, eq=False)
class CheckedRecording:
    """What reading one recording gave.

    Args:
        user_id: Who watched; empty where unknown.
        video_id: What was watched; likewise.
        source: The file or folder it was read from.
        recording: None where it could not be read at all. Where there are errors it is what
            training would use if they were accepted.
        findings: What was found, in the order of the checks.
        measurements: Numbers about the recording, such as ``row_rate_hz``, by name.
        started_at: When the viewing began, where the files say so, as text whose order is that of
            time (ISO 8601); empty otherwise.
        measured_gaze: The result of `vpnet.recordings.gaze.measured_gaze`, for the checks, shape
            ``(samples, 3)``; None where there is no gaze.
        tables: The source's own tables, for the checks that read them; None where there are none.
    """

    user_id: str
    video_id: str
    source: str
    recording: Recording | None
    findings: tuple[Finding, ...] = ()
    measurements: dict[str, float] = field(default_factory=dict)
    started_at: str = ""
    measured_gaze: Tensor | None = None
    tables: object = None

    @property
    def name(self) -> str:
        """User and video, for messages; the source where they are unknown."""
        return f"{self.user_id}/{self.video_id}" if self.user_id and self.video_id else self.source

    def without_source(self) -> "CheckedRecording":
        """The same without what only the checks need."""
        return replace(self, measured_gaze=None, tables=None)

    def refusals(self, accept: Collection[str] = ()) -> list[Finding]:
        """The errors for which the recording is refused.

        Args:
            accept: Codes of errors that are accepted.
        """
        return [
            finding
            for finding in self.findings
            if finding.severity is Severity.ERROR
            and (finding.accepted is None or finding.code not in accept)
        ]
