"""Tables on disk: written whole or not at all, read only where their columns are right."""

from collections.abc import Mapping
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


def write_table(table: pl.DataFrame, path: Path) -> None:
    """Write a table as CSV or parquet, by the suffix of ``path``; CSV has six decimals.

    Args:
        table: Any table.
        path: File to write; its folder is made where it is missing.
    """
    with whole_file(path) as temporary:
        if path.suffix == ".csv":
            table.write_csv(temporary, float_precision=6)
        else:
            table.write_parquet(temporary, compression="zstd")


def read_table(path: Path, schema: Mapping[str, object], remedy: str) -> pl.DataFrame:
    """A table of a run, which `write_table` has written as parquet.

    Args:
        path: File that exists.
        schema: Its columns and their types, in order.
        remedy: What to do about a file that is no such table.

    Raises:
        InputError: The file is damaged, has other columns, or no row.
    """
    try:
        table = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path} is not a readable parquet file ({error}); {remedy}") from error
    if dict(table.schema) != schema:
        raise InputError(
            f"{path} must have the columns {_columns(schema)}, found {_columns(table.schema)}; "
            f"{remedy}"
        )
    if table.is_empty():
        raise InputError(f"{path} has no row: no window was evaluated; check the run's split")
    return table


def _columns(schema: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in schema.items())
