"""What simulated viewers answer in a questionnaire."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vpnet.questionnaires.questionnaire_files import questionnaire_path, write_questionnaire
from vpnet.questionnaires.questions import Choice, Question, Scale, Several, Whole
from vpnet.questionnaires.schema import (
    AfterStudy,
    Answers,
    BeforeStudy,
    Questionnaire,
    Session,
    Viewing,
)
from vpnet.simulation.random_stream import random_stream
from vpnet.simulation.videos import SimulatedVideo
from vpnet.simulation.viewers import Viewer

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
    *,
    same_order: bool = False,
    same_sessions: bool = False,
) -> Questionnaire:
    """Make up what a viewer answers.

    Viewers whose numbers follow each other begin with different videos, so even in a small study
    neither the order nor the sessions are the same for all.

    Args:
        viewer: Who answers.
        number: Their place in the study, from 0; decides which video they see first.
        videos: All videos of the study, each seen by everybody.
        seed: Seed of the simulated study.
        same_order: Everybody sees the videos in one order, hence also in the same sessions.
        same_sessions: Everybody sees the same videos in a session, in an order of their own.
    """
    names = [video.video_id for video in videos]
    order = _order(seed, names) if same_order else _own_order(seed, names, viewer.user_id, number)
    in_first = set(order[: _length_of_first(order)])
    if same_sessions:
        in_first = set(_order(seed, names)[: _length_of_first(order)])
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
    same_order: bool = False,
    same_sessions: bool = False,
    missing: Collection[str] = (),
    layout: str = "v2",
) -> list[Path]:
    """Write the questionnaires of a simulated study, JSON, one for each viewer.

    Args:
        root: Folder of the study.
        viewers: All viewers, in order.
        videos: All videos.
        seed: Seed of the simulated study.
        same_order: See `draw_questionnaire`.
        same_sessions: See `draw_questionnaire`.
        missing: Names of viewers who get none.
        layout: ``v2`` writes into a folder for each viewer, ``v1`` directly into ``root``.

    Returns:
        The files.
    """
    written = []
    for number, viewer in enumerate(viewers):
        if viewer.user_id in missing:
            continue
        if layout == "v2":
            (Path(root) / viewer.user_id).mkdir(parents=True, exist_ok=True)
        path = questionnaire_path(root, viewer.user_id, "json")
        questionnaire = draw_questionnaire(
            viewer, number, videos, seed, same_order=same_order, same_sessions=same_sessions
        )
        write_questionnaire(path, questionnaire)
        written.append(path)
    return written


def _order(seed: int, names: Sequence[str], *whose: str) -> list[str]:
    """The videos in an order that depends on nothing but the seed, and on whose it is."""
    return sorted(
        names, key=lambda name: random_stream(seed, "viewing order", name, *whose).random()
    )


def _own_order(seed: int, names: Sequence[str], user_id: str, number: int) -> list[str]:
    order = _order(seed, names, user_id)
    first = order.index(_order(seed, names)[number % len(names)])
    return order[first:] + order[:first]


def _length_of_first(order: Sequence[str]) -> int:
    return (len(order) + 1) // 2


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
