"""The page, opened in a real browser.

VPNET_SCREENSHOT=docs/check_report.png pytest tests/inspection/test_html_report.py -k simulated
writes the picture in the documentation.
"""

import io
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.image
import numpy as np
import pytest

from vpnet.inspection.html_report import write_html_report
from vpnet.inspection.study import Inspection, inspect_study
from vpnet.recordings.reading import read_any
from vpnet.simulation.study import write_simulated_study

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

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


@dataclass
class Opened:
    """A page in the browser, and everything that it should not have done."""

    page: "Page"
    said: list[str] = field(default_factory=list)
    asked_for: list[str] = field(default_factory=list)

    def choose(self, name: str) -> None:
        """Click a recording in the overview and wait for its plots."""
        self.page.locator(f'button.cell[title^="{name}: "]').click()
        self.page.wait_for_selector(".plots .main-svg")


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    chromium = shutil.which("chromium")
    if chromium is None:
        message = "chromium is not installed"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    if not os.environ.get("CI"):
        pytest.importorskip("playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def opened(browser) -> Iterator[Callable[[Path], Opened]]:
    """Function that opens a page; in the end it must have been quiet, and asked for nothing."""
    pages: list[Opened] = []

    def open_page(path: Path) -> Opened:
        one = Opened(browser.new_page(viewport={"width": 1400, "height": 1000}))
        pages.append(one)
        one.page.on("console", lambda message: one.said.append(message.text))
        one.page.on("pageerror", lambda error: one.said.append(str(error)))
        one.page.on("dialog", lambda dialog: one.said.append(dialog.message))
        one.page.on("request", lambda request: one.asked_for.append(request.url))
        one.page.goto(path.as_uri())
        return one

    yield open_page
    for one in pages:
        assert one.said == []
        assert one.asked_for == [one.page.url], "nothing but the file itself"
        one.page.close()


@pytest.fixture(scope="module")
def page_file(study, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "check.html"
    write_html_report(path, inspect_study(study), title="Study <b>& more</b>")
    return path


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


def test_a_click_shows_findings_and_plots(opened, page_file):
    one = opened(page_file)
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
        "1500",
        "duration",
        "s",
        "20.819",
    ]
    assert_drawn(panel.locator(".plots").screenshot())
    one.choose("C/ride")
    assert panel.locator("h2").inner_text() == "C/ride"
    assert panel.get_by_text("Nothing was found.").is_visible()


def test_lines_are_parted_at_the_seam_and_where_gaze_was_lost(opened, page_file):
    one = opened(page_file)
    one.choose("B/ride")
    lines = one.page.evaluate(
        "document.querySelector('.plots').data.map(({ name, x, y, yaxis }) => "
        "({ name, yaxis, x: Array.from(x), y: Array.from(y) }))"
    )
    by_name = {(line["yaxis"], line["name"]): line for line in lines}
    head = by_name["y", "head"]
    assert head["y"].count(None) == 2, "the head crosses the seam at 5 and at 15 s"
    yaw_deg = np.array(head["y"], dtype=float)
    assert np.nanmax(np.abs(np.diff(yaw_deg))) < 5
    times_s = np.array(head["x"])
    turned_deg = np.abs(yaw_deg - 36 * times_s) % 360
    assert np.nanmax(np.minimum(turned_deg, 360 - turned_deg)) < 0.1
    gaze_times_s = np.array(by_name["y", "gaze"]["x"])
    known = [value is not None for value in by_name["y", "gaze"]["y"]]
    assert not ((gaze_times_s[known] > 5.1) & (gaze_times_s[known] < 7.9)).any()


def test_a_file_of_nobody_is_shown_without_plots(opened, page_file):
    one = opened(page_file)
    one.page.locator('button.cell[title^="study/torn.csv"]').click()
    panel = one.page.locator("#recording")
    assert panel.get_by_text("line 3 holds a word").is_visible()
    assert panel.get_by_text("There is nothing to draw here").is_visible()


def test_an_opened_code_filters_the_overview(opened, page_file, nasty):
    one = opened(page_file)
    lost = one.page.locator('details[data-code="gaze_lost"]')
    lost.locator("summary").click()
    one.page.wait_for_selector("#overview.filtered")
    titles = one.page.locator("#overview .cell.concerned").evaluate_all(
        "cells => cells.map((cell) => cell.title.split(': ')[0])"
    )
    assert titles == [f"{nasty}/ride", f"{nasty}/walk"]
    assert lost.get_by_text("Much of the gaze is unknown.").is_visible()
    assert lost.locator("li").count() == 2
    one.page.locator('details[data-code="euler_disagrees"] summary').click()
    one.page.wait_for_selector('details[data-code="gaze_lost"]:not([open])')
    assert one.page.locator("#overview .cell.concerned").count() == 1
    one.page.locator('details[data-code="euler_disagrees"] .concerned button').click()
    assert one.page.locator("#recording h2").inner_text() == "B/ride"
    one.page.locator('details[data-code="euler_disagrees"] summary').click()
    one.page.wait_for_selector("#overview:not(.filtered)")


def test_names_stay_text(opened, page_file, nasty):
    one = opened(page_file)
    assert one.page.title() == "vpnet check: Study <b>& more</b>"
    assert one.page.locator("img").count() == 0
    one.page.locator("#overview button.cell").first.click()
    one.page.wait_for_selector(".plots .main-svg")
    assert one.page.locator("#recording h2").inner_text() == f"{nasty}/ride"
    assert one.page.locator("img").count() == 0


def test_the_keyboard_is_enough(opened, page_file):
    one = opened(page_file)
    focused = "document.activeElement.title.split(': ')[0]"
    one.page.locator("#overview button.cell").first.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft"):
        one.page.keyboard.press(key)
    assert one.page.evaluate(focused) == "B/ride"
    one.page.keyboard.press("Enter")
    one.page.wait_for_selector(".plots .main-svg")
    assert one.page.locator("#recording h2").inner_text() == "B/ride"
    assert one.page.locator('button.cell[aria-current="true"]').count() == 1
    one.page.keyboard.press("ArrowDown")
    assert one.page.evaluate(focused) == "C/ride"
    stops = one.page.locator('#overview button.cell[tabindex="0"]')
    assert stops.count() == 1, "the overview is one stop of the tab key"


def test_a_single_recording_is_drawn_at_once(opened, one_recording, tmp_path):
    write_html_report(tmp_path / "check.html", inspect_study(one_recording), title="B")
    one = opened(tmp_path / "check.html")
    one.page.wait_for_selector(".plots .main-svg")
    assert one.page.locator("#recording h2").inner_text() == "B/ride"


def test_a_full_study_stays_small(study, repeated, tmp_path):
    write_html_report(tmp_path / "check.html", inspect_study(repeated(study, 448)), title="Full")
    assert (tmp_path / "check.html").stat().st_size < 12e6


def assert_drawn(picture: bytes) -> None:
    """The picture has the colours of the head and of the gaze in it."""
    pixels = matplotlib.image.imread(io.BytesIO(picture))[..., :3]
    for color in ("#0072b2", "#d55e00"):
        rgb = np.array([int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)])
        assert (np.abs(pixels - rgb).max(axis=-1) < 0.02).sum() > 100
