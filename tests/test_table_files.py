import polars as pl
import pytest
from polars.testing import assert_frame_equal

from vpnet.errors import InputError
from vpnet.table_files import check_output, write_table


@pytest.fixture
def predictions() -> pl.DataFrame:
    return pl.DataFrame(
        {"user": ["S01", "S01"], "yaw_deg": [12.3456789, -170.0], "error_deg": [3.25, None]}
    )


@pytest.mark.parametrize("name", ["table.txt", "table", "table.CSV", "table.csv.gz"])
def test_other_suffixes_are_refused(tmp_path, name):
    with pytest.raises(InputError, match=rf"output=.*{name}: must end in .csv or .parquet"):
        check_output(tmp_path / name)


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "table.csv").mkdir()
    with pytest.raises(InputError, match="table.csv: is a folder; give a file"):
        check_output(tmp_path / "table.csv")


def test_parquet_keeps_every_digit(tmp_path, predictions):
    path = check_output(str(tmp_path / "new" / "table.parquet"))
    write_table(predictions, path)
    assert_frame_equal(pl.read_parquet(path), predictions)


def test_csv_is_rounded_and_leaves_unknown_errors_empty(tmp_path, predictions):
    path = check_output(tmp_path / "table.csv")
    write_table(predictions, path)
    assert path.read_text().splitlines() == [
        "user,yaw_deg,error_deg",
        "S01,12.345679,3.250000",
        "S01,-170.000000,",
    ]
    assert list(tmp_path.iterdir()) == [path]


def test_an_old_file_is_replaced(tmp_path, predictions):
    path = tmp_path / "table.csv"
    path.write_text("old")
    write_table(predictions.head(1), path)
    assert len(pl.read_csv(path)) == 1
