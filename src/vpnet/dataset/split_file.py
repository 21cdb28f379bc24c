"""Splits written down in a JSON file: the published protocols of the field.

The file's ``users`` and ``videos`` are each ``"all"``, a list (the only ones used), or an object
with the lists ``train``, ``val`` and ``test``; one of the two at least is an object. A recording
belongs to the part that both its user and its video belong to; where they differ it is unused.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from vpnet.dataset.splits import Partition, RecordingKey, collect
from vpnet.errors import InputError
from vpnet.settings import checked

PARTS = ("train", "val", "test")
PROTOCOL = ("sampling_rate_hz", "history_s", "horizon_s", "first_anchor_s", "anchor_stride_s")


@checked
class SplitFile:
    """A split read from a JSON file.

    Args:
        path: The file.

    Raises:
        InputError: The file is missing, is not such a JSON object, or lists a name twice.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise InputError(f"{self.path}: split file not found; check split.path") from error
        except (ValueError, OSError) as error:
            raise InputError(f"{self.path}: a split file is a JSON object: {error}") from error
        if not isinstance(content, dict):
            raise InputError(f"{self.path}: a split file is a JSON object, got {content!r:.60}")
        self.protocol = {name: content[name] for name in PROTOCOL if name in content}
        for name, value in self.protocol.items():
            if not isinstance(value, int | float):
                raise InputError(f"{self.path}: {name} must be a number, got {value!r:.60}")
        self._users = self._read_parts(content, "users")
        self._videos = self._read_parts(content, "videos")
        if not any(isinstance(part, dict) for part in (self._users, self._videos)):
            raise InputError(
                f"{self.path}: users or videos must be an object with the lists train, val and "
                "test; neither is"
            )

    def partition(self, keys: Sequence[RecordingKey]) -> Partition:
        """Deal out as the file says.

        Raises:
            InputError: The file names a user or a video that the data do not have.
        """
        self._check_known("users", self._users, {key.user_id for key in keys})
        self._check_known("videos", self._videos, {key.video_id for key in keys})

        def part_of(key: RecordingKey) -> str | None:
            user_parts = _parts_of(key.user_id, self._users)
            common = user_parts & _parts_of(key.video_id, self._videos)
            return common.pop() if common else None

        return collect(keys, part_of)

    def _read_parts(self, content: dict, what: str) -> dict[str, list[str]] | list[str] | None:
        value = content.get(what, "all")
        if value == "all":
            return None
        if _is_names(value):
            return value
        if not (
            isinstance(value, dict)
            and set(value) == set(PARTS)
            and all(_is_names(names) for names in value.values())
        ):
            raise InputError(
                f'{self.path}: {what} must be "all", a list of names, or an object of the lists '
                f"train, val and test, got {value!r:.80}"
            )
        names = [name for part in PARTS for name in value[part]]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f"{self.path}: {what} are listed twice: {', '.join(twice)}")
        return value

    def _check_known(
        self, what: str, parts: dict[str, list[str]] | list[str] | None, known: set[str]
    ) -> None:
        if parts is None:
            return
        named = parts if isinstance(parts, list) else [n for part in PARTS for n in parts[part]]
        unknown = sorted(set(named) - known)
        if unknown:
            raise InputError(
                f"{self.path}: names {len(unknown)} {what} that the data do not have: "
                f"{', '.join(unknown[:5])}; the data have {', '.join(sorted(known)[:5])}, ...; "
                "is this the split of another data set?"
            )


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _parts_of(name: str, parts: dict[str, list[str]] | list[str] | None) -> set[str]:
    """The parts a name may belong to."""
    if parts is None:
        return set(PARTS)
    if isinstance(parts, list):
        return set(PARTS) if name in parts else set()
    return {part for part in PARTS if name in parts[part]}
