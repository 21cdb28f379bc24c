import pytest

from vpnet.errors import InputError
from vpnet.recordings.csv_table import UnreadableTable, read_csv_table
from vpnet.recordings.findings import RULES, Severity


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


def test_columns_by_what_the_file_has(csv_file):
    path = csv_file("\ufeffa, b\r\n1,2\r\n")
    assert read_csv_table(path, lambda names: names[::-1]).rows() == [(2.0, 1.0)]
    with pytest.raises(InputError, match="lacks 1 of the columns it must have: c; found a, b"):
        read_csv_table(path, lambda names: [*names, "c"])


@pytest.mark.parametrize("end", ["\n", "\n\n\n", "\r\n\r\n", " \n", "\n \t\n ", "\n  "])
def test_blank_lines_at_the_end_are_no_rows(csv_file, end):
    findings = []
    table = read_csv_table(csv_file("a,b\n1,2\n3,4\n" + end), ["a", "b"], findings=findings)
    assert table.rows() == [(1.0, 2.0), (3.0, 4.0)]
    assert findings == []


def test_cut_off_line_before_blank_lines_is_dropped(csv_file):
    findings = []
    table = read_csv_table(csv_file("a,b\n1,2\n3\n\n"), ["a", "b"], findings=findings)
    assert table.rows() == [(1.0, 2.0)]
    assert [(one.code, one.lines) for one in findings] == [("last_line_cut", ((3, 3),))]


def test_blank_last_value_is_a_value(csv_file):
    table = read_csv_table(csv_file("a,b\n1,2\n3, \n"), ["a"], text=["b"], findings=[])
    assert table.rows() == [(1.0, "2"), (3.0, "")]


@pytest.mark.parametrize(("last", "found"), [("5", 1), ("5,6", 2), ("5,6\n", 2), ("5,6,", 2)])
def test_cut_off_last_line_is_dropped_and_noted(csv_file, last, found):
    path = csv_file("a,b,c\n1,2,3\n3,4,5\n" + last)
    findings = []
    table = read_csv_table(path, numeric=["a", "b"], findings=findings)
    assert table.rows() == [(1.0, 2.0), (3.0, 4.0)]
    (cut,) = findings
    assert (cut.code, cut.severity, cut.rows) == ("last_line_cut", Severity.NOTE, 1)
    message = f"{path}, line 4: the last line is cut off, found {found} of 3 values; "
    assert cut.message.startswith(message)
    with pytest.raises(InputError, match=rf"line 4: .*found {found} of 3 values; copy the file"):
        read_csv_table(path, numeric=["a", "b"])


def test_whole_last_line_without_line_end_is_kept(csv_file):
    findings = []
    table = read_csv_table(csv_file("a,b\n1,2\n3,4"), numeric=["a"], findings=findings)
    assert table["a"].to_list() == [1.0, 3.0]
    assert findings == []


def test_optional_columns_are_nan_where_they_hold_no_number(csv_file):
    path = csv_file('a,b,c\n1,,x\n2,n/a,y\n3,"4 ",z\n')
    table = read_csv_table(path, numeric=["a"], text=["c"], optional=["absent", "b"])
    assert table.columns == ["a", "b", "c"]
    assert table["b"].fill_nan(None).to_list() == [None, None, 4.0]
    alone = read_csv_table(path, numeric=[], text=["c"], optional=["absent"])
    assert alone.rows() == [("x",), ("y",), ("z",)]


def test_error_becomes_a_finding(csv_file):
    path = csv_file("a,b\n1,2\n1,x\n1,2\n")
    with pytest.raises(UnreadableTable) as raised:
        read_csv_table(path, numeric=["a", "b"])
    found = raised.value.finding(RULES["unreadable"], "or leave it out")
    assert (found.code, found.file, found.lines) == ("unreadable", str(path), ((3, 3),))
    assert found.message == (
        f"{path}, line 3: column b: the value must be a finite number, found 'x'; fix the value "
        "or delete the line, or leave it out"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"head\.csv: the file is empty"),
        ("\ufeff\n", r"head\.csv: the file is empty"),
        ("a,b\n", "names in line 1 but no rows"),
        ("a,b\n \n\n", "names in line 1 but no rows"),
        ("a,b\n1,2\n\n3,4\n", r"line 3, column a: .* found no value"),
        ("a,b\n1", "line 2: the last line is cut off, found 1 of 2 values; copy the file again"),
        ("a,c\n1,2\n", r"lacks 1 of the columns it must have: b; found a, c; export it"),
        ("a;b\n1;2\n", "line 1: the values must be separated by commas, found semicolons, as"),
        ("a\tb\n1\t2\n", "line 1: the values must be separated by commas, found tabs, as"),
        ("a,b\n1,5,2,25\n", "line 2: a line must have 2 .*, found 4; .* with points in numbers"),
        ('a,b\n"1,5",2\n', "line 2, column a: .*found '1,5'; .* with points in numbers"),
        ("b,a,b\n1,2,3\n", "line 1: every column must have a name of its own, found twice: b; "),
        ("a,b\n1,2\n3,x\n", r"line 3, column b: the value must be a finite number, found 'x'"),
        ("a,b\n1,2\nNaN,x\n", r"line 3, column a: .* found 'NaN'"),
        ("a,b\n1,2\n1,-inf\n1,2\n", r"line 3, column b: .* found '-inf'"),
        ("a,b\n1,2\n,2\n1,2\n", r"line 3, column a: .* found no value; fix the value or delete"),
        ("a,b\n1,2\n1\n1,2\n", r"line 3, column b: .* found no value"),
        ("a,b\n1,2\n1,2,3\n1,2\n", "line 3: a line must have 2 values, found 3"),
        ("a,b\n1,2\n1.5,2,3\n", "line 3: a line must have 2 values, found 3; fix or delete it"),
        ("a,b\n1,2\n".encode("utf-16"), "line 1: the file must be UTF-8 text, found UTF-16; save"),
        ("a,b\n1,2\n".encode("utf-16-le"), "line 1: the file must be UTF-8 text, found UTF-16"),
        (b"a,\xe9\n1,2\n", "line 1: the file must be UTF-8 text, found byte 0xe9; save it as"),
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
