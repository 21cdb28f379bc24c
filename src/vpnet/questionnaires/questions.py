"""The questions to participants, with their allowed answers, and what one participant answered.

``pre`` is asked once, before anything is seen; ``sessions`` at the start of each session; ``post``
and the opinion of each video (``interest``, ``familiarity``) afterwards. The place of a video in
the study (``session``, ``position``) is known before it begins.

A question understands what a spreadsheet or an editor makes of an answer (``3.0`` for 3, capitals,
spaces), and refuses any answer that could mean two things. An answer that was not given is None.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, field_validator, model_validator
from pydantic_core.core_schema import ValidationInfo

NONE_CHOSEN = "none"
"""The answer to a question with several choices that chooses none of them."""


class Question(ABC):
    """A question to a participant; ``text`` is its wording."""

    text: str

    @property
    @abstractmethod
    def allowed(self) -> str:
        """The allowed answers in words."""

    def understand(self, answer: Any) -> Any:
        """The answer as it is kept; None where it was not given.

        Raises:
            ValueError: It is none of the allowed; the message says which are.
        """
        if answer is None or (isinstance(answer, str) and not answer.strip()):
            return None
        understood = self._parse(answer)
        if understood is None:
            raise ValueError(
                f"the answer must be {self.allowed}, found {answer!r}; correct it or leave it out"
            )
        return understood

    @abstractmethod
    def _parse(self, answer: Any) -> Any:
        """The answer as it is kept; None where it is none of the allowed."""

    def features(self, name: str) -> tuple[str, ...]:
        """Names of the numbers it becomes, for a question of this name."""
        return (name,)

    @abstractmethod
    def encode(self, answer: Any) -> tuple[float, ...]:
        """The numbers, in [0, 1], of an answer that was given."""


@dataclass(frozen=True)
class Whole(Question):
    """A whole number, scaled from its range to [0, 1]."""

    lowest: int
    highest: int
    text: str

    @property
    def allowed(self) -> str:
        """The range in words."""
        return f"a whole number from {self.lowest} to {self.highest}"

    def _parse(self, answer: Any) -> int | None:
        number = None
        if isinstance(answer, str):
            # Neither 1_000 nor 3,0 nor 1e1: only what has one meaning.
            found = re.fullmatch(r"([+-]?\d{1,6})(\.0*)?", answer.strip(), re.ASCII)
            number = int(found[1]) if found else None
        elif isinstance(answer, int) and not isinstance(answer, bool):
            number = answer
        elif isinstance(answer, float) and answer.is_integer():
            number = int(answer)
        return number if number is not None and self.lowest <= number <= self.highest else None

    def encode(self, answer: int) -> tuple[float, ...]:
        """Its place in the range."""
        return ((answer - self.lowest) / (self.highest - self.lowest),)


@dataclass(frozen=True)
class _Words(Question):
    """A question that is answered with words of a list."""

    words: tuple[str, ...]
    text: str

    @property
    def allowed(self) -> str:
        """The words in one line."""
        return f"one of {', '.join(self.words)}"

    def _parse(self, answer: Any) -> Any:
        return _one_of(self.words, answer)


class Scale(_Words):
    """One of several words, ordered from least to most and equally spaced in [0, 1]."""

    def encode(self, answer: str) -> tuple[float, ...]:
        """The rank of the word."""
        return (self.words.index(answer) / (len(self.words) - 1),)


class Choice(_Words):
    """One of several words without an order: a number for each, 1 for the one chosen."""

    def features(self, name: str) -> tuple[str, ...]:
        """A name for each word, such as ``gender=female``."""
        return tuple(f"{name}={word}" for word in self.words)

    def encode(self, answer: str | tuple[str, ...]) -> tuple[float, ...]:
        """1 for each chosen word, 0 for the others."""
        chosen = (answer,) if isinstance(answer, str) else answer
        return tuple(float(word in chosen) for word in self.words)


class Several(Choice):
    """Any number of several words: a number for each, 1 for those chosen.

    In one cell they are separated by ``;`` or ``,``. An empty cell means no answer, so a person who
    chooses none of them writes `NONE_CHOSEN` there, and an empty list in JSON.
    """

    @property
    def allowed(self) -> str:
        """The words in one line."""
        return f"any of {', '.join(self.words)} (separated by ;), or {NONE_CHOSEN}"

    def _parse(self, answer: Any) -> tuple[str, ...] | None:
        chosen = answer
        if isinstance(answer, str):
            chosen = [part for part in re.split("[;,]", answer) if part.strip()]
            if not chosen:
                return None
            if [_spelled(part) for part in chosen] == [NONE_CHOSEN]:
                return ()
        if not isinstance(chosen, list | tuple):
            return None
        words = [_one_of(self.words, part) for part in chosen]
        return None if None in words else tuple(word for word in self.words if word in words)


def _one_of(words: tuple[str, ...], answer: Any) -> str | None:
    return _spelled(answer) if isinstance(answer, str) and _spelled(answer) in words else None


def _spelled(answer: str) -> str:
    """An answer in the spelling of the declared words: ``Contact lenses`` is contact_lenses."""
    return re.sub(r"[\s_-]+", "_", answer.strip().lower())


SESSION = Whole(1, 8, "Number of the session, 1 the first.")
_GENDER = Choice(("female", "male", "non_binary", "other"), "Gender, as they name it.")
_VR_EXPERIENCE = Scale(
    ("never", "once_or_twice", "yearly", "monthly", "weekly"),
    "How often they have used a VR headset.",
)
_VISION_CORRECTION = Choice(
    ("none", "glasses", "contact_lenses", "surgery"),
    "What corrects their sight while they wear the headset.",
)
_DOMINANT_EYE = Choice(("left", "right"), "The eye they aim with; test it, do not ask.")
_INTERESTS = Several(
    (
        "people",
        "animals",
        "nature",
        "travel",
        "vehicles",
        "sports",
        "music",
        "film",
        "games",
        "art",
    ),
    "What they like to watch.",
)
_MOTION_SICKNESS = Scale(
    ("never", "rarely", "sometimes", "often", "always"),
    "How often they feel sick in cars, on ships or in VR.",
)

CODEBOOK_NAME = "questionnaire_codebook.md"

_RULES = """\
# Questions to participants

