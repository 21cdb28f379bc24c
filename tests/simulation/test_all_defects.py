"""Each defect provokes the finding of its name; a study without defects provokes none."""

import functools
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from vpnet.quality.checking import with_checks
from vpnet.quality.checks.whole_study import check_study
from vpnet.quest_pro.reader import read_quest_pro
from vpnet.recordings.findings import RULES
from vpnet.simulation import study_folder
from vpnet.simulation.defects import (
    ALL_DEFECTS,
    FILE_DEFECTS,
    HEADSET_DEFECTS,
    STUDY_DEFECTS,
    TABLE_DEFECTS,
    hit_by,
)
from vpnet.simulation.headset_tables import TABLE_NAMES
from vpnet.simulation.simulated_study import simulate_recordings, write_simulated_study
from vpnet.studies.study import StudyOptions

DURATION_S = 22.0
LONGER_S = {"offset_shifted": 36.0, "face_dead": 36.0}
"""Checks that say nothing about a shorter recording."""

LAYOUT_SHOWS = (
    "rows_before_playback",
    "rows_after_playback",
    "pupil_not_measured",
    "mixed_pitch_sign",
    "fixations_on_held_rows",
    "openness_is_confidence",
    "weights_unnamed",
    "combined_unreadable",
    "last_line_cut",
    "head_missing",
    "eye_missing",
)
"""Defects that look otherwise, or lie elsewhere, in layout v1."""

ALSO_FOUND = {
    "gaze_opposes_head": {"offsets_beyond_reach"},
    "playback_paused": {"playback_repeats"},
    "playback_unit": {"face_rate_low", "fixations_on_held_rows", "tracking_lost"},
}
"""Findings that a defect may bring along: eyes that run away from the head leave their reach, a
clock that stands still repeats itself, and in another unit nothing lasts as long as it should."""


