"""Names of run folders that can be pasted into a shell and into an override of Hydra's."""

import re

from omegaconf import OmegaConf

LONGEST = 120
"""Characters of a name; file systems take 255 bytes."""


def folder_name(text: str) -> str:
    """A name of letters, digits, dots, underscores and hyphens alone.

    Args:
        text: Any text, such as the settings of one run of a sweep.

    >>> folder_name("3_model.streams-[head,eye]_data.path-My File.csv")
    '3_model.streams-head-eye_data.path-My-File.csv'
    """
    name = re.sub(r"[^A-Za-z0-9._]+", "-", text)
    return re.sub(r"-*_-*", "_", name)[:LONGEST].strip("-_")


def register_folder_names() -> None:
    """Let configurations say ``${folder_name:TEXT}``."""
    OmegaConf.register_new_resolver(
        "folder_name", lambda text: folder_name(str(text)), replace=True
    )
