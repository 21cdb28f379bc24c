"""How a command begins that Hydra composes a configuration for: help, arguments, run folder.

Hydra reads ``checkpoint=runs/a=1,b=2/best.ckpt`` as a list of values with a mistake in it. The user
typed a path, so it is quoted here, before Hydra reads it.
"""

import functools
import glob
import itertools
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import hydra
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf

from vpnet.cli.failures import fails_clearly
from vpnet.cli.help_text import help_text
from vpnet.errors import InputError
from vpnet.runtime.run_lock import only_one_in

_PACKAGE = Path(__file__).resolve().parents[1]
_CLONE = _PACKAGE.parents[1] / "conf"

# A wheel carries conf/ inside the package; in a clone it is at the top, where it is edited.
CONFIG_FOLDER = _CLONE if (_CLONE / "train.yaml").is_file() else _PACKAGE / "conf"
"""The folder with train.yaml, predict.yaml and their groups."""

LOCAL_FOLDER = CONFIG_FOLDER / "local"
"""Configurations of the user's own, ignored by git: ``local/study/mine.yaml`` is +study=mine."""

HELP_FLAGS = ("--help", "-h")

PATH_KEYS = (
    "checkpoint",
    "dir",
    "encoder",
    "exclude",
    "lstm_checkpoint",
    "output",
    "path",
    "recording",
    "root",
    "saliency_path",
    "videos",
    "videos_csv",
)
"""Last parts of the keys whose values are paths."""

CONFIG_DIR = ("--config-dir", "-cd")

OPTIONS_WITH_VALUE = (
    *CONFIG_DIR,
    *("--config-name", "-cn"),
    *("--config-path", "-cp"),
    *("--package", "-p"),
    *("--cfg", "-c"),
    "--experimental-rerun",
)
"""Options of Hydra's that are followed by a value."""

EXCLUDE_KEYS = "hydra.job.config.override_dirname.exclude_keys"
"""Hydra's setting that lists what the name of a run folder leaves out."""

NEVER_IN_NAMES = (
    "data.path",
    "data.root",
    "data.exclude",
    "data.videos_csv",
    "split.path",
    "saliency.path",
    "checkpoint",
    "lstm_checkpoint",
    "experiment",
    "trainer",
    "logger",
    "num_workers",
    "bootstrap_draws",
)
"""What says nothing of a run, and paths, which would make long names."""

LONGEST_NAME = 120
"""Characters of the name of a run folder; file systems take 255 bytes."""


class LocalConfigs(SearchPathPlugin):
    """Lets Hydra find what is in `LOCAL_FOLDER`, where there is one."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Search there after vpnet's own files, so that these cannot be replaced unseen."""
        if LOCAL_FOLDER.is_dir():
            search_path.append("vpnet-local", f"file://{LOCAL_FOLDER}")


def hydra_command(
    root: str, *, locks_folder: bool = False
) -> Callable[[Callable[[DictConfig], None]], Callable[[], None]]:
    """Let a function take the configuration that Hydra composes from the process's arguments.

    Args:
        root: The configuration file, without suffix.
        locks_folder: Keep other processes out of the run folder meanwhile.
    """

    def decorate(command: Callable[[DictConfig], None]) -> Callable[[], None]:
        @functools.wraps(command)
        def computing(config: DictConfig) -> None:
            warn_of_machine()
            command(config)

        # Errors are caught on both sides of Hydra: outside those of the composition, inside the
        # command's own, before Hydra adds words to them.
        guarded = fails_clearly(computing)
        if locks_folder:
            guarded = _alone_in_its_folder(guarded)
        compose = hydra.main(version_base="1.3", config_path=str(CONFIG_FOLDER), config_name=root)
        composed = compose(guarded)

        @functools.wraps(command)
        @fails_clearly
        def answering() -> None:
            typed = [argument for argument in sys.argv[1:] if argument not in HELP_FLAGS]
            if len(typed) < len(sys.argv) - 1:
                script = sys.argv[0] if sys.argv[0].startswith("vpnet") else f"python {root}.py"
                print(help_text(script, root, _config_folders(typed), typed))
                return
            arguments = list(map(with_quoted_path, options_first(typed)))
            sys.argv[1:] = [*arguments, *run_folder_naming(arguments)]
            composed()

        return answering

    return decorate


def _config_folders(typed: Sequence[str]) -> list[Path]:
    folders = [CONFIG_FOLDER, LOCAL_FOLDER]
    for before, argument in itertools.pairwise(("", *typed)):
        if before in CONFIG_DIR:
            folders.append(Path(argument))
        elif argument.startswith(f"{CONFIG_DIR[0]}="):
            folders.append(Path(argument.partition("=")[2]))
    return folders


def _alone_in_its_folder(command: Callable[[DictConfig], None]) -> Callable[[DictConfig], None]:
    """Let a command end with a message and exit code 2 where another works in its run folder.

    `fails_clearly` inside would remove a folder that was empty when this command began, although
    the other command works there by now. A sweep ends as a whole: it is a second one of the same.
    """

    @functools.wraps(command)
    def guarded(config: DictConfig) -> None:
        with ExitStack() as locks:
            try:
                locks.enter_context(only_one_in(Path(HydraConfig.get().runtime.output_dir)))
            except InputError as error:
                print(f"error: {error}", file=sys.stderr)
                sys.exit(2)
            command(config)

    return guarded


