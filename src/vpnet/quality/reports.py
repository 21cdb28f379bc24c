"""An inspection as text for the terminal and as JSON for machines, and every check explained.

The JSON file is one object::

    format              "vpnet check", always
    version             1; a change that breaks readers of the file raises it
    vpnet_version       the version that wrote it
    totals              recordings, users, videos (numbers), hours,
                        and good, care, refused (numbers of recordings)
    accepted            codes of errors that were accepted, a list
    study_findings      what concerns the study as a whole, a list of findings
    recordings          a list, in the order in which they were read:
        user_id, video_id, source, started_at    texts; empty where unknown
        verdict         "good", "care" (warnings) or "refused" (errors)
        measurements    numbers by name; null where one is not finite
        findings        a list of findings

A finding has code, severity ("error", "warning", "note"), title, found, meaning, remedy, accepted
(what accepting the error does, or null), file, lines (pairs of first and last line, the first few)
and rows (how many are concerned).
"""

import json
import math
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from vpnet.quality.inspection import (
    WORDS,
    CodeSummary,
    InspectedRecording,
    Inspection,
    Verdict,
)
from vpnet.recordings.findings import RULES, Finding, Rule, Severity
from vpnet.text_table import counted
from vpnet.whole_files import write_text

WORST_SHOWN = 20
"""So many recordings are listed, and all that are refused; page and JSON file have the rest."""

NOT_FOR_PEOPLE = ("fingerprint",)
"""Measurements that serve comparison only."""

SEVERITY_STYLES = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.NOTE: "dim",
}
VERDICT_STYLES = {Verdict.GOOD: "green", Verdict.CARE: "yellow", Verdict.REFUSED: "bold red"}

FORMAT = "vpnet check"
VERSION = 1
NAMES = ("user_id", "video_id", "source", "started_at")


def show_inspection(inspection: Inspection, console: Console) -> None:
    """Print an inspection: one recording in full, several by what was found."""
    if len(inspection.recordings) == 1:
        _show_recording(inspection.recordings[0], inspection.findings, console)
        return
    if inspection.codes:
        console.print(_codes(inspection))
    worst = [one for one in inspection.worst_first() if one.verdict is not Verdict.GOOD]
    if worst:
        console.print(_worst(worst))
    console.print(_totals(inspection))


def _codes(inspection: Inspection) -> Table:
    """One row a code."""
    table = Table(title="What was found", title_justify="left", show_lines=True)
    for heading in ("severity", "check", "recordings", "for example, and what to do"):
        table.add_column(heading, justify="right" if heading == "recordings" else "left")
    for one in inspection.codes:
        finding = one.finding
        table.add_row(
            _severity(finding),
            Group(Text(finding.code, style="bold"), Text(finding.title)),
            _how_many(one, len(inspection.recordings)),
            Group(
                Text(f"{one.example}: {finding.found}" if one.example else finding.found),
                Text(f"-> {finding.remedy}", style="cyan"),
            ),
        )
    return table


def _how_many(summary: CodeSummary, total: int) -> str:
    if summary.recordings:
        return f"{len(summary.recordings)} of {total}"
    times = len(summary.of_study)
    return "the study" if times == 1 else f"the study, {times} times"


def _worst(worst: list[InspectedRecording]) -> Table:
    """One row for each of the worst recordings."""
    shown = max(WORST_SHOWN, sum(one.verdict is Verdict.REFUSED for one in worst))
    unseen = len(worst) - shown
    more = f"and {unseen} more; the HTML page and the JSON file have all"
    table = Table(
        title="Recordings refused, or to be used with care",
        caption=more if unseen > 0 else None,
        title_justify="left",
        caption_justify="left",
    )
    for heading in ("recording", "verdict", "errors", "warnings"):
        table.add_column(heading)
    for one in worst[:shown]:
        table.add_row(
            Text(one.checked.name),
            Text(one.verdict.value, style=VERDICT_STYLES[one.verdict]),
            Text(_codes_of(one, Severity.ERROR)),
            Text(_codes_of(one, Severity.WARNING)),
        )
    return table


def _codes_of(one: InspectedRecording, severity: Severity) -> str:
    codes = (finding.code for finding in one.checked.findings if finding.severity is severity)
    return ", ".join(dict.fromkeys(codes))


def _totals(inspection: Inspection) -> Text:
    text = Text(
        f"{counted(len(inspection.recordings), 'recording')} of "
        f"{counted(len(inspection.users), 'person', 'people')} and "
        f"{counted(len(inspection.videos), 'video')}, {inspection.length}: "
    )
    parts = [
        Text(f"{inspection.counts[verdict]} {WORDS[verdict]}", style=style)
        for verdict, style in VERDICT_STYLES.items()
    ]
    return text + Text(", ").join(parts)


