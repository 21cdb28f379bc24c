"""Writes keys and comments of conf/ from the signatures that declare the settings.

`make conf` runs it, and a test refuses files that it would change. Values are edited in the files;
keys, their order and their comments come from signatures and docstrings. A file that has values
only where they differ from another one (conf/stage, conf/experiment, conf/ablation, a trainer that
builds on another) is written by hand.
"""

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from docstring_parser import DocstringStyle, parse

from vpnet.cli.hydra_command import CONFIG_FOLDER
from vpnet.cli.predict_saliency import MapSettings, NetworkSettings
from vpnet.cli.predict_viewports import ViewportSettings
from vpnet.cli.train_config import BUILDERS, GIVEN, TABLES, RunSettings
from vpnet.readers.reading import settings_for_any_layout
from vpnet.runtime.trainer import make_prediction_trainer
from vpnet.settings import NAME, REQUIRED, Setting, settings_of
from vpnet.training.optimizers import OPTIMIZERS, SCHEDULERS
from vpnet.training.training_settings import TrainingSettings

WIDTH = 100

KEY = re.compile(r"([\w.]+):")
HYDRA = ("defaults", "hydra")
"""Keys of a configuration file that are Hydra's own."""

Settings = Mapping[str, Setting]


@dataclass(frozen=True)
class Section:
    """The settings of one builder within a file.

    Args:
        settings: The settings, by name.
        key: Where they are: empty for the whole file.
        name: What chooses the builder in its table, or None where there is no choice.
        nested: Settings that hold settings themselves: a function from their values to these.
    """

    settings: Settings
    key: str = ""
    name: str | None = None
    nested: Mapping[str, Callable[[Mapping[str, Any]], Settings]] = field(default_factory=dict)


def section_of(file: Path) -> Section | None:
    """What declares the settings of a file of conf/, or None for one that is written by hand.

    Args:
        file: Path below conf/, as ``data/quest_pro.yaml``.
    """
    group, name = file.parent.name, file.stem
    if file == Path("train.yaml"):
        return Section(settings_of(RunSettings))
    if file == Path("predict/viewport.yaml"):
        # data is a group of its own.
        settings = settings_of(ViewportSettings, ("data",))
        return Section(settings, nested={"reading": lambda _: _null_by_default()})
    if file == Path("predict/saliency.yaml"):
        return Section(
            settings_of(MapSettings),
            nested={
                "saliency": lambda _: settings_of(NetworkSettings),
                "trainer": lambda _: settings_of(make_prediction_trainer, ("callbacks",)),
            },
        )
    if group in TABLES and name in TABLES[group]:
        settings = settings_of(TABLES[group][name], ("spec",))
        return Section(settings, "model" if group == "model" else "", name)
    if group == "training":
        return Section(
            settings_of(TrainingSettings),
            nested={
                "optimizer": lambda values: settings_of(OPTIMIZERS[values[NAME]], ("groups",)),
                "scheduler": lambda values: settings_of(
                    SCHEDULERS[values[NAME]], ("optimizer", "batches")
                ),
            },
        )
    if group == "task" or file.as_posix() in (
        "trainer/auto.yaml",
        "logger/wandb.yaml",
        "plots/default.yaml",
    ):
        return Section(settings_of(BUILDERS[group], GIVEN.get(group, ())))
    return None


def _null_by_default() -> Settings:
    """The settings of readers where null takes those of the checkpoint."""
    return {
        name: replace(setting, annotation=setting.annotation | None, default=None)
        for name, setting in settings_for_any_layout().items()
    }


def rewritten(text: str, section: Section) -> str:
    """The text of a file with the keys and comments of its section as they are declared now."""
    values = yaml.safe_load(text) or {}
    lines = text.splitlines()
    if section.key:
        first, end = lines.index(f"{section.key}:") + 1, len(lines)
        block = _block(section, values[section.key], "  ")
    else:
        first, end = _extent(lines)
        block = _block(section, values, "")
    return "\n".join((*lines[:first], *block, *lines[end:])) + "\n"


def _extent(lines: Sequence[str]) -> tuple[int, int]:
    """Where the settings of a whole file begin, with the comment above the first, and end.

    A comment that begins with the file is that of the file.
    """
    keys = {number: match[1] for number, line in enumerate(lines) if (match := KEY.match(line))}
    own = [number for number, key in keys.items() if key not in HYDRA]
    first = own[0]
    while first > 0 and lines[first - 1].startswith("#"):
        first -= 1
    first = first or own[0]
    end = next((n for n, key in keys.items() if key in HYDRA and n > first), len(lines))
    while not lines[end - 1].strip():
        end -= 1
    return first, end


def _block(section: Section, values: Mapping[str, Any], indent: str) -> Iterator[str]:
    if section.name is not None:
        yield f"{indent}{NAME}: {section.name}"
    for name, setting in section.settings.items():
        default = "???" if setting.default is REQUIRED else setting.default
        value = values.get(name, default)
        if name in section.nested and value is not None:
            inner = Section(section.nested[name](value), name=value.get(NAME))
            yield from _comment(f"{meaning_of(setting)}.", indent)
            yield f"{indent}{name}:"
            yield from _block(inner, value, indent + "  ")
        else:
            yield from _comment(f"{meaning_of(setting)} ({_rule(setting)}).", indent)
            yield from _entry(name, value, indent)


def _comment(text: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def _rule(setting: Setting) -> str:
    """What is allowed, and the default."""
    if setting.default is REQUIRED:
        return f"{setting.allowed}; no default"
    return f"{setting.allowed}; default {_text(setting.default)}"


def meaning_of(setting: Setting) -> str:
    """What the docstring of its owner says of a setting, without the full stop.

    Raises:
        KeyError: It says nothing.
    """
    described = parse(setting.owner.__doc__ or "", DocstringStyle.GOOGLE).params
    for parameter in described:
        if parameter.arg_name == setting.name and parameter.description:
            return " ".join(parameter.description.split()).rstrip(".")
    raise KeyError(f"the docstring of {setting.owner.__name__} lacks {setting.name}")


def _entry(name: str, value: Any, indent: str) -> Iterator[str]:
    text = f"{indent}{name}: {_text(value)}"
    if len(text) <= WIDTH:
        yield text
        return
    yield f"{indent}{name}:"
    for line in textwrap.wrap(_text(value), WIDTH - len(indent) - 2, break_on_hyphens=False):
        yield f"{indent}  {line}"


def _text(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, str) and (value == "???" or value.startswith("${")):
        return value
    if isinstance(value, float) and 0 < abs(value) < 1e-3:
        mantissa, _, exponent = f"{value:e}".partition("e")
        return f"{float(mantissa)}e{int(exponent)}"
    plain = list(value) if isinstance(value, tuple) else value
    dumped = yaml.safe_dump(plain, default_flow_style=True, width=10_000, allow_unicode=True)
    return dumped.removesuffix("\n").removesuffix("\n...")


def rewrite_all() -> None:
    """Rewrite the files of conf/, and print those that change."""
    for file in sorted(CONFIG_FOLDER.rglob("*.yaml")):
        name = file.relative_to(CONFIG_FOLDER)
        section = section_of(name)
        text = file.read_text(encoding="utf-8")
        if section is not None and (new := rewritten(text, section)) != text:
            file.write_text(new, encoding="utf-8")
            print(name)


if __name__ == "__main__":
    rewrite_all()