def warn_of_machine() -> None:
    """A line on a card that torch cannot use, and on packages that do not belong together."""
    # Here, so that neither --help nor a failing composition waits for torch.
    from vpnet.runtime.device import unused_card
    from vpnet.video.torch_companions import companion_complaints, warn_once

    for complaint in (unused_card(), *companion_complaints()):
        if complaint is not None:
            warn_once(complaint)


def options_first(arguments: Sequence[str]) -> list[str]:
    """Arguments with the options, and their values, before the overrides.

    Hydra refuses overrides on both sides of an option.

    >>> options_first(["+study=mine", "--config-dir", "studies", "seed=1", "-m"])
    ['--config-dir', 'studies', '-m', '+study=mine', 'seed=1']
    """
    options, overrides = [], []
    for before, argument in itertools.pairwise(("", *arguments)):
        is_option = argument.startswith("-") or before in OPTIONS_WITH_VALUE
        # The only one that may also be given without a value.
        is_option |= before in ("--info", "-i") and "=" not in argument
        (options if is_option else overrides).append(argument)
    return options + overrides


def with_quoted_path(argument: str) -> str:
    """An argument of the shell whose value, where it is a path that Hydra would misread, is quoted.

    >>> with_quoted_path("videos=V/coaster[8lsB].mp4")
    "videos='V/coaster[8lsB].mp4'"
    >>> with_quoted_path("videos=[V/a.mp4,V/b.mp4]")
    'videos=[V/a.mp4,V/b.mp4]'
    """
    key, equals, value = argument.partition("=")
    is_path = key.lstrip("+").rpartition(".")[2] in PATH_KEYS
    if not equals or not is_path or not value or value[0] in "'\"" or "${" in value:
        return argument
    if value.startswith("~/"):
        # Few shells expand it behind an equals sign.
        value = str(Path(value).expanduser())
        argument = f"{key}={value}"
    override = _parsed(argument)
    if _exists(value):
        if override is None or override.is_sweep_override() or override.value() != value:
            return f"{key}={quoted(value)}"
        return argument
    if override is not None:
        return argument
    several = value.split(",")
    if len(several) > 1 and all(map(_exists, several)):
        return f"{key}={','.join(map(quoted, several))}"
    return argument if value[0] in "[{" else f"{key}={quoted(value)}"


def run_folder_naming(arguments: Sequence[str]) -> list[str]:
    """The override by which Hydra names the run folders of a sweep after the swept settings only.

    None where the user has set it.

    >>> run_folder_naming(["-m", "seed=1,2", "model=lstm"])[0].split("keys=")[1].split(",")[-1]
    "'model']"
    """
    overrides = [_parsed(argument) for argument in arguments if not argument.startswith("-")]
    known = [each for each in overrides if each is not None]
    if any(each.key_or_group == EXCLUDE_KEYS for each in known):
        return []
    swept = {each.key_or_group for each in known if each.is_sweep_override()}
    shared = [each.key_or_group for each in known if each.key_or_group not in swept]
    keys = ",".join(map(quoted, (*NEVER_IN_NAMES, *shared)))
    return [f"{EXCLUDE_KEYS}=[{keys}]"]


def quoted(value: str) -> str:
    r"""A text as Hydra takes it for a text, whatever it holds.

    >>> print(quoted("it's"))
    'it\'s'
    """
    # Only backslashes in front of a quote are doubled; the closing quote is one.
    inner = re.sub(r"(\\*)'", r"\1\1\'", value)
    return "'" + re.sub(r"(\\+)$", r"\1\1", inner) + "'"


def _exists(value: str) -> bool:
    try:
        return Path(value).exists() or ("*" in value and bool(glob.glob(value)))
    except (OSError, ValueError):
        # Too long for a path, or with a character that no path may hold.
        return False


def _parsed(argument: str) -> Override | None:
    """What Hydra reads; None where it cannot."""
    try:
        return OverridesParser.create().parse_override(argument)
    except HydraException:
        return None


def folder_name(text: str) -> str:
    """A name of a run folder that can be pasted into a shell and into an override of Hydra's.

    It has letters, digits, dots, underscores and hyphens alone.

    >>> folder_name("3_model.streams-[head,eye]_data.path-My File.csv")
    '3_model.streams-head-eye_data.path-My-File.csv'
    """
    name = re.sub(r"[^A-Za-z0-9._]+", "-", text)
    return re.sub(r"-*_-*", "_", name)[:LONGEST_NAME].strip("-_")


Plugins.instance().register(LocalConfigs)
# Configurations say ``${folder_name:TEXT}``. On import, so that it is known as well where a
# launcher imports a command in another process.
OmegaConf.register_new_resolver("folder_name", lambda text: folder_name(str(text)), replace=True)
