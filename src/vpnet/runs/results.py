"""The table of results: one model beside the next, the static baseline among them."""

from collections.abc import Mapping
from typing import Any

from vpnet.errors import InputError
from vpnet.evaluation.horizons import horizon_label
from vpnet.evaluation.summary import mean_errors_deg
from vpnet.evaluation.text_table import TextTable

WORSE_MARK = "†"
UNKNOWN = "–"

_MEANS = (("users", "mean_over_users"), ("windows", "mean_over_windows"))


def results_table(
    summaries: Mapping[str, Mapping[str, Any]],
    *,
    baseline: str = "static",
    title: str = "Great-circle error in degrees",
) -> TextTable:
    """Mean errors of several models at the reported horizons.

    Each model has a row of means over users, with 95 % intervals on the ranges of horizons, and a
    row of means over windows. An error larger than the baseline's is marked.

    Args:
        summaries: By model name, each from `vpnet.evaluation.summary.summarize`.
        baseline: Name of the summary that the others are held against.
        title: Heading of the table.

    Returns:
        The table; `TextTable.to_rich` prints it, `TextTable.to_markdown` writes it.

    Raises:
        InputError: The baseline is not among the models.
    """
    if baseline not in summaries:
        raise InputError(
            f"every table of results has its baseline beside it, {baseline!r} is not among "
            f"{', '.join(summaries) or 'no models'}; evaluate it too"
        )
    labels = _labels(summaries)
    worse = False
    sections = []
    for name, summary in summaries.items():
        rows = []
        for mean_name, mean in _MEANS:
            errors_deg = mean_errors_deg(summary, mean)
            reference_deg = mean_errors_deg(summaries[baseline], mean)
            cells = []
            for label in labels:
                error, reference = errors_deg.get(label), reference_deg.get(label)
                marked = is_worse(error, reference)
                worse |= marked
                cells.append(_cell(summary, label, mean, error, marked))
            rows.append((name if not rows else "", mean_name, *cells))
        sections.append(tuple(rows))
    footnotes = (_counts(summaries),)
    if worse:
        footnotes += (f"{WORSE_MARK} worse than {baseline}",)
    return TextTable(title, ("model", "mean over", *labels), tuple(sections), footnotes)


def _labels(summaries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """All horizons in increasing order, then all ranges."""
    horizons = {row["horizon_s"] for summary in summaries.values() for row in summary["horizons"]}
    ranges = dict.fromkeys(name for summary in summaries.values() for name in summary["ranges"])
    return [*map(horizon_label, sorted(horizons)), *ranges]


def is_worse(error_deg: float | None, reference_deg: float | None) -> bool:
    """Whether the printed error is larger; rounding noise is no difference."""
    if error_deg is None or reference_deg is None:
        return False
    return round(error_deg, 2) > round(reference_deg, 2)


def _cell(
    summary: Mapping[str, Any], label: str, mean: str, error_deg: float | None, is_worse: bool
) -> str:
    if error_deg is None:
        return UNKNOWN
    text = f"{error_deg:.2f}{WORSE_MARK if is_worse else ''}"
    interval = summary["ranges"].get(label, {}).get("error_deg", {}).get("interval")
    if mean == "mean_over_users" and interval is not None:
        text += f" [{interval[0]:.2f}, {interval[1]:.2f}]"
    return text


def _counts(summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """How many windows and users the means are over; by model where that differs."""
    counts = {
        name: f"{summary['window_count']:,} windows of {summary['user_count']} users"
        for name, summary in summaries.items()
    }
    intervals = "in brackets: 95 % bootstrap interval over users"
    if len(set(counts.values())) == 1:
        return f"{next(iter(counts.values()))}; {intervals}"
    differing = "; ".join(f"{name}: {count}" for name, count in counts.items())
    return f"NOT the same windows ({differing}); {intervals}"
