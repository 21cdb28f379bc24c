"""Settings that a user chose with a file: +study=mine, experiment=crowd."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

GLOBAL = "@package _global_"
"""In a file whose settings are of several groups."""


def with_chosen_settings(overrides: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """What the user typed, and what the files that he chose there set, as if it were typed.

    Args:
        overrides: As Hydra has them: ``+study=mine``, ``seed=1``.
        folders: Folders of configurations.

    Returns:
        The overrides, and behind them one for each setting of such a file, which names the file:
        ``training.patience=3 (+study=mine)``.
    """
    chosen = []
    for override in overrides:
        group, _, choice = override.lstrip("+").partition("=")
        for folder in folders:
            file = folder / group / f"{choice}.yaml"
            text = file.read_text(encoding="utf-8") if file.is_file() else ""
            if GLOBAL in text:
                settings = _settings(yaml.safe_load(text) or {})
                chosen += [f"{key}={value} ({override})" for key, value in settings]
                break
    return [*overrides, *chosen]


def _settings(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for entry in content.get("defaults", ()):
        for key, choice in entry.items() if isinstance(entry, Mapping) else ():
            yield key.removeprefix("override ").strip("/ "), choice
    for key, value in content.items():
        if key not in ("defaults", "hydra"):
            yield from _leaves(key, value)


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(f"{key}.{name}", inner)
    else:
        yield key, value
