from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpnet.errors import InputError
from vpnet.video.manifest import ManifestEntry, direct_link, read_manifest, safe_name


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
        "\n;;\nname;link\nbeach;http://h/1\n",
    ],
)
def test_lists_as_programs_write_them(write, text):
    (entry,) = read_manifest(write(text))
    assert (entry.name, entry.link) == ("beach", "http://h/1")


def test_the_list_of_wu_is_named_as_the_recordings_are(write):
    text = (
        "VideoNo,VideoDuration,Content,VideoLink,DropboxLink\n"
        "1,4:38,Weekly: Dance,https://y/v?v=1,https://d/s/a/2-1-Some%20Dance.mp4?dl=0\n"
        "9,8:40,Interview,https://y/v?v=9,https://d/s/b/2-9-Talk.mp4?dl=0\n"
    )
    path = write(text)
    entries = read_manifest(path)
    assert [entry.name for entry in entries] == ["2_0", "2_8"]
    assert entries[0].link == "https://d/s/a/2-1-Some%20Dance.mp4?dl=0"
    assert not any(entry.complaint for entry in entries)
    unnamed = path.read_text().replace("/2-1-", "/").replace("/2-9-", "/")
    with pytest.raises(InputError, match="line 2: the experiment is unknown"):
        read_manifest(write(unnamed))
    kept = path.parent / "Experiment_2" / "videoMeta.csv"
    kept.parent.mkdir()
    kept.write_text(unnamed)
    assert [entry.name for entry in read_manifest(kept)] == ["2_0", "2_8"]
    with pytest.raises(InputError, match="line 3: VideoNo must be a whole number from 1, found"):
        read_manifest(write(text.replace("\n9,", "\nnine,")))


def test_a_link_of_another_video_is_noticed(write, tmp_path):
    """The authors' list gives video 9 of experiment 2 the link of video 8."""
    folder = tmp_path / "Experiment_2"
    folder.mkdir()
    path = folder / "videoMeta.csv"
    link = "https://d/s/b/2-8-Concert.mp4?dl=0"
    path.write_text(f"VideoNo,Content,DropboxLink\n8,Concert,{link}\n9,Interview,{link}\n")
    right, wrong = read_manifest(path)
    assert (right.name, right.complaint) == ("2_7", "")
    assert wrong.name == "2_8"
    assert "the link of video 2-8" in wrong.complaint


def test_every_wrong_row_is_named(write):
    text = "name,link\na,http://h/1\nA,http://h/2\nb,ftp://h/3\n,http://h/4\nc\nd,http://[h\n"
    with pytest.raises(InputError) as raised:
        read_manifest(write(text))
    message = str(raised.value)
    assert "line 3: 'A' is in line 2 already" in message
    assert "line 4: a link begins with http:// or https://, found 'ftp://h/3'" in message
    assert "line 5: no name, found ''" in message
    assert "line 6: a link begins with" in message
    assert "line 7: a link begins with http:// or https://, found 'http://[h'" in message
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


DRIVE = "https://drive.usercontent.google.com/download?id=abc&export=download&confirm=t"


@pytest.mark.parametrize(
    ("shared", "direct"),
    [
        ("https://www.dropbox.com/s/k/v.mp4?dl=0", "https://www.dropbox.com/s/k/v.mp4?dl=1"),
        ("https://www.dropbox.com/s/k/v.mp4", "https://www.dropbox.com/s/k/v.mp4?dl=1"),
        (
            "https://www.dropbox.com/scl/fi/k/v.mp4?rlkey=x&dl=0",
            "https://www.dropbox.com/scl/fi/k/v.mp4?rlkey=x&dl=1",
        ),
        ("https://drive.google.com/file/d/abc/view?usp=sharing", DRIVE),
        ("https://drive.google.com/open?id=abc", DRIVE),
        (
            "https://drive.google.com/drive/folders/abc",
            "https://drive.google.com/drive/folders/abc",
        ),
        ("https://example.org/v.mp4?dl=0", "https://example.org/v.mp4?dl=0"),
        ("https://notdropbox.com/v.mp4?dl=0", "https://notdropbox.com/v.mp4?dl=0"),
    ],
)
def test_shared_links_are_made_direct(shared, direct):
    assert direct_link(shared) == direct
    assert direct_link(direct) == direct
