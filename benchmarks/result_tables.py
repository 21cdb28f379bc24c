"""Writes the tables of README.md and docs/RESULTS.md from docs/results/*.csv: `make result-tables`.

A table stands between two comments of the page, ``<!-- table NAME -->`` and ``<!-- end -->``, where
NAME is a file of docs/results without its suffix, or ``summary``: the mean error over 2-5 s of the
models of `SUMMARY` on every protocol of `PROTOCOLS`. Cells are copied from the files; only the mark
of a model that is worse than static is computed.
"""

import re
import sys
from pathlib import Path

import polars as pl

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"
PAGES = (ROOT / "README.md", ROOT / "docs" / "RESULTS.md")
STATIC = "static"
WORSE = "†"

SUMMARY = (
    "fusion + crowd",
    "fusion + behavioural",
    "fusion",
    "star_vp",
    "lstm",
    "linear",
    "static",
    "constant_velocity",
)
PROTOCOLS = {
    "wu_exp1": "Wu et al.",
    "david": "David et al.",
    "xu_new_user_known_video": "Xu et al.",
}


def main() -> None:
    """Write the pages; with ``--check``, only say whether they are up to date."""
    outdated = [page for page in PAGES if page.read_text(encoding="utf-8") != rewritten(page)]
    if "--check" in sys.argv[1:]:
        sys.exit(f"run `make result-tables`: {outdated}" if outdated else 0)
    for page in outdated:
        page.write_text(rewritten(page), encoding="utf-8")
        print(f"written: {page.relative_to(ROOT)}")


def rewritten(page: Path) -> str:
    """The text of a page with its tables made anew."""
    place = re.compile(r"(<!-- table (\S+) -->\n).*?(?=<!-- end -->)", flags=re.DOTALL)
    text = page.read_text(encoding="utf-8")
    return place.sub(lambda match: f"{match[1]}\n{table(match[2])}\n\n", text)


def table(name: str) -> str:
    """A table in Markdown."""
    if name == "summary":
        files = {protocol: read(protocol) for protocol in PROTOCOLS}
        rows = [
            [model, *(range_cell(file, model, "2-5_s") for file in files.values())]
            for model in SUMMARY
        ]
        return markdown(["model", *PROTOCOLS.values()], rows)
    file = read(name)
    columns = [column for column in file.columns if re.fullmatch(r"[\d.-]+_s", column)]
    horizons = [column for column in columns if "-" not in column]
    ranges = [column for column in columns if "-" in column]
    rows = []
    for row in file.iter_rows(named=True):
        model, seeds = row["model"], row["seeds"]
        label = f"{model}, {seeds} seed{'s' * (seeds != '1')}" if seeds else model
        cells = [cell(file, model, column) for column in horizons]
        rows.append([label, *cells, *(range_cell(file, model, column) for column in ranges)])
    return markdown(["model", *(column.replace("_", " ") for column in columns)], rows)


def read(name: str) -> pl.DataFrame:
    """A file of results, its cells as text."""
    return pl.read_csv(RESULTS / f"{name}.csv", infer_schema=False).fill_null("")


def cell(file: pl.DataFrame, model: str, column: str) -> str:
    """The error of a model, marked where it is worse than that of static."""
    found, static = (
        file.filter(pl.col("model") == name)[column].item() for name in (model, STATIC)
    )
    return found + WORSE * (float(found) > float(static))


def range_cell(file: pl.DataFrame, model: str, column: str) -> str:
    """The mean error of a model over some horizons, with its interval."""
    row = file.filter(pl.col("model") == model)
    low, high = row[f"{column}_low"].item(), row[f"{column}_high"].item()
    return f"{cell(file, model, column)} [{low}, {high}]"


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """Lines of a Markdown table, numbers to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
