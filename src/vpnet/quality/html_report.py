"""An inspection as one page: an overview of people and videos, what was found, and every course.

The page holds everything it needs, plotly.js included, and loads nothing from outside: it can be
sent by mail and opened from a disk. Plots are drawn when a recording is chosen.
"""

from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from vpnet.plots.style import INK, LIGHT, MODEL_COLORS
from vpnet.quality.inspection import WORDS, InspectedRecording, Inspection, Verdict
from vpnet.quality.reports import NOT_FOR_PEOPLE, finite_measurements, location
from vpnet.quality.trace import encode_trace
from vpnet.recordings.findings import Finding
from vpnet.text_table import counted
from vpnet.whole_files import write_text

MOST_TRACES = 1000
"""A page with the courses of more recordings would be slow to open; it has those of the worst."""

SYMBOLS = {Verdict.GOOD: "✓", Verdict.CARE: "!", Verdict.REFUSED: "×"}
BLUE, VERMILION, GREEN, PINK, _, ORANGE = MODEL_COLORS
PALETTE = {
    "ink": INK,
    "light": LIGHT,
    "blue": BLUE,
    "vermilion": VERMILION,
    "green": GREEN,
    "pink": PINK,
    "orange": ORANGE,
}


def write_html_report(path: str | Path, inspection: Inspection, title: str) -> None:
    """Write the page, whole or not at all."""
    page = files("vpnet.quality") / "page"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    template = environment.from_string((page / "report.html").read_text(encoding="utf-8"))
    text = template.render(
        title=title,
        version=version("vpnet"),
        inspection=inspection,
        palette=PALETTE,
        verdicts=Verdict,
        symbols=SYMBOLS,
        words=WORDS,
        cells=_cells(inspection),
        homeless=[
            (position, one)
            for position, one in enumerate(inspection.recordings)
            if not (one.checked.user_id and one.checked.video_id)
        ],
        label=_label,
        counted=counted,
        data=page_data(inspection),
        style=Markup((page / "report.css").read_text(encoding="utf-8")),
        plots=Markup((page / "plots.js").read_text(encoding="utf-8")),
        program=Markup((page / "report.js").read_text(encoding="utf-8")),
        plotly=Markup(get_plotlyjs()),
    )
    write_text(path, text)


def page_data(inspection: Inspection) -> dict[str, Any]:
    """What the page's program works with, as plain values.

    Texts that all findings of a code share are given once, under ``codes``; a finding has a remedy
    of its own only where it differs.
    """
    codes = {
        one.finding.code: {
            "title": one.finding.title,
            "meaning": one.finding.meaning,
            "remedy": one.finding.remedy,
            "accepted": one.finding.accepted,
            "recordings": one.recordings,
        }
        for one in inspection.codes
    }
    worst = inspection.worst_first()
    drawn = set(worst[:MOST_TRACES])
    # The worst recording of which there is something to draw, or else the worst.
    first = next((one for one in worst if one.trace), worst[0] if worst else None)
    return {
        "words": WORDS,
        "codes": codes,
        "first": None if first is None else inspection.recordings.index(first),
        "recordings": [
            {
                "name": one.checked.name,
                "source": one.checked.source,
                "verdict": one.verdict,
                "measurements": {
                    name: value
                    for name, value in finite_measurements(one).items()
                    if name not in NOT_FOR_PEOPLE
                },
                "findings": [_finding(finding, codes) for finding in one.worst_findings()],
                "trace": encode_trace(one.trace) if one.trace and one in drawn else None,
            }
            for one in inspection.recordings
        ],
    }


def _finding(finding: Finding, codes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    values = {
        "code": finding.code,
        "severity": finding.severity,
        "found": finding.found,
        "where": location(finding),
    }
    if finding.remedy != codes[finding.code]["remedy"]:
        values["remedy"] = finding.remedy
    return values


def _cells(inspection: Inspection) -> dict[tuple[str, str], list[tuple[int, InspectedRecording]]]:
    """Positions and recordings by user and video; several where a recording is there twice."""
    cells: dict[tuple[str, str], list[tuple[int, InspectedRecording]]] = {}
    for position, one in enumerate(inspection.recordings):
        key = (one.checked.user_id, one.checked.video_id)
        cells.setdefault(key, []).append((position, one))
    return cells


def _label(one: InspectedRecording) -> str:
    """What a cell of the overview says to who hovers over it or cannot see it."""
    codes = ", ".join(dict.fromkeys(finding.code for finding in one.worst_findings()))
    return f"{one.checked.name}: {WORDS[one.verdict]}" + (f" ({codes})" if codes else "")
