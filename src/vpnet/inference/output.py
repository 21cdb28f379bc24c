"""Prediction files, written whole or not at all."""

from pathlib import Path

import polars as pl

from vpnet.errors import InputError
from vpnet.whole_files import whole_file

SUFFIXES = (".csv", ".parquet")


def check_output(path: str | Path) -> Path:
    """Refuse an output that could not be written, before any work is done.

    Raises:
        InputError: The suffix is unknown, or the path is a folder.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise InputError(f"output={path}: must end in {' or '.join(SUFFIXES)}")
    if path.is_dir():
        raise InputError(f"output={path}: is a folder; give a file")
    return path


def write_predictions(predictions: pl.DataFrame, path: Path) -> None:
    """Write predictions as CSV or parquet, by the suffix of ``path``.

    Args:
        predictions: From `vpnet.inference.predictor.Predictor.predict`.
        path: File to write; its folder is made where it is missing.
    """
    with whole_file(path) as temporary:
        if path.suffix == ".csv":
            predictions.write_csv(temporary, float_precision=6)
        else:
            predictions.write_parquet(temporary)
