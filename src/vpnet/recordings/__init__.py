"""What the headset wrote: the `Recording` type, one reader per data set, resampling, fixations.

Every reader converts into the world frame of docs/CONVENTIONS.md and returns a list of recordings.
"""

from vpnet.recordings.recording import Recording

__all__ = ["Recording"]
