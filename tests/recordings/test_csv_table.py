import pytest

from vpnet.errors import InputError
from vpnet.recordings.csv_table import read_csv_header, read_csv_table


@pytest.fixture
def csv_file(tmp_path):
    def write(content):
        path = tmp_path / "head.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        "b,name,a\n2,x,1\n4,y,3\n",
        "\ufeffa, b ,name\n1,2,x\n3,4,y\n",
        '"a","b","name"\r\n1,2,x\r\n3,4,y\r\n',
        "a,unused,b,name\n 1,?,2.0,x\n+3,?,4e0 ,y",
    ],
    ids=["order", "byte_order_mark", "windows", "spaces"],
)
def test_columns_by_name(csv_file, content):
    table = read_csv_table(csv_file(content), numeric=["a", "b"], text=["name"])
    assert table.rows() == [(1.0, 2.0, "x"), (3.0, 4.0, "y")]
    assert table.columns == ["a", "b", "name"]


def test_header(csv_file):
    assert read_csv_header(csv_file("\ufeffa, b\r\n1,2\r\n")) == ["a", "b"]


@pytest.mark.parametrize("last", ["5", "5,6", "5,6\n", "5,6,"])
def test_cut_off_last_line_is_dropped_and_logged(csv_file, last, caplog):
    table = read_csv_table(csv_file("a,b,c\n1,2,3\n3,4,5\n" + last), numeric=["a", "b"])
    assert table.rows() == [(1.0, 2.0), (3.0, 4.0)]
    assert "head.csv, line 4: the last line is cut off" in caplog.text
    assert "of 3 values) and is dropped" in caplog.text


def test_whole_last_line_without_line_end_is_kept(csv_file, caplog):
    assert read_csv_table(csv_file("a,b\n1,2\n3,4"), numeric=["a"])["a"].to_list() == [1.0, 3.0]
    assert not caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"head\.csv: the file is empty"),
        ("\ufeff\n", r"head\.csv: the file is empty"),
        ("a,b\n", "names in line 1 but no rows"),
        ("a,b\n1", "names in line 1 but no rows"),
        ("a,c\n1,2\n", r"lacks 1 of the columns it must have: b; found a, c\. Export it"),
        ("a;b\n1;2\n", "lacks 2 of the columns it must have: a, b; found a;b"),
        ("a,b\n1,2\n3,x\n", r"line 3, column b: the value must be a finite number, found 'x'"),
        ("a,b\n1,2\nNaN,x\n", r"line 3, column a: .* found 'NaN'"),
        ("a,b\n1,2\n1,-inf\n1,2\n", r"line 3, column b: .* found '-inf'"),
        ("a,b\n1,2\n,2\n1,2\n", r"line 3, column a: .* found no value; mend the value or delete"),
        ("a,b\n1,2\n1\n1,2\n", r"line 3, column b: .* found no value"),
        ("a,b\n1,2\n1,2,3\n1,2\n", "line 3: a line must have 2 values, found 3"),
        ("a,b\n1,2\n".encode("utf-16"), "line 1: the file must be UTF-8 text, found byte 0xff"),
        (b"a,b\n1,2\n1,\xe9\n", "line 3: the file must be UTF-8 text, found byte 0xe9"),
    ],
)
def test_bad_file_is_refused(csv_file, content, message):
    with pytest.raises(InputError, match=message):
        read_csv_table(csv_file(content), numeric=["a", "b"])


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"eye\.csv: the file cannot be read \(No such file"):
        read_csv_table(tmp_path / "eye.csv", numeric=["a"])


def test_many_missing_columns_are_counted(csv_file):
    wanted = [f"w{number}" for number in range(20)]
    with pytest.raises(InputError, match="lacks 20 of the columns .*w11, and 8 more; found a"):
        read_csv_table(csv_file("a\n1\n"), numeric=wanted)
