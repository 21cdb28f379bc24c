"""Where configurations are: vpnet's own, and those of a user's own studies."""

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

_PACKAGE = Path(__file__).resolve().parents[1]
_CLONE = _PACKAGE.parents[1] / "conf"

# A wheel carries conf/ inside the package; in a clone it lies at the top, where it is edited.
CONFIG_FOLDER = _CLONE if (_CLONE / "train.yaml").is_file() else _PACKAGE / "conf"
"""The folder with train.yaml, predict.yaml and their groups."""

LOCAL_FOLDER = CONFIG_FOLDER / "local"
"""Configurations of the user's own, ignored by git: ``local/study/mine.yaml`` is +study=mine."""


class LocalConfigs(SearchPathPlugin):
    """Lets Hydra find what is in `LOCAL_FOLDER`, where there is one."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Look there after vpnet's own files, so that these cannot be replaced unseen."""
        if LOCAL_FOLDER.is_dir():
            search_path.append("vpnet-local", f"file://{LOCAL_FOLDER}")


Plugins.instance().register(LocalConfigs)
