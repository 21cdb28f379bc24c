import ast
from pathlib import Path

import pytest

import vpnet.recordings
from vpnet.quality.checks.rules import ALL_RULES
from vpnet.recordings.findings import Severity

FOLDER = Path(vpnet.recordings.__file__).parent


def test_codes_are_unique():
    codes = [rule.code for rule in ALL_RULES]
    assert len(set(codes)) == len(codes)


def test_every_rule_is_listed():
    """A rule that is written down anywhere among the readers and checks is documented."""
    written = {
        node.args[0].value
        for file in FOLDER.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Rule"
        and isinstance(node.args[0], ast.Constant)
    }
    assert written == {rule.code for rule in ALL_RULES}


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.code)
def test_rules_read_well(rule):
    assert rule.title[0].isupper()
    assert not rule.title.endswith(".")
    assert rule.meaning.endswith(".")
    assert not rule.remedy.endswith(".")
    assert rule.accepted is None or rule.severity is Severity.ERROR
