"""Files of a study that are read together, mostly those of one recording."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from vpnet.errors import InputError
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.refusals import UNREADABLE
from vpnet.studies.recording_cache import content_key

LEAVE_OUT = "or leave the recording out"
"""What a reader's own message, which names a remedy, leaves to be said."""


@dataclass(frozen=True)
class StudyPart:
    """Files that are read together.

    Args:
        files: The files, which exist; their content decides whether a kept result still fits.
        read: Gives the recordings in them; a function of a module with its arguments, which are all
            that the result depends on besides the files.
        user_id: Who watched, as far as names of files tell.
        video_id: What was watched, likewise.
    """

    files: tuple[Path, ...]
    read: "partial[list[CheckedRecording]]"
    user_id: str = ""
    video_id: str = ""

    def key(self) -> str | None:
        """Under which the result is kept; None where a file cannot be read."""
        keywords = sorted(self.read.keywords.items())
        function = f"{self.read.func.__module__}.{self.read.func.__qualname__}"
        try:
            return content_key(self.files, repr((function, self.read.args, keywords)))
        except OSError:
            return None

    def checked(self) -> list[CheckedRecording]:
        """Read; what cannot be read at all comes as a finding."""
        threads = torch.get_num_threads()
        # Sums over some thousand rows are over before a second thread has woken up.
        torch.set_num_threads(1)
        try:
            return self.read()
        except InputError as error:
            source = str(self.files[0])
            # The message begins with the file, as a finding's own does.
            found = str(error).removeprefix(source).lstrip(":, ")
            return [
                CheckedRecording(
                    self.user_id,
                    self.video_id,
                    source,
                    recording=None,
                    findings=(UNREADABLE.broken(found, file=source, remedy=LEAVE_OUT),),
                )
            ]
        finally:
            torch.set_num_threads(threads)
