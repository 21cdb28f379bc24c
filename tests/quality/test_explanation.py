from vpnet.quality.reports import explain_checks
from vpnet.recordings.findings import RULES, Rule, Severity


def test_the_page_in_docs_is_what_the_program_says(repository):
    written = (repository / "docs" / "CHECKS.md").read_text(encoding="utf-8")
    assert written == explain_checks(), "run: vpnet check --explain > docs/CHECKS.md"


def test_every_check_is_explained_once():
    page = explain_checks()
    for rule in RULES.values():
        assert page.count(f"### `{rule.code}`\n") == 1
        assert rule.meaning in page
        assert rule.remedy in page


def test_errors_say_what_accepting_them_does():
    rules = (
        Rule("may", Severity.ERROR, "May", meaning="A.", remedy="b", accepted="rows are dropped"),
        Rule("must_not", Severity.ERROR, "Must not", meaning="A.", remedy="b"),
        Rule("good_to_know", Severity.NOTE, "Good to know", meaning="A.", remedy="b"),
    )
    page = explain_checks(rules)
    assert "- Accepted: rows are dropped.\n" in page
    assert "- Accepted: not possible.\n" in page
    assert page.count("- Accepted:") == 2
    assert page.index("## Errors") < page.index("## Notes")
    assert "## Warnings" not in page
