"""What a command that computes says of this machine before it starts, where something is wrong."""

from vpnet.runtime.device import unused_card
from vpnet.video.torch_companions import companion_complaints, warn_once


def warn_of_machine() -> None:
    """A line on a card that torch cannot use, and on packages that do not belong together."""
    for complaint in (unused_card(), *companion_complaints()):
        if complaint is not None:
            warn_once(complaint)
