"""Kinds of questions: which answers each takes from a person, and the numbers it makes of them.

A question understands what a spreadsheet or an editor makes of an answer (``3.0`` for 3, capitals,
spaces), and refuses any answer that could mean two things. An answer that was not given is None.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

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
class _OneWord(Question):
    """A question that is answered with one of several words."""

    words: tuple[str, ...]
    text: str

    @property
    def allowed(self) -> str:
        """The words in one line."""
        return f"one of {', '.join(self.words)}"

    def _parse(self, answer: Any) -> str | None:
        return _one_of(self.words, answer)


class Scale(_OneWord):
    """One of several words, ordered from least to most and equally spaced in [0, 1]."""

    def encode(self, answer: str) -> tuple[float, ...]:
        """The rank of the word."""
        return (self.words.index(answer) / (len(self.words) - 1),)


class Choice(_OneWord):
    """One of several words without an order: a number for each, 1 for the one chosen."""

    def features(self, name: str) -> tuple[str, ...]:
        """A name for each word, such as ``gender=female``."""
        return tuple(f"{name}={word}" for word in self.words)

    def encode(self, answer: str) -> tuple[float, ...]:
        """1 for the chosen word, 0 for the others."""
        return tuple(float(word == answer) for word in self.words)


@dataclass(frozen=True)
class Several(Question):
    """Any number of several words: a number for each, 1 for those chosen.

    In one cell they are separated by ``;`` or ``,``. An empty cell means no answer, so a person who
    chooses none of them writes `NONE_CHOSEN` there, and an empty list in JSON.
    """

    words: tuple[str, ...]
    text: str

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

    def features(self, name: str) -> tuple[str, ...]:
        """A name for each word, such as ``interests=music``."""
        return tuple(f"{name}={word}" for word in self.words)

    def encode(self, answer: tuple[str, ...]) -> tuple[float, ...]:
        """1 for each chosen word, 0 for the others."""
        return tuple(float(word in answer) for word in self.words)


def _one_of(words: tuple[str, ...], answer: Any) -> str | None:
    return _spelled(answer) if isinstance(answer, str) and _spelled(answer) in words else None


def _spelled(answer: str) -> str:
    """An answer in the spelling of the declared words: ``Contact lenses`` is contact_lenses."""
    return re.sub(r"[\s_-]+", "_", answer.strip().lower())
