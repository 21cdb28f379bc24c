"""What --help prints: the switches of a command with their meanings, on one screen.

Everything is read from the comments in conf/, which are written from the signatures that declare
the settings (`vpnet.cli.config_files`), so that no library need be imported.
"""

import re
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

OWN_STUDY = (
    "A study of your own: +study=NAME reads study/NAME.yaml in conf/local, or in --config-dir DIR."
)

_SWITCH_WIDTH = 26
_ALLOWED = re.compile(r" \([^()]*(?:\([^()]*\)[^()]*)*; (?:no )?default[^)]*\)\.?$")
_GROUP = re.compile(r"defaults\.(?!hydra)\w+")
_ENTRY = re.compile(r"( *)(?:- )?(?:override )?/?([\w/]+): *(.*)$")


@dataclass(frozen=True)
class Entry:
    """A key of a configuration file.

    Args:
        key: Its full name within the file.
        value: Its value as it is written, empty above keys of its own.
        comment: What is written above it.
    """

    key: str
    value: str
    comment: str


def entries(text: str) -> Iterator[Entry]:
    """The keys of a configuration file in order, with the comments right above them."""
    comment: list[str] = []
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        found = _ENTRY.match(line)
        if line.lstrip().startswith("# "):
            comment.append(line.lstrip()[2:])
        elif found:
            indent = len(found[1])
            above = [(depth, name) for depth, name in above if depth < indent]
            key = ".".join((*(name for _, name in above), found[2]))
            yield Entry(key, found[3], " ".join(comment))
            above.append((indent, found[2]))
            comment = []
        else:
            comment = []


def help_text(command: str, root: str, folders: Sequence[Path], typed: Sequence[str]) -> str:
    """The help of a command.

    Args:
        command: As the user types it, for instance ``python train.py``.
        root: The configuration file that it composes, without suffix.
        folders: Folders with configurations, vpnet's own first.
        typed: What the user typed besides --help; of a ``group=choice`` the settings are shown.
    """
    chosen = [override for override in typed if _file_of(override, folders)]
    if chosen:
        return "\n\n".join(_choice_help(override, folders) for override in chosen)
    found = list(_entries_of(folders[0] / f"{root}.yaml"))
    groups = [entry for entry in found if _GROUP.fullmatch(entry.key) and entry.comment]
    switches = [entry for entry in found if not entry.key.startswith(("defaults", "hydra"))]
    if not switches:
        # A command whose first group says what it does: the settings of its default.
        first = groups[0].key.removeprefix("defaults.")
        default = _entries_of(folders[0] / first / f"{groups[0].value}.yaml")
        switches = [entry for entry in default if entry.comment]
    lines = [
        f"{command} KEY=VALUE ...       one run",
        f"{command} -m KEY=A,B ...      a sweep: one run for each combination",
        "",
        "Groups (GROUP=CHOICE):",
        *(line for group in groups for line in _group_lines(group, folders)),
    ]
    lines += ["", "Switches (KEY=VALUE), with their defaults:"]
    lines += _switch_lines(switches)
    lines += ["", *([OWN_STUDY] if root == "train" else [])]
    example = groups[0].key.removeprefix("defaults.")
    lines += [
        f"The settings of a choice: {command} --help {example}={groups[0].value}; "
        f"of Hydra: {command} --hydra-help",
    ]
    return "\n".join(lines)


def _entries_of(file: Path) -> Iterator[Entry]:
    return entries(file.read_text(encoding="utf-8"))


def _group_lines(group: Entry, folders: Sequence[Path]) -> list[str]:
    name = group.key.removeprefix("defaults.")
    files = [file for folder in folders for file in sorted((folder / name).glob("*.yaml"))]
    names = list(dict.fromkeys(file.stem for file in files))
    shown = [f"{choice} (default)" if choice == group.value else choice for choice in names]
    text = f"{group.comment.rstrip('.')}: {', '.join(shown)}"
    return textwrap.wrap(
        f"{name:<12} {text}",
        _width(),
        initial_indent="  ",
        subsequent_indent=" " * 15,
        break_on_hyphens=False,
    )


def _switch_lines(switches: Sequence[Entry]) -> list[str]:
    """A line for each switch; one for all settings that have a key above them."""
    lines = []
    for entry in switches:
        below = [each.key for each in switches if each.key.startswith(f"{entry.key}.")]
        if below:
            names = ", ".join(key.removeprefix(f"{entry.key}.") for key in below)
            lines.append(_line(f"{entry.key}.NAME", f"{_short(entry.comment)}: {names}"))
        elif entry.value == "???":
            lines.append(_line(f"{entry.key}=", f"{_short(entry.comment)} (required)"))
        elif "." not in entry.key:
            lines.append(_line(f"{entry.key}={entry.value}", _short(entry.comment)))
    return lines


def _choice_help(override: str, folders: Sequence[Path]) -> str:
    file = _file_of(override, folders)
    assert file is not None
    text = file.read_text(encoding="utf-8")
    comments = [line[2:] for line in text.splitlines() if line.startswith("# ")]
    header = next((line for line in comments if not line.startswith("@")), "")
    group = override.split("=")[0].lstrip("+")
    lines = [f"{override}: {header}"]
    for entry in entries(text):
        if entry.key.startswith("defaults") or not entry.value or not entry.comment:
            continue
        whole = "@package _global_" in text or entry.key.startswith(f"{group}.")
        key = entry.key if whole else f"{group}.{entry.key}"
        lines.append(f"  {key}={entry.value}")
        lines += textwrap.wrap(
            entry.comment, _width(), initial_indent=" " * 6, subsequent_indent=" " * 6
        )
    return "\n".join(lines)


def _file_of(override: str, folders: Sequence[Path]) -> Path | None:
    group, equals, choice = override.lstrip("+").partition("=")
    if not equals or not re.fullmatch(r"[\w/]+", group) or not re.fullmatch(r"[\w/]+", choice):
        return None
    files = [folder / group / f"{choice}.yaml" for folder in folders]
    return next((file for file in files if file.is_file()), None)


def _short(comment: str) -> str:
    """The first sentence, without what is allowed and the default, which the line shows."""
    meaning = _ALLOWED.sub(".", comment)
    return re.split(r"(?<=[a-z0-9\])])[.:;] ", f"{meaning} ")[0].rstrip(" .")


def _line(left: str, right: str) -> str:
    if len(left) > _SWITCH_WIDTH:
        left = f"{left[: _SWITCH_WIDTH - 3]}..."
    return textwrap.fill(
        right,
        _width(),
        initial_indent=f"  {left:<{_SWITCH_WIDTH}} ",
        subsequent_indent=" " * (_SWITCH_WIDTH + 3),
        break_on_hyphens=False,
    )


def _width() -> int:
    return min(110, max(80, shutil.get_terminal_size((100, 24)).columns))
