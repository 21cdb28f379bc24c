import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpnet.recordings.findings import (
    ACCEPTABLE,
    LINES_SHOWN,
    RULES,
    Finding,
    Rule,
    Severity,
    line_ranges,
)

RULE = Rule(
    "playback_gaps",
    Severity.WARNING,
    "Playback time skips",
    meaning="Windows across a gap are not used.",
    remedy="record it again",
)


def test_a_message_holds_file_line_value_and_remedy():
    finding = RULE.broken("found a gap of 3 s", file="P1/head.csv", lines=[(7, 8)], rows=2)
    assert finding.message == "P1/head.csv, line 7: found a gap of 3 s; record it again"
    assert RULE.broken("found a gap").message == "found a gap; record it again"
    assert RULE.broken("found a gap", remedy="leave it").message == "found a gap; leave it"


def test_a_finding_survives_json():
    finding = RULE.broken("a gap", file="head.csv", lines=[(2, 4), (9, 9)], rows=4)
    assert Finding.from_dict(json.loads(json.dumps(finding.to_dict()))) == finding


def test_a_finding_names_the_first_stretches_only():
    finding = RULE.broken("gaps", lines=[(2 * line, 2 * line) for line in range(100)], rows=100)
    assert len(finding.lines) == LINES_SHOWN
    assert finding.rows == 100


@given(st.sets(st.integers(0, 60)), st.integers(1, 5))
def test_line_ranges_hold_the_rows_and_no_others(rows, first_line):
    ranges = line_ranges(sorted(rows), first_line)
    held = [line for first, last in ranges for line in range(first, last + 1)]
    assert held == [row + first_line for row in sorted(rows)]
    assert all(first > last + 1 for (_, last), (first, _) in zip(ranges, ranges[1:], strict=False))


def test_every_rule_is_used_and_every_code_that_is_used_is_a_rule(repository):
    files = (repository / "src").rglob("*.py")
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    assert set(re.findall(r'\bRULES\["(\w+)"\]', text)) <= RULES.keys()
    # Some codes stand in a table, whose rows are looked up.
    assert [code for code in RULES if f'"{code}"' not in text] == []


def test_codes_are_written_once(repository):
    text = (repository / "src" / "vpnet" / "recordings" / "rules.yaml").read_text()
    assert re.findall(r"^(\w+):", text, re.MULTILINE) == list(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.code)
def test_rules_read_well(rule):
    assert rule.title[0].isupper()
    assert not rule.title.endswith(".")
    assert rule.meaning.endswith(".")
    assert not rule.remedy.endswith(".")
    assert rule.accepted is None or rule.severity is Severity.ERROR


def test_what_leaves_nothing_to_use_cannot_be_accepted():
    assert not {"unreadable", "head_missing", "never_played"} & ACCEPTABLE.keys()
    assert {"playback_steps_back", "euler_disagrees"} <= ACCEPTABLE.keys()
