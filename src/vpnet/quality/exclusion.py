"""Adding the recordings that a check refuses to the file of those that are left out."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from vpnet.quality.checks.study import DUPLICATE_RECORDING
from vpnet.quality.inspection import Inspection
from vpnet.recordings.checked import CheckedRecording
from vpnet.studies.exclusions import Exclusion, read_exclusions, write_exclusions


def leave_out_refused(path: Path, inspection: Inspection) -> str:
    """Write the file that leaves the refused recordings out; what it holds already is kept.

    Args:
        path: File to write, or to add to.
        inspection: What was found.

    Returns:
        What was done, for people.

    Raises:
        InputError: There is a file, and it is no file of excluded recordings.
    """
    kept = read_exclusions(path) if path.exists() else []
    new = _beyond(kept, inspection)
    write_exclusions(path, new, kept)
    copies = Counter(one.name for one in new if _is_duplicate(one))
    return "\n".join(
        [
            f"to leave the refused out of training: data.exclude={path} ({len(new)} added, "
            f"{len(kept)} kept)",
            *(
                f"{'both' if count == 2 else f'all {count}'} recordings of {name} are left out; "
                "delete the line of the one to keep"
                for name, count in copies.items()
                if count > 1
            ),
        ]
    )


def _beyond(kept: Sequence[Exclusion], inspection: Inspection) -> list[CheckedRecording]:
    """The refused recordings that are still to be left out."""
    unmet = [
        one
        for one in inspection.refused
        if not any(line.meets(one.user_id, one.video_id, one.source) for line in kept)
    ]
    left = Counter(one.name for one in unmet)

    def chosen(one: CheckedRecording) -> bool:
        """Whether it is a duplicate whose others are left out: the one that somebody kept."""
        errors = {finding.code for finding in one.refusals(inspection.accepted)}
        return errors == {DUPLICATE_RECORDING.code} and left[one.name] == 1

    return [one for one in unmet if not chosen(one)]


def _is_duplicate(one: CheckedRecording) -> bool:
    return DUPLICATE_RECORDING.code in {finding.code for finding in one.findings}
