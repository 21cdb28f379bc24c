import pytest

from vpnet.video.fetching.links import direct_link

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
