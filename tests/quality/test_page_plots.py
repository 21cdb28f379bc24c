"""The plots of the page, in a real browser."""

import numpy as np

from vpnet.quality.html_report import write_html_report
from vpnet.quality.inspection import inspect_study
from vpnet.quality.trace import trace_recording
from vpnet.recordings.checked import CheckedRecording

SERIES = {
    ("Yaw, degrees", "head"): "head_yaw_deg",
    ("Yaw, degrees", "gaze"): "gaze_yaw_deg",
    ("Elevation, degrees", "head"): "head_elevation_deg",
    ("Elevation, degrees", "gaze"): "gaze_elevation_deg",
    ("Eye in head, degrees", "horizontal"): "offset_horizontal_deg",
    ("Eye in head, degrees", "vertical"): "offset_vertical_deg",
    ("Eye in head, degrees", "magnitude, largest"): "offset_magnitude_deg",
    ("Openness of the eyes", "smallest"): "eye_openness",
    ("Activity of the face", "mean of the weights"): "face_activity",
    ("Time between samples, ms", "largest"): "interval_ms",
}
"""Which series each line of the plots must show, by the plot's heading and the line's name."""


def test_lines_are_parted_at_the_seam_and_where_gaze_was_lost(shared_page):
    one = shared_page
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


def test_every_plot_shows_its_own_series(opened, as_study, make_recording, tmp_path):
    recording = make_recording("B", "ride", 400, gap_s=3.0)
    trace = trace_recording(recording)
    study = as_study(CheckedRecording("B", "ride", "study", recording))
    write_html_report(tmp_path / "check.html", inspect_study(study), title="B")
    one = opened(tmp_path / "check.html")
    one.page.wait_for_selector(".plots .main-svg")
    lines = one.page.evaluate(
        "document.querySelector('.plots').data.map(({ name, x, y, yaxis, line }) => "
        "({ name, yaxis, color: line.color, x: Array.from(x), y: Array.from(y) }))"
    )
    layout = one.page.evaluate("document.querySelector('.plots').layout")
    titles = [note["text"] for note in layout["annotations"]]
    assert len(lines) == len(SERIES)
    for line in lines:
        axis = line["yaxis"]
        title = titles[int(axis[1:] or 1) - 1]
        heading = title.partition("</b>")[0].removeprefix("<b>")
        assert f'<span style="color:{line["color"]}">■</span> {line["name"]}' in title
        values = trace.series[SERIES[heading, line["name"]]].double().numpy()
        shown_s, shown = np.array(line["x"]), np.array(line["y"], dtype=float)
        breaks = np.isnan(shown) & np.isin(shown_s, shown_s[1:][np.diff(shown_s) == 0])
        beyond = shown_s[shown_s > 5][0]
        assert beyond in shown_s[breaks] or heading.startswith("Time"), "a gap parts the line"
        doubled = np.append(np.diff(shown_s) == 0, False) & np.isnan(shown)
        np.testing.assert_allclose(shown_s[~doubled], trace.times_s.numpy(), atol=0.002)
        np.testing.assert_allclose(shown[~doubled], values, atol=0.06)
    interval = layout["yaxis6"]
    assert interval["type"] == "log"
    lowest, highest = (10.0**power for power in interval["range"])
    assert lowest < 1000 / 72 < 3000 < highest


def test_what_cannot_be_drawn_is_said(opened, page_file):
    one = opened(page_file)
    one.page.wait_for_selector(".plots .main-svg")
    assert one.page.locator("#course [role=img]").count() == 1
    one.page.evaluate("delete window.DecompressionStream")
    one.page.locator('button.cell[title^="C/ride: "]').click()
    assert one.page.get_by_text("The plots cannot be drawn: ").is_visible()
    assert one.page.locator("#course [role=img]").count() == 0
