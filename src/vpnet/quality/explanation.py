"""Every check explained: the text of docs/CHECKS.md and of ``vpnet check --explain``."""

from collections.abc import Iterable

from vpnet.recordings.findings import RULES, Rule, Severity

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