@pytest.fixture(scope="module", autouse=True)
def _drawn_once() -> Iterator[None]:
    """The tables of a viewer and a video are drawn once, and spoilt by one test after the other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            study_folder, "simulate_tables", functools.cache(study_folder.simulate_tables)
        )
        yield


@pytest.fixture
def found_in(tmp_path) -> Callable[..., set[str]]:
    """Function that writes a study, and gives the codes of all that is found in it."""

    def write_and_check(duration_s: float, **settings) -> set[str]:
        root = write_simulated_study(
            tmp_path / "study", duration_s=duration_s, saliency=False, **settings
        )
        read = with_checks(read_quest_pro(root, study=StudyOptions(cache=False)))
        checked = list(read.checked())
        durations_s = {one.video_id: duration_s for one in checked}
        study = check_study(checked, durations_s)
        findings = [finding for one in checked for finding in one.findings] + study.study
        findings += [finding for found in study.recordings.values() for finding in found]
        return {finding.code for finding in findings}

    return write_and_check


@pytest.mark.parametrize("name", [*TABLE_DEFECTS, *FILE_DEFECTS])
def test_defect_provokes_its_finding_and_no_other(found_in, name):
    found = found_in(LONGER_S.get(name, DURATION_S), users=1, videos=1, seed=5, defects=[name])
    if name == "byte_order_mark":
        assert not found, "readers take it as it comes"
    else:
        assert name in found
        assert found <= {name} | ALSO_FOUND.get(name, set())


@pytest.mark.parametrize("name", LAYOUT_SHOWS)
def test_defect_shows_in_the_flat_layout_too(found_in, name):
    found = found_in(DURATION_S, users=1, videos=1, seed=5, defects=[name], layout="v1")
    assert found == {name}


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        *((name, "v2") for name in STUDY_DEFECTS),
        ("order_same_for_all", "v1"),
        ("questionnaire_missing", "v1"),
        ("questionnaire_unreadable", "v1"),
        ("video_not_in_questionnaire", "v1"),
        ("duplicate_recording", "v1"),
    ],
)
def test_defect_of_a_study_provokes_its_finding(found_in, name, layout):
    users, videos = STUDY_DEFECTS[name]
    if name == "recording_missing":
        users = videos = 3  # in a smaller study nobody is missed
    found = found_in(10.0, users=users, videos=videos, defects=[name], layout=layout)
    # Whoever shows one order to all, in two sessions, shows all the same videos in each.
    brought_along = {"sessions_same_for_all"} if name == "order_same_for_all" else set()
    assert found == {name} | brought_along


@pytest.mark.parametrize("layout", ["v2", "v1"])
@pytest.mark.parametrize(
    ("duration_s", "users", "seed"),
    [(16.0, 3, 0), (40.0, 2, 2), (169.0, 1, 4)],
)
def test_nothing_is_found_in_a_study_without_defects(found_in, duration_s, users, seed, layout):
    assert not found_in(duration_s, users=users, videos=users, seed=seed, layout=layout)


def test_headset_has_what_every_real_one_has(found_in):
    found = found_in(DURATION_S, users=1, videos=1, defects=["headset"])
    assert found == set(HEADSET_DEFECTS)


def test_all_defects_at_once_are_survived(found_in):
    found = found_in(10.0, users=3, videos=3, defects=["all"])
    assert "head_missing" in found
    found = found_in(10.0, users=3, videos=3, defects=["all"], defective_share=0.1)
    assert len(found) > 10


def test_all_defects_of_tables_can_be_together(tables_of):
    tables = tables_of(0, 0)
    for defect in TABLE_DEFECTS.values():
        tables = defect(tables, np.random.default_rng(0))
    for name, table in tables.named().items():
        assert len(table) > 500, name
        assert not table.null_count().sum_horizontal().item(), name


def test_each_defect_hits_about_its_share():
    pairs = [(f"S{user:02d}", f"v{video:02d}") for user in range(40) for video in range(25)]
    hits = [hit_by(("gaze_lost", "head_still", *HEADSET_DEFECTS), 0.2, 3, *pair) for pair in pairs]
    for name in ("gaze_lost", "head_still"):
        assert sum(name in hit for hit in hits) == pytest.approx(200, abs=45)
    both = sum({"gaze_lost", "head_still"} <= set(hit) for hit in hits)
    assert both == pytest.approx(40, abs=25), "by itself"
    assert all(set(HEADSET_DEFECTS) <= set(hit) for hit in hits)


def test_defect_changes_only_the_recordings_that_it_hits():
    size = {"users": 4, "videos": 3, "duration_s": 10.0}
    clean = simulate_recordings(**size)
    spoiled = simulate_recordings(**size, defects=["tracking_lost"], defective_share=0.5)
    changed = [
        not torch.equal(one.gaze_valid, other.gaze_valid)
        for one, other in zip(clean, spoiled, strict=True)
    ]
    hit = [bool(hit_by(["tracking_lost"], 0.5, 0, one.user_id, one.video_id)) for one in clean]
    assert changed == hit
    assert 0 < sum(changed) < len(changed)


def test_defects_of_the_headset_leave_recordings_as_they_are():
    size = {"users": 2, "videos": 1, "duration_s": 10.0}
    for clean, real in zip(
        simulate_recordings(**size), simulate_recordings(**size, defects=["headset"]), strict=True
    ):
        for name in ("timestamps_s", "viewport_center", "gaze_direction", "is_fixating", "face"):
            assert torch.equal(getattr(clean, name), getattr(real, name)), name


def test_recorded_offsets_are_wrong_where_signs_are_mixed():
    size = {"users": 1, "videos": 1, "duration_s": 10.0}
    (truth,) = simulate_recordings(**size)
    valid = truth.gaze_valid
    for defects, least_deg, most_deg in (([], 0.0, 1.0), (["mixed_pitch_sign"], 5.0, 60.0)):
        (recorded,) = simulate_recordings(**size, recorded_offsets=True, defects=defects)
        vertical_deg = (recorded.gaze_offset_deg - truth.gaze_offset_deg)[valid, 1].abs()
        assert least_deg <= vertical_deg.median() <= most_deg


def test_names_are_findings_and_order_is_that_of_the_lists():
    assert RULES.keys() - set(ALL_DEFECTS) == {
        # Only readers that put the orientation beside the direction find it.
        "orientation_left_out",
        # The reader is told to take the recorded offsets, which mixed_pitch_sign spoils.
        "recorded_offsets_mixed_sign",
        # The user has to say how long the videos are.
        "video_duration_unknown",
        # Nobody who is simulated has an underscore in their name.
        "participant_unclear",
    }
    assert set(ALL_DEFECTS) - RULES.keys() == {"byte_order_mark"}, "readers take it as it comes"
    assert len(set(ALL_DEFECTS)) == len(ALL_DEFECTS)
    assert set(HEADSET_DEFECTS) <= set(TABLE_DEFECTS)
    assert set(ALSO_FOUND) <= set(TABLE_DEFECTS)
    assert not {*TABLE_NAMES} & set(ALL_DEFECTS)
