"""The overview of the page, and how one gets about in it, in a real browser."""

from vpnet.quality.html_report import write_html_report
from vpnet.quality.inspection import inspect_study
from vpnet.recordings.checked import CheckedRecording


def test_the_keyboard_is_enough(shared_page):
    one = shared_page
    focused = "document.activeElement.title.split(': ')[0]"
    stops = one.page.locator('#overview button.cell[tabindex="0"]')
    one.page.locator("#overview button.cell").first.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft"):
        one.page.keyboard.press(key)
    assert one.page.evaluate(focused) == "B/ride"
    one.page.keyboard.press("Enter")
    one.page.wait_for_selector(".plots .main-svg")
    assert one.page.locator("#recording h2").inner_text() == "B/ride"
    assert one.page.locator('button.cell[aria-current="true"]').count() == 1
    assert one.page.evaluate("document.activeElement.id") == "recording"
    assert one.page.locator("[role=status]", has_text="B/ride").is_visible()
    one.page.keyboard.press("Escape")
    assert one.page.evaluate(focused) == "B/ride"
    one.page.keyboard.press("ArrowDown")
    assert one.page.evaluate(focused) == "C/ride"
    assert stops.count() == 1, "the overview is one stop of the tab key"
    one.choose("B/walk")
    assert stops.get_attribute("title").startswith("B/walk: "), "after a click as well"
    assert stops.count() == 1


def test_in_one_column_the_chosen_recording_comes_into_view(opened, page_file):
    one = opened(page_file)
    one.page.set_viewport_size({"width": 600, "height": 500})
    panel = one.page.locator("#recording")
    one.page.wait_for_selector(".plots .main-svg")
    assert panel.bounding_box()["y"] > 100, "what is shown at first leaves the overview in view"
    one.choose("B/walk")
    assert panel.bounding_box()["y"] < 100


def test_an_opened_code_filters_the_overview(shared_page, nasty):
    one = shared_page
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


def test_a_file_of_nobody_is_shown_without_plots(shared_page):
    one = shared_page
    one.page.locator('button.cell[title^="study/torn.csv"]').click()
    panel = one.page.locator("#recording")
    assert panel.get_by_text("line 3 holds a word").is_visible()
    assert panel.get_by_text("There is nothing to draw here").is_visible()


def test_absent_recordings_and_homeless_files_have_their_place(opened, as_study, tmp_path):
    pairs = [("B", "ride"), ("C", "walk"), ("D", "")]
    checked = [CheckedRecording(*pair, f"study/{pair[0]}", None) for pair in pairs]
    write_html_report(tmp_path / "check.html", inspect_study(as_study(*checked)), title="B")
    one = opened(tmp_path / "check.html")
    assert one.page.get_by_role("img", name="no recording").count() == 2
    assert one.page.locator(".homeless button").count() == 1
    assert one.page.locator(".homeless").get_by_text("study/D").is_visible()
    header = one.page.locator("header").inner_text()
    assert "2 people" in header
    assert "0 minutes" in header


def test_the_worst_that_can_be_drawn_is_shown_at_first(opened, page_file):
    one = opened(page_file)
    one.page.wait_for_selector(".plots .main-svg")
    assert one.page.locator("#recording h2").inner_text() == "B/ride"
