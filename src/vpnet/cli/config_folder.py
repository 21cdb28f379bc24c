"""Where the configurations of train.py and predict.py are: in a clone, or in the package."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_CLONE = _PACKAGE.parents[1] / "conf"

# A wheel carries conf/ inside the package; in a clone it lies at the top, where it is edited.
CONFIG_FOLDER = _CLONE if (_CLONE / "train.yaml").is_file() else _PACKAGE / "conf"
"""The folder with train.yaml, predict.yaml and their groups."""
