"""One path for every model: predictions, errors, means, tables, comparisons of runs."""

from vpnet.evaluation.comparison import compare_runs
from vpnet.evaluation.metric import EvaluatedWindows, ViewportMetrics
from vpnet.evaluation.results import results_table
from vpnet.evaluation.summary import summarize

__all__ = [
    "EvaluatedWindows",
    "ViewportMetrics",
    "compare_runs",
    "results_table",
    "summarize",
]
