"""One path for every model: predictions, errors, means, tables, comparisons of runs."""
