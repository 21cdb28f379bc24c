"""What was found in a recording: how severe it is, where, what it means, what to do.

The words of all rules are in rules.yaml. A reader or a check never stops at the first finding: it
notes ``RULES[code].broken(...)`` and continues, so that one pass finds all. Whether the recording
is used is decided afterwards, by `vpnet.studies.study`.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib.resources import files

import yaml

LINES_SHOWN = 5
"""A finding names the first so many ranges of lines; `Finding.rows` counts them all."""


class Severity(str, Enum):
    """An error refuses a recording; a recording with a warning should be used with care."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing, about a recording or a study.

    Args:
        code: Short name, ``words_with_underscores``; what ``data.accept`` lists.
        severity: An error, a warning or a note.
        title: The finding in a few words, without values.
        found: The rule and the value found, a clause that follows file and line in a message.
        meaning: What it means for training, a sentence.
        remedy: What to do about it, a clause in the imperative.
        accepted: What training does with the recording where ``accept`` lists the error; None
            where it cannot be accepted.
        file: The file concerned; empty where several are.
        lines: Ranges of lines in that file, first and last included; the first few.
        rows: Number of rows concerned; 0 where rows are not what it is about.
    """

    code: str
    severity: Severity
    title: str
    found: str
    meaning: str
    remedy: str
    accepted: str | None = None
    file: str = ""
    lines: tuple[tuple[int, int], ...] = ()
    rows: int = 0

    @property
    def message(self) -> str:
        """File, line, rule, value and remedy in one line."""
        line = f", line {self.lines[0][0]}" if self.lines else ""
        where = f"{self.file}{line}: " if self.file else ""
        return f"{where}{self.found}; {self.remedy}"

    def to_dict(self) -> dict[str, object]:
        """The same as plain values, for JSON."""
        return {**dataclasses.asdict(self), "severity": self.severity.value}

    @classmethod
    def from_dict(cls, values: dict) -> "Finding":
        """The inverse of `to_dict`, after a journey through JSON."""
        lines = tuple((first, last) for first, last in values["lines"])
        return cls(**values | {"severity": Severity(values["severity"]), "lines": lines})


@dataclass(frozen=True)
class Rule:
    """What a check looks for. Arguments as in `Finding`."""

    code: str
    severity: Severity
    title: str
    meaning: str
    remedy: str
    accepted: str | None = None

    def broken(
        self,
        found: str,
        *,
        file: object = "",
        lines: Iterable[tuple[int, int]] = (),
        rows: int = 0,
        severity: Severity | None = None,
        remedy: str | None = None,
    ) -> Finding:
        """A finding of this rule.

        Args:
            found: The rule and the value found.
            file: The file concerned.
            lines: Ranges of lines concerned; only the first few are kept.
            rows: Number of rows concerned.
            severity: Where it is not the rule's own.
            remedy: Where the rule's own is not precise enough.
        """
        return Finding(
            code=self.code,
            severity=severity or self.severity,
            title=self.title,
            found=found,
            meaning=self.meaning,
            remedy=remedy or self.remedy,
            accepted=self.accepted,
            file=str(file),
            lines=tuple(lines)[:LINES_SHOWN],
            rows=rows,
        )


def _read_rules() -> dict[str, Rule]:
    # libyaml is ten times as fast; not every platform has it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (files("vpnet.recordings") / "rules.yaml").read_text(encoding="utf-8")
    return {
        code: Rule(code, **fields | {"severity": Severity(fields["severity"])})
        for code, fields in yaml.load(text, Loader=loader).items()
    }


RULES = _read_rules()
"""Every rule that a recording or a study can break, by code, in the order of docs/CHECKS.md."""

ACCEPTABLE = {code: rule.accepted for code, rule in RULES.items() if rule.accepted is not None}
"""What ``data.accept`` may list, and what is then done."""


def line_ranges(rows: Sequence[int], first_line: int) -> list[tuple[int, int]]:
    """Runs of consecutive rows as ranges of lines.

    Args:
        rows: Rows of a table, increasing.
        first_line: Line of the file that holds row 0.

    Returns:
        First and last line of each run.

    Example:
        >>> line_ranges([0, 1, 2, 7], first_line=2)
        [(2, 4), (9, 9)]
    """
    ranges: list[tuple[int, int]] = []
    for row in rows:
        line = first_line + int(row)
        if ranges and line == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], line)
        else:
            ranges.append((line, line))
    return ranges
