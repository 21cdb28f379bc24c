"""The page, opened in a real browser.

VPNET_SCREENSHOT=docs/check_report.png pytest tests/inspection/test_html_report.py -k simulated
writes the picture in the documentation.
"""

import io
import os
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from vpnet.quality.html_report import write_html_report
from vpnet.quality.inspection import Inspection, inspect_study
from vpnet.readers.reading import read_any
from vpnet.simulation.simulated_study import write_simulated_study

DEFECTS = (
    "headset",
    "euler_disagrees",
    "gaze_lost",
    "tracking_lost",
    "playback_gaps",
    "face_lost",
    "player_not_synchronised",
    "offset_shifted",
)

SCREENSHOT = os.environ.get("VPNET_SCREENSHOT") and Path(os.environ["VPNET_SCREENSHOT"]).resolve()
"""File for a picture of the page; absent for ordinary tests."""


@pytest.fixture(scope="module")
def simulated_inspection(tmp_path_factory) -> Inspection:
    size, share = (8, 0.07) if SCREENSHOT else (3, 0.25)
    with pytest.MonkeyPatch.context() as patch:
        # The page shows the paths as they were given; a relative one tells nothing of the machine.
        patch.chdir(tmp_path_factory.mktemp("defective"))
        root = write_simulated_study(
            "simulated_study",
            users=size,
            videos=size,
            duration_s=20.0,
            defects=DEFECTS,
            defective_share=share,
            saliency=False,
        )
        return inspect_study(read_any(root, cache=False))


def test_a_simulated_study_with_defects_is_shown(opened, simulated_inspection, tmp_path):
    path = tmp_path / "check.html"
    write_html_report(path, simulated_inspection, title="Simulated study")
    one = opened(path)
    cells = one.page.locator("#overview button.cell")
    assert cells.count() == len(simulated_inspection.recordings)
    refused = [recording.name for recording in simulated_inspection.refused]
    assert one.page.locator("#overview .cell.refused").count() == len(refused) > 0
    warned = next(
        recording.checked
        for recording in simulated_inspection.worst_first()
        if "gaze_lost" in {finding.code for finding in recording.checked.findings}
    )
    one.choose(warned.name)
    shown = one.page.locator("#recording").inner_text()
    assert all(finding.found in shown for finding in warned.findings)
    picture = one.page.screenshot(path=SCREENSHOT)
    assert len(picture) < 300_000, "small enough for the documentation"
    assert_drawn(one.page.locator(".plots").screenshot())


def test_a_click_shows_findings_and_plots(shared_page):
    one = shared_page
    one.choose("B/ride")
    panel = one.page.locator("#recording")
    assert panel.locator("h2").inner_text() == "B/ride"
    finding = panel.locator("details", has_text="EulerYaw differs from the quaternion")
    assert finding.is_visible()
    finding.locator("summary").click()
    assert finding.get_by_text("every direction of the head may be wrong").is_visible()
    assert finding.get_by_text("head.csv, lines 2-7, 9").is_visible()
    assert panel.locator("dl").inner_text().split()[:5] == [
        "rows",
        "1,500",
        "duration",
        "s",
        "20.819",
    ]
    assert_drawn(panel.locator(".plots").screenshot())
    one.choose("C/ride")
    assert panel.locator("h2").inner_text() == "C/ride"
    assert panel.get_by_text("Nothing was found.").is_visible()


def test_a_remedy_of_its_own_is_shown(shared_page):
    one = shared_page
    one.choose("B/walk")
    one.page.locator("#course details.finding summary").click()
    assert one.page.locator("#course").get_by_text("buy another headset").is_visible()


def test_names_stay_text(shared_page, nasty):
    one = shared_page
    assert one.page.title() == "vpnet check: Study <b>& more</b>"
    assert one.page.locator("img").count() == 0
    one.page.locator("#overview button.cell").first.click()
    one.page.wait_for_selector(".plots .main-svg")
    assert one.page.locator("#recording h2").inner_text() == f"{nasty}/ride"
    assert one.page.locator("img").count() == 0


def test_one_of_a_kind_is_no_plural(opened, one_recording, tmp_path):
    write_html_report(tmp_path / "check.html", inspect_study(one_recording), title="B")
    header = opened(tmp_path / "check.html").page.locator("header").inner_text()
    assert all(part in header for part in ("1 recording\n", "1 person\n", "1 video\n"))


def test_the_policy_allows_no_request(shared_page):
    one = shared_page
    asked = one.page.evaluate("fetch('https://example.org').catch(() => 'refused')")
    assert asked == "refused"
    assert any("Content Security Policy" in said for said in one.said)
    one.said.clear()


def test_a_full_study_stays_small(study, repeated, tmp_path):
    """448 recordings, each of which adds the same."""
    sizes = []
    for recordings in (14, 56):
        path = tmp_path / f"{recordings}.html"
        write_html_report(path, inspect_study(repeated(study, recordings)), title="Full")
        sizes.append(path.stat().st_size)
    each = (sizes[1] - sizes[0]) / 42
    assert sizes[1] + (448 - 56) * each < 12e6


def assert_drawn(picture: bytes) -> None:
    """The picture has the colours of the head and of the gaze in it."""
    pixels = matplotlib.image.imread(io.BytesIO(picture))[..., :3]
    for color in ("#0072b2", "#d55e00"):
        rgb = np.array([int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)])
        assert (np.abs(pixels - rgb).max(axis=-1) < 0.02).sum() > 100
