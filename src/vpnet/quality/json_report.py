"""An inspection for machines.

The file is one JSON object::

    format              "vpnet check", always
    version             1; a change that breaks readers of the file raises it
    vpnet_version       the version that wrote it
    totals              recordings, users, videos (numbers), hours,
                        and good, care, refused (numbers of recordings)
    accepted            codes of errors that were accepted, a list
    study_findings      what concerns the study as a whole, a list of findings
    recordings          a list, in the order in which they were read:
        user_id, video_id, source, started_at    texts; empty where unknown
        verdict         "good", "care" (warnings) or "refused" (errors)
        measurements    numbers by name; null where one is not finite
        findings        a list of findings

A finding has code, severity ("error", "warning", "note"), title, found, meaning, remedy, accepted
(what accepting the error does, or null), file, lines (pairs of first and last line, the first few)
and rows (how many are concerned).
"""

import json
import math
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vpnet.quality.inspection import InspectedRecording, Inspection
from vpnet.whole_files import write_text

FORMAT = "vpnet check"
VERSION = 1


def write_json_report(path: str | Path, inspection: Inspection) -> None:
    """Write the file, whole or not at all.

    Args:
        path: File to write.
        inspection: What to say in it.
    """
    text = json.dumps(json_report(inspection), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def json_report(inspection: Inspection) -> dict[str, Any]:
    """What the file holds, as plain values."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "vpnet_version": version("vpnet"),
        "totals": {
            "recordings": len(inspection.recordings),
            "users": len(inspection.users),
            "videos": len(inspection.videos),
            "hours": inspection.hours,
            **{verdict.value: count for verdict, count in inspection.counts.items()},
        },
        "accepted": list(inspection.accepted),
        "study_findings": [finding.to_dict() for finding in inspection.findings],
        "recordings": [_recording(one) for one in inspection.recordings],
    }


def finite_measurements(one: InspectedRecording) -> dict[str, float | None]:
    """The measurements of a recording, None where JSON has no number for one."""
    return {
        name: value if math.isfinite(value) else None
        for name, value in one.checked.measurements.items()
    }


def _recording(one: InspectedRecording) -> dict[str, Any]:
    return {
        "user_id": one.checked.user_id,
        "video_id": one.checked.video_id,
        "source": one.checked.source,
        "started_at": one.checked.started_at,
        "verdict": one.verdict.value,
        "measurements": finite_measurements(one),
        "findings": [finding.to_dict() for finding in one.checked.findings],
    }
