"""A small study with everything that a report can meet, made by hand."""

import dataclasses
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from vpnet.geometry.directions import direction_from_angles
from vpnet.quality.html_report import write_html_report
from vpnet.quality.inspection import inspect_study
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.face import FACE_ACTIVITY
from vpnet.recordings.findings import RULES, Finding, Rule, Severity
from vpnet.recordings.gaze import gaze_streams, measured_gaze
from vpnet.recordings.recording import Recording
from vpnet.studies.study import Study, StudyOptions
from vpnet.studies.study_reading import StudyPart

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NASTY = '</script><img src=x onerror=alert(1)> & "Zoë\'s"'
LOST = Rule(
    "gaze_lost",
    Severity.WARNING,
    "Gaze is often lost",
    meaning="Much of the gaze is unknown.",
    remedy="clean the lenses",
)
COARSE = Rule(
    "pupil_not_measured",
    Severity.NOTE,
    "Pupils were not measured",
    meaning="No feature can be made of them.",
    remedy="nothing needs to be done",
)
FACE = ("Eyes_Closed_L", "Eyes_Closed_R", "Eyes_Look_Down_L", "Eyes_Look_Down_R", FACE_ACTIVITY)


def _recording(user_id: str, video_id: str, samples: int = 1500, gap_s: float = 0.0) -> Recording:
    """A head that turns once around, gaze that is lost for a while, eyes that close."""
    timestamps_s = torch.arange(samples, dtype=torch.float64) / 72
    timestamps_s[samples // 2 :] += gap_s
    phase = 2 * torch.pi * timestamps_s / 10
    center = direction_from_angles(phase, 0.3 * torch.sin(phase))
    gaze = direction_from_angles(phase + 0.2, 0.3 * torch.sin(phase) + 0.1)
    gaze_valid = (timestamps_s < 5) | (timestamps_s > 8)
    face = torch.zeros(samples, len(FACE), dtype=torch.float64)
    face[:, :2] = (timestamps_s % 4 < 0.2).double().unsqueeze(1)
    face[:, 2:4] = 0.25
    face[:, 4] = 0.1 + 0.05 * torch.cos(phase)
    streams: dict[str, Any] = gaze_streams(
        timestamps_s, center, None, measured_gaze(gaze, gaze_valid)
    )
    return Recording(
        user_id,
        video_id,
        f"study/{user_id}/{video_id}",
        timestamps_s,
        center,
        torch.ones(samples, dtype=torch.bool),
        **streams,
        face=face,
        face_names=FACE,
        face_valid=torch.ones(samples, dtype=torch.bool),
    )


def _findings(user_id: str, video_id: str) -> tuple[Finding, ...]:
    found = "the pupil columns are -1 throughout"
    remedy = "buy another headset" if (user_id, video_id) == ("B", "walk") else None
    findings = [COARSE.broken(found, file="eye.csv", rows=1500, remedy=remedy)]
    if user_id == NASTY:
        findings.append(LOST.broken("30 % of the rows have no valid gaze", rows=450))
    if (user_id, video_id) == ("B", "ride"):
        found = "EulerYaw differs from the quaternion by 90.0 degrees"
        findings.append(
            RULES["euler_disagrees"].broken(found, file="head.csv", lines=[(2, 7), (9, 9)])
        )
    return tuple(findings)


def _read(user_id: str, video_id: str) -> list[CheckedRecording]:
    recording = _recording(user_id, video_id)
    findings = () if user_id == "C" else _findings(user_id, video_id)
    measurements = {
        "rows": 1500.0,
        "duration_s": recording.duration_s,
        "last_s": recording.duration_s,
        "fingerprint": float(zlib.crc32(f"{user_id}/{video_id}".encode())),
    }
    source = recording.source
    return [CheckedRecording(user_id, video_id, source, recording, findings, measurements)]


def _read_nothing() -> list[CheckedRecording]:
    finding = RULES["unreadable"].broken("line 3 holds a word", file="torn.csv", lines=[(3, 3)])
    return [CheckedRecording("", "", "study/torn.csv", None, (finding,))]


@pytest.fixture(scope="session")
def nasty() -> str:
    """Name of a participant whom a careless page would run as a program."""
    return NASTY


@pytest.fixture(scope="session")
def make_recording() -> Callable[..., Recording]:
    """Function that makes the recording of a user and a video: samples, a gap in the middle."""
    return _recording


@pytest.fixture(scope="session")
def study() -> Study:
    """People B (one recording refused), C (good) and one with a nasty name; one torn file."""
    pairs = [(user, video) for user in (NASTY, "B", "C") for video in ("ride", "walk")]
    pairs.remove(("C", "walk"))
    parts = [StudyPart((), partial(_read, *pair)) for pair in pairs]
    return Study(
        [*parts, StudyPart((), partial(_read_nothing))], StudyOptions(cache=False, workers=1)
    )


@pytest.fixture(scope="session")
def one_recording() -> Study:
    """Only the recording that is refused."""
    return Study([StudyPart((), partial(_read, "B", "ride"))], StudyOptions(cache=False, workers=1))


@pytest.fixture(scope="session")
def as_study() -> Callable[..., Study]:
    """Function that makes a study of checked recordings, and of `StudyOptions`."""

    def make(*checked: CheckedRecording, **options: Any) -> Study:
        of_study = StudyOptions(cache=False, workers=1, **options)
        return Study([StudyPart((), partial(list, checked))], of_study)

    return make


@pytest.fixture(scope="session")
def repeated() -> Callable[[Study, int], Study]:
    """Function that makes a study of as many recordings as asked for, under ever new names."""

    def renamed(part: StudyPart, number: int) -> list[CheckedRecording]:
        (one,) = part.checked()
        return [
            dataclasses.replace(
                one,
                user_id=f"P{number // 14}",
                video_id=f"video_{number % 14}",
                measurements={**one.measurements, "fingerprint": float(number)},
            )
        ]

    def repeat(study: Study, recordings: int) -> Study:
        part = study.parts[0]
        parts = [StudyPart((Path(),), partial(renamed, part, n)) for n in range(recordings)]
        return Study(parts, StudyOptions(cache=False, workers=1))

    return repeat


@dataclass
class Opened:
    """A page in the browser, and everything that it should not have done."""

    page: "Page"
    said: list[str] = field(default_factory=list)
    asked_for: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, browser: "Browser", path: Path) -> "Opened":
        """Open a page of one's own."""
        one = cls(browser.new_page(viewport={"width": 1400, "height": 1000}))
        one.page.on("console", lambda message: one.said.append(message.text))
        one.page.on("pageerror", lambda error: one.said.append(str(error)))
        one.page.on("dialog", lambda dialog: one.said.append(dialog.message))
        one.page.on("request", lambda request: one.asked_for.append(request.url))
        one.page.goto(path.as_uri())
        return one

    def assert_quiet(self) -> None:
        """It must have said nothing, and asked for nothing."""
        assert self.said == []
        assert self.asked_for == [self.page.url], "nothing but the file itself"

    def choose(self, name: str) -> None:
        """Click a recording in the overview and wait for its plots."""
        self.page.locator(f'button.cell[title^="{name}: "]').click()
        self.page.wait_for_selector(".plots .main-svg")


@pytest.fixture(scope="session")
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
        pages.append(Opened.of(browser, path))
        return pages[-1]

    yield open_page
    for one in pages:
        one.assert_quiet()
        one.page.close()


@pytest.fixture(scope="session")
def _shared_page(browser, page_file) -> Iterator[Opened]:
    one = Opened.of(browser, page_file)
    yield one
    one.page.close()


@pytest.fixture
def shared_page(_shared_page) -> Iterator[Opened]:
    """The page of the study, for what does not depend on what was chosen in it before."""
    yield _shared_page
    _shared_page.assert_quiet()


@pytest.fixture(scope="session")
def page_file(study, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "check.html"
    write_html_report(path, inspect_study(study), title="Study <b>& more</b>")
    return path
