from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpnet.errors import InputError
from vpnet.video.fetching.manifest import ManifestEntry, read_manifest, safe_name


@pytest.fixture
def write(tmp_path):
    """Function that writes a list."""

    def write(text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "videos.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_names_and_links_are_read(write):
    entries = read_manifest(write("name,link\nbeach,http://h/1\nstreet.mp4,https://h/2?x=1\n"))
    assert entries == [
        ManifestEntry("beach", "http://h/1", 2),
        ManifestEntry("street", "https://h/2?x=1", 3),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Title;URL\r\nbeach;http://h/1\r\n",
        "url\ttitle\nhttp://h/1\tbeach\n",
        '\ufeffvideo,year,link\n\n"beach",2017,"http://h/1"\n,,\n',
    ],
)
def test_lists_as_programs_write_them(write, text):
    (entry,) = read_manifest(write(text))
    assert (entry.name, entry.link) == ("beach", "http://h/1")


def test_the_list_of_wu_is_named_as_the_recordings_are(write):
    text = "VideoNo,Content,DropboxLink\n1-1,Conan,https://d/a?dl=0\n2-9,Rhinos,https://d/b?dl=0\n"
    assert [entry.name for entry in read_manifest(write(text))] == ["1_0", "2_8"]
    from_zero = text.replace("1-1", "1-0").replace("2-9", "2-8")
    assert [entry.name for entry in read_manifest(write(from_zero))] == ["1_0", "2_8"]
    other = text.replace("1-1", "A")
    assert [entry.name for entry in read_manifest(write(other))] == ["A-Conan", "2_8"]


def test_every_wrong_row_is_named(write):
    text = "name,link\na,http://h/1\nA,http://h/2\nb,ftp://h/3\n,http://h/4\nc\n"
    with pytest.raises(InputError) as raised:
        read_manifest(write(text))
    message = str(raised.value)
    assert "line 3: 'A' is in line 2 already" in message
    assert "line 4: a link begins with http:// or https://, found 'ftp://h/3'" in message
    assert "line 5: no name, found ''" in message
    assert "line 6: a link begins with" in message
    assert "line 2:" not in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a column of names (name, video, title, or VideoNo)"),
        ("a,b\n1,2\n", "found a, b; give a CSV file with the columns name and link"),
        ("name,link\n", "lists no video"),
    ],
)
def test_what_is_no_list_is_refused(write, text, message):
    with pytest.raises(InputError) as raised:
        read_manifest(write(text))
    assert message in str(raised.value)


def test_a_file_that_cannot_be_read_is_refused(write, tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_manifest(tmp_path / "none.csv")
    with pytest.raises(InputError, match="is no text in UTF-8"):
        read_manifest(write("name,link\nStraße,http://h/1\n", "latin-1"))


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a/b\\c:d", "a_b_c_d"),
        ("con", "_con"),
        ("NUL.tar", "_NUL.tar"),
        (".hidden", "hidden"),
        ("Strand \u00fcber K\u00f6ln.MP4", "Strand \u00fcber K\u00f6ln"),
        (" . ", ""),
    ],
)
def test_names_are_made_safe(name, safe):
    assert safe_name(name) == safe


@given(st.text())
def test_any_name_can_be_a_file(tmp_path_factory, name):
    safe = safe_name(name)
    assert safe == safe_name(safe)
    assert len(safe.encode(errors="surrogatepass")) <= 180
    assert not set(safe) & set('/\\:*?"<>|\0\n')
    assert safe not in (".", "..")
    assert safe == "" or safe[0] != "."