def _show_recording(
    one: InspectedRecording, study_findings: tuple[Finding, ...], console: Console
) -> None:
    """Everything that is known about a recording."""
    verdict = Text(WORDS[one.verdict], style=VERDICT_STYLES[one.verdict])
    console.print(Text.assemble((one.checked.name, "bold"), ": ", verdict))
    console.print(Text(one.checked.source, style="dim"))
    for finding in (*one.worst_findings(), *study_findings):
        console.print(_in_full(finding))
    table = Table(title="Measurements", title_justify="left")
    table.add_column("name")
    table.add_column("value", justify="right")
    for name, value in one.checked.measurements.items():
        if name not in NOT_FOR_PEOPLE:
            table.add_row(Text(name), _in_digits(value))
    if table.row_count:
        console.print(table)


def _in_digits(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() else f"{value:,.6g}"


def _in_full(finding: Finding) -> Group:
    where = location(finding)
    lines = [
        Text.assemble("\n", _severity(finding), " ", (finding.code, "bold"), f"  {finding.title}"),
        Text(f"  {finding.found}"),
        Text(f"  in {where}", style="dim") if where else None,
        Text(f"  {finding.meaning}"),
        Text(f"  -> {finding.remedy}", style="cyan"),
        Text(f"  accepted: {finding.accepted}", style="dim") if finding.accepted else None,
    ]
    return Group(*(line for line in lines if line is not None))


def location(finding: Finding) -> str:
    """File, lines and number of rows that a finding is about, as far as it names them."""
    parts = [finding.file] if finding.file else []
    if finding.lines:
        ranges = [
            str(first) if first == last else f"{first}-{last}" for first, last in finding.lines
        ]
        word = "line" if len(ranges) == 1 and "-" not in ranges[0] else "lines"
        parts.append(f"{word} {', '.join(ranges)}")
    if finding.rows:
        parts.append(counted(finding.rows, "row"))
    return ", ".join(parts)


def _severity(finding: Finding) -> Text:
    return Text(finding.severity.value, style=SEVERITY_STYLES[finding.severity])


def write_json_report(path: str | Path, inspection: Inspection) -> None:
    """Write the file, whole or not at all."""
    text = json.dumps(json_report(inspection), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def json_report(inspection: Inspection) -> dict[str, Any]:
    """What the file holds, as plain values."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "vpnet_version": version("vpnet"),
        "totals": {
            "recordings": len(inspection.recordings),
            "users": len(inspection.users),
            "videos": len(inspection.videos),
            "hours": inspection.hours,
            **{verdict.value: count for verdict, count in inspection.counts.items()},
        },
        "accepted": list(inspection.accepted),
        "study_findings": [finding.to_dict() for finding in inspection.findings],
        "recordings": [
            {
                **{name: getattr(one.checked, name) for name in NAMES},
                "verdict": one.verdict.value,
                "measurements": finite_measurements(one),
                "findings": [finding.to_dict() for finding in one.checked.findings],
            }
            for one in inspection.recordings
        ],
    }


def finite_measurements(one: InspectedRecording) -> dict[str, float | None]:
    """The measurements of a recording, None where JSON has no number for one."""
    return {
        name: value if math.isfinite(value) else None
        for name, value in one.checked.measurements.items()
    }


INTRODUCTION = """\
# What `vpnet check` looks for

This page is written by the program: `vpnet check --explain > docs/CHECKS.md`.

`vpnet check ROOT` reads every recording under ROOT and says what is wrong with it. An **error**
refuses the recording: training does not use it. A **warning** means that it is used, and should be
used with care. A **note** is good to know. Severities are the usual ones; a finding that concerns
few or most of the rows can have another.

An error that can be accepted names what is then done; `data.accept=[code,...]` accepts it in
training, `vpnet check ROOT --accept code` in the check. `vpnet check ROOT --exclude FILE` writes
the recordings that are refused to a file, and `data.exclude=FILE` leaves them out.
"""
HEADINGS = {
    Severity.ERROR: "Errors",
    Severity.WARNING: "Warnings",
    Severity.NOTE: "Notes",
}


def explain_checks(rules: Iterable[Rule] = RULES.values()) -> str:
    """A Markdown page with a section for each rule, errors first."""
    rules = tuple(rules)
    sections = [INTRODUCTION]
    for severity, heading in HEADINGS.items():
        of_severity = [rule for rule in rules if rule.severity is severity]
        if of_severity:
            sections += [f"## {heading}\n", *(_section(rule) for rule in of_severity)]
    return "\n".join(sections)


def _section(rule: Rule) -> str:
    lines = [
        f"### `{rule.code}`\n",
        f"**{rule.title}.** {rule.meaning}\n",
        f"- What to do: {rule.remedy}.",
    ]
    if rule.severity is Severity.ERROR:
        accepted = f"{rule.accepted}." if rule.accepted else "not possible."
        lines.append(f"- Accepted: {accepted}")
    return "\n".join(lines) + "\n"