Each participant has one file. Leave what was not answered as it is: `null` in JSON, an empty cell
in CSV. Write answers exactly as listed here; capitals and spaces do not matter. A video that a
participant did not see is deleted from the list, or left without session and position.

Models are given what is known before a video begins: `pre`, `sessions`, and the place of the video
in the study. `post`, `interest` and `familiarity` are for analysis only.
"""


class Answers(BaseModel):
    """Answers to some questions, None where there is none; other keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def questions(cls) -> dict[str, Question]:
        """The questions by name, in order."""
        return {
            name: entry
            for name, field in cls.model_fields.items()
            for entry in field.metadata
            if isinstance(entry, Question)
        }

    @field_validator("*", mode="before")
    @classmethod
    def _understand(cls, answer: Any, info: ValidationInfo) -> Any:
        question = cls.questions().get(info.field_name or "")
        return answer if question is None else question.understand(answer)


class BeforeStudy(Answers):
    """Asked once, before anything is seen."""

    age: Annotated[int | None, Whole(10, 90, "Age in years.")] = None
    gender: Annotated[str | None, _GENDER] = None
    vr_experience: Annotated[str | None, _VR_EXPERIENCE] = None
    vision_correction: Annotated[str | None, _VISION_CORRECTION] = None
    dominant_eye: Annotated[str | None, _DOMINANT_EYE] = None
    interests: Annotated[tuple[str, ...] | None, _INTERESTS] = None
    motion_sickness: Annotated[str | None, _MOTION_SICKNESS] = None


class Session(Answers):
    """Asked at the start of a session."""

    session: Annotated[int, SESSION]
    alertness: Annotated[
        int | None, Whole(1, 5, "How awake they feel: 1 about to fall asleep, 5 wide awake.")
    ] = None
    mood: Annotated[int | None, Whole(1, 5, "How they feel: 1 very bad, 5 very good.")] = None


class Viewing(Answers):
    """About one video: where in the study it was shown, and how it was found afterwards."""

    video: str
    session: Annotated[int | None, SESSION] = None
    position: Annotated[
        int | None, Whole(1, 50, "Place of the video in its session, 1 the first.")
    ] = None
    interest: Annotated[
        int | None, Whole(1, 5, "How interesting it was: 1 not at all, 5 very.")
    ] = None
    familiarity: Annotated[
        int | None, Whole(1, 5, "How well they knew it before: 1 not at all, 5 by heart.")
    ] = None

    @field_validator("video")
    @classmethod
    def _named(cls, video: str) -> str:
        if not video.strip():
            raise ValueError("a video must have a name, found none; name it or delete the entry")
        return video.strip()


