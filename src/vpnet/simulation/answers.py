"""What simulated viewers answer in a questionnaire."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vpnet.questionnaires.questionnaire_files import questionnaire_path, write_questionnaire
from vpnet.questionnaires.questions import (
    AfterStudy,
    Answers,
    BeforeStudy,
    Choice,
    Question,
    Questionnaire,
    Scale,
    Session,
    Several,
    Viewing,
    Whole,
)
from vpnet.simulation.defects import QUESTIONNAIRE_DEFECTS
from vpnet.simulation.viewers_and_videos import SimulatedVideo, Viewer, random_stream

UNANSWERED_SHARE = 0.04
"""Share of the questions about which a simulated viewer says nothing."""

INTEREST_OF_CATEGORY = {
    "person": "people",
    "animal": "animals",
    "vehicle": "vehicles",
    "landmark": "travel",
}
"""What a viewer names who prefers a category of attractors."""


def draw_questionnaire(
    viewer: Viewer,
    number: int,
    videos: Sequence[SimulatedVideo],
    seed: int,
    defects: Collection[str] = (),
) -> Questionnaire:
    """Simulate the answers of one viewer.

    Viewers with successive numbers begin with different videos. Even in a small study, viewers thus
    differ in the order of the videos, and in which videos they see in which session.

    Args:
        viewer: Who answers.
        number: Their place in the study, from 0; decides which video they see first.
        videos: All videos of the study, each seen by everybody.
        seed: Seed of the simulated study.
        defects: ``order_same_for_all``: every viewer sees the videos in the same order, hence also
            in the same sessions. ``sessions_same_for_all``: every viewer sees the same videos in a
            session, each in another order. Other names are ignored.
    """
    names = [video.video_id for video in videos]
    common = _order(seed, names)
    order = common
    if "order_same_for_all" not in defects:
        own = _order(seed, names, viewer.user_id)
        first = own.index(common[number % len(names)])
        order = own[first:] + own[:first]
    half = (len(names) + 1) // 2
    in_first = (common if "sessions_same_for_all" in defects else order)[:half]
    shown = (
        [name for name in order if name in in_first],
        [name for name in order if name not in in_first],
    )
    place = {
        name: {"session": session, "position": position}
        for session, shown_in in enumerate(shown, start=1)
        for position, name in enumerate(shown_in, start=1)
    }
    rng = random_stream(seed, "questionnaire", viewer.user_id)
    before = _drawn(BeforeStudy, rng)
    if before["interests"] is not None:
        before["interests"] |= {INTEREST_OF_CATEGORY[viewer.preferred_category]}
        before["interests"] = sorted(before["interests"])
    return Questionnaire.model_validate(
        {
            "pre": before,
            "sessions": [
                _drawn(Session, rng) | {"session": session} for session in range(1, len(shown) + 1)
            ],
            "post": _drawn(AfterStudy, rng),
            "videos": [
                _drawn(Viewing, random_stream(seed, "questionnaire", viewer.user_id, name))
                | {"video": name}
                | place[name]
                for name in names
            ],
        }
    )


def write_questionnaires(
    root: str | Path,
    viewers: Sequence[Viewer],
    videos: Sequence[SimulatedVideo],
    seed: int,
    *,
    defects: Collection[str] = (),
    layout: str = "v2",
) -> list[Path]:
    """Write the questionnaires of a simulated study, JSON, one for each viewer; return the files.

    Layout ``v2`` has them in a folder for each viewer, ``v1`` directly in ``root``. Defects that do
    not concern questionnaires are passed over.
    """
    answering = viewers[:-1] if "questionnaire_missing" in defects else viewers
    written = []
    for number, viewer in enumerate(answering):
        if layout == "v2":
            (Path(root) / viewer.user_id).mkdir(parents=True, exist_ok=True)
        path = questionnaire_path(root, viewer.user_id, "json")
        write_questionnaire(path, draw_questionnaire(viewer, number, videos, seed, defects))
        written.append(path)
    for name, defect in QUESTIONNAIRE_DEFECTS.items():
        if name in defects:
            defect(written)
    return written


def _order(seed: int, names: Sequence[str], *whose: str) -> list[str]:
    """The videos in an order that depends on nothing but the seed, and on whose it is."""
    return sorted(
        names, key=lambda name: random_stream(seed, "viewing order", name, *whose).random()
    )


def _drawn(section: type[Answers], rng: np.random.Generator) -> dict[str, Any]:
    """An answer to each question of a section, None for some."""
    drawn = {name: _answer(question, rng) for name, question in section.questions().items()}
    silent = rng.random(len(drawn)) < UNANSWERED_SHARE
    return {
        name: None if nothing else answer
        for (name, answer), nothing in zip(drawn.items(), silent, strict=True)
    }


def _answer(question: Question, rng: np.random.Generator) -> Any:
    if isinstance(question, Whole):
        low, high = question.lowest, question.highest
        # Ratings favour the middle; the participants of studies are young.
        return int(rng.integers(18, 36)) if high > 50 else low + int(rng.binomial(high - low, 0.5))
    if isinstance(question, Several):
        return {word for word in question.words if rng.random() < 0.3}
    assert isinstance(question, Choice | Scale)
    return str(rng.choice(question.words))
