import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from vpnet.video.download import RetrySettings, fetch_videos
from vpnet.video.manifest import ManifestEntry

FAST = RetrySettings(retries=2, wait_s=0.001, timeout_s=1.0)


@pytest.fixture
def fetch(server, tmp_path):
    """Function that fetches paths of the server into a folder, each named by its first word."""

    def fetch(*paths: str):
        entries = [
            ManifestEntry(path.split(".")[0], server.link(path), line)
            for line, path in enumerate(paths, start=2)
        ]
        return fetch_videos(entries, tmp_path / "videos", 2, FAST)

    return fetch


def test_good_files_come_and_the_others_are_named(fetch, server, tmp_path):
    paths = ("fine.mp4", "cut.mp4", "missing.mp4", "garbage.mp4", "short.mp4", "disguised.mp4")
    results = fetch(*paths)
    assert [result.state for result in results] == ["fetched"] * 2 + ["missing"] * 4
    assert [result.name for result in results[:3]] == ["fine.mp4", "cut.mp4", "missing"]
    assert results[0].size_bytes == len(server.content)
    assert results[0].duration_s == pytest.approx(14 / 30)
    missing, garbage, short, disguised = (result.failure for result in results[2:])
    assert "404" in missing
    assert garbage.startswith("not a video that ffmpeg knows")
    assert short.startswith(("was cut", "an mp4 without its index"))
    assert "a web page came instead" in disguised
    files = {path.name for path in (tmp_path / "videos").iterdir() if path.suffix != ".lock"}
    assert files == {"fine.mp4", "cut.mp4"}


def test_what_is_there_is_left_alone(fetch, server):
    fetch("fine.mp4")
    (again,) = fetch("fine.mp4")
    assert again.state == "there already"
    assert len(server.ranges("fine.mp4")) == 1


def test_a_bad_file_is_replaced_by_a_good_one_only(fetch, server, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("fine.mp4", "missing.mp4"):
        (folder / name).write_bytes(b"half a video")
    fine, missing = fetch("fine.mp4", "missing.mp4")
    assert fine.state == "fetched"
    assert (folder / "fine.mp4").read_bytes() == server.content
    assert missing.state == "missing"
    assert (folder / "missing.mp4").read_bytes() == b"half a video"


def test_a_link_that_cannot_be_right_is_not_followed(server, fetch, tmp_path):
    entry = ManifestEntry("2_8", server.link("fine.mp4"), 2, "the link of another video")
    (missing,) = fetch_videos([entry], tmp_path / "videos", 2, FAST)
    assert (missing.state, missing.failure) == ("missing", "the link of another video")
    assert server.requests == []
    fetch("fine.mp4")
    (tmp_path / "videos" / "fine.mp4").rename(tmp_path / "videos" / "2_8.mp4")
    (found,) = fetch_videos([entry], tmp_path / "videos", 2, FAST)
    assert found.state == "there already", "who has the right file keeps it"


def test_a_full_disk_is_named(server, tmp_path):
    """A limit on the size of files stops the writing as a full disk does."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(server.content) // 2, limits[1]))
    try:
        entry = ManifestEntry("fine", server.link("fine.mp4"), 2)
        (missing,) = fetch_videos([entry], tmp_path / "videos", 2, FAST)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert missing.failure == "File too large; what was loaded is kept, fix this and fetch again"
    (fetched,) = fetch_videos([entry], tmp_path / "videos", 2, FAST)
    assert fetched.state == "resumed"
    assert (tmp_path / "videos" / "fine.mp4").read_bytes() == server.content


def test_the_ending_comes_from_the_link_or_the_server(fetch):
    assert fetch("typed")[0].name == "typed.webm"
    assert fetch("fine.mov")[0].name == "fine.mov"
    assert fetch("plain")[0].name == "plain.mp4"


def test_two_runs_on_a_folder_share_the_work(fetch, server, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(fetch, "fine.mp4", "cut.mp4") for _ in range(2)]
        results = [result for run in runs for result in run.result()]
    assert not any(result.failure for result in results)
    assert len(server.ranges("fine.mp4")) == 1
    for name in ("fine.mp4", "cut.mp4"):
        assert (tmp_path / "videos" / name).read_bytes() == server.content