class AfterStudy(Answers):
    """Asked once, after everything was seen."""

    comfort: Annotated[
        int | None, Whole(1, 5, "How comfortable the headset was: 1 not at all, 5 very.")
    ] = None
    sickness: Annotated[int | None, Whole(1, 5, "How sick they feel: 1 not at all, 5 very.")] = None
    eye_strain: Annotated[
        int | None, Whole(1, 5, "How strained their eyes are: 1 not at all, 5 very.")
    ] = None


SECTIONS: dict[str, type[Answers]] = {
    "pre": BeforeStudy,
    "session": Session,
    "video": Viewing,
    "post": AfterStudy,
}
"""The sections of a questionnaire, as the CSV form names them."""

REPEATED = ("session", "video")
"""Sections of which there may be several. The nested form lists them under the plural, and each
entry, like each line of the CSV form, has its name or number under the section's own name."""


class Questionnaire(Answers):
    """Everything one participant answered."""

    pre: BeforeStudy = BeforeStudy()
    sessions: tuple[Session, ...] = ()
    videos: tuple[Viewing, ...] = ()
    post: AfterStudy = AfterStudy()

    @field_validator("*", mode="before")
    @classmethod
    def _complete(cls, section: Any, info: ValidationInfo) -> Any:
        """A section that says nothing is one in which nothing was answered."""
        return cls.model_fields[str(info.field_name)].default if section is None else section

    @model_validator(mode="after")
    def _each_once(self) -> "Questionnaire":
        for kind, names in (
            ("session", [str(one.session) for one in self.sessions]),
            ("video", [one.video for one in self.videos]),
        ):
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise ValueError(
                    f"each {kind} must be listed once, found {twice} twice; delete one of them"
                )
        shown: dict[tuple[int | None, int], str] = {}
        for one in self.videos:
            if one.position is None:
                continue
            other = shown.setdefault((one.session, one.position), one.video)
            if other != one.video:
                where = "" if one.session is None else f" of session {one.session}"
                raise ValueError(
                    f"two videos cannot be shown at once, found {other} and {one.video} both at "
                    f"position {one.position}{where}; correct one, positions count anew in each "
                    "session"
                )
        return self

    @classmethod
    def blank(cls, videos: Sequence[str], sessions: int) -> "Questionnaire":
        """One for these videos and so many sessions, in which nothing is answered yet."""
        return cls(
            sessions=tuple(Session(session=number) for number in range(1, sessions + 1)),
            videos=tuple(Viewing(video=video) for video in videos),
        )

    @property
    def is_blank(self) -> bool:
        """Whether it says nothing; what was answered after the study is left aside."""
        nothing = Questionnaire(
            sessions=tuple(Session(session=one.session) for one in self.sessions),
            videos=tuple(Viewing(video=one.video) for one in self.videos),
            post=self.post,
        )
        return self == nothing

    def session(self, number: int | None) -> Session | None:
        """What was answered in a session; None where it is not listed."""
        return next((one for one in self.sessions if one.session == number), None)

    def viewing(self, video_id: str) -> Viewing | None:
        """What is said about a video; None where it is not listed."""
        return next((one for one in self.videos if one.video == video_id), None)

    def overall_position(self, video_id: str) -> int | None:
        """Place of a video among all that were seen, 1 the first; None where it is not known."""
        viewing = self.viewing(video_id)
        if viewing is None or viewing.position is None:
            return None
        sessions: dict[int, list[int]] = {}
        for one in self.videos:
            if one.session is not None:
                sessions.setdefault(one.session, []).append(one.position or 0)
        if not sessions:
            return viewing.position
        if viewing.session is None:
            return None
        # A session is as long as its last position says, even where other videos are not listed.
        return viewing.position + sum(
            max(len(positions), *positions)
            for number, positions in sessions.items()
            if number < viewing.session
        )


def write_codebook() -> str:
    """The page for those who fill a questionnaire in: every question with its allowed answers."""
    lines = [_RULES]
    for section, answers in SECTIONS.items():
        key = f"{section}s" if section in REPEATED else section
        lines += [f"## {key} (CSV: section {section})\n", f"{(answers.__doc__ or '').strip()}\n"]
        lines += ["| question | asks | allowed answers |", "|---|---|---|"]
        lines += [
            f"| {name} | {question.text} | {question.allowed} |"
            for name, question in answers.questions().items()
        ]
        lines.append("")
    return "\n".join(lines)
