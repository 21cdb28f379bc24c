"""The page that explains a questionnaire to those who fill it in."""

from vpnet.questionnaires.schema import (
    AfterStudy,
    BeforeStudy,
    Session,
    Viewing,
)

CODEBOOK_NAME = "questionnaire_codebook.md"

_SECTIONS = (
    ("pre", "pre", BeforeStudy),
    ("sessions", "session", Session),
    ("videos", "video", Viewing),
    ("post", "post", AfterStudy),
)

_RULES = """\
# Questions to participants

Each participant has one file. Leave what was not answered as it is: `null` in JSON, an empty cell
in CSV. Write answers exactly as listed here; capitals and spaces do not matter. A video that a
participant did not see is deleted from the list, or left without session and position.

Models are given what is known before a video begins: `pre`, `sessions`, and the place of the video
in the study. `post`, `interest` and `familiarity` are for analysis only.
"""


def write_codebook() -> str:
    """Every question with its allowed answers, as Markdown; made from the schema."""
    lines = [_RULES]
    for key, section, answers in _SECTIONS:
        meaning = (answers.__doc__ or "").strip()
        lines += [f"## {key} (CSV: section {section})\n", f"{meaning}\n"]
        lines += ["| question | asks | allowed answers |", "|---|---|---|"]
        lines += [
            f"| {name} | {question.text} | {question.allowed} |"
            for name, question in answers.questions().items()
        ]
        lines.append("")
    return "\n".join(lines)
