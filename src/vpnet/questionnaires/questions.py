"""Kinds of questions: which answers each takes from a person, and the numbers it makes of them.

A question understands what a spreadsheet or an editor makes of an answer (``3.0`` for 3, capitals,
spaces), and refuses whatever could mean two things. An answer that was not given is None.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

NOBODY_CHOSE = "none"
"""The answer to a question with several choices that chooses none of them."""


class Question(Protocol):
    """A question; its ``text`` is how it is put to a person."""

    @property
    def text(self) -> str:
        """How it is put to a person."""
        ...

    @property
    def allowed(self) -> str:
        """Which answers it takes, for people."""
        ...

    def understand(self, answer: Any) -> Any:
        """The answer as it is kept; None where it was not given.

        Raises:
            ValueError: It is none of the allowed; the message says which are.
        """
        ...

    def features(self, name: str) -> tuple[str, ...]:
        """Names of the numbers it becomes, for a question of this name."""
        ...

    def encode(self, answer: Any) -> tuple[float, ...]:
        """The numbers, in [0, 1], of an answer that was given."""
        ...


@dataclass(frozen=True)
class Whole:
    """A whole number, scaled from its range to [0, 1].

    Args:
        lowest: Lowest answer.
        highest: Highest answer.
        text: How the question is put.
    """

    lowest: int
    highest: int
    text: str

    @property
    def allowed(self) -> str:
        """See `Question`."""
        return f"a whole number from {self.lowest} to {self.highest}"

    def understand(self, answer: Any) -> int | None:
        """See `Question`."""
        if _is_empty(answer):
            return None
        number = None
        if isinstance(answer, str):
            # Neither 1_000 nor 3,0 nor 1e1: only what nobody reads in two ways.
            found = re.fullmatch(r"([+-]?\d{1,6})(\.0*)?", answer.strip(), re.ASCII)
            number = int(found[1]) if found else None
        elif isinstance(answer, int) and not isinstance(answer, bool):
            number = answer
        elif isinstance(answer, float) and answer.is_integer():
            number = int(answer)
        if number is None or not self.lowest <= number <= self.highest:
            raise _refusal(self.allowed, answer)
        return number

    def features(self, name: str) -> tuple[str, ...]:
        """See `Question`."""
        return (name,)

    def encode(self, answer: int) -> tuple[float, ...]:
        """See `Question`."""
        return ((answer - self.lowest) / (self.highest - self.lowest),)


@dataclass(frozen=True)
class _OneWord:
    """A question that is answered with one of several words."""

    words: tuple[str, ...]
    text: str

    @property
    def allowed(self) -> str:
        """See `Question`."""
        return f"one of {', '.join(self.words)}"

    def understand(self, answer: Any) -> str | None:
        """See `Question`."""
        return None if _is_empty(answer) else _one_of(self.words, answer, self.allowed)


@dataclass(frozen=True)
class Scale(_OneWord):
    """One of several words that have an order, equally spaced in [0, 1].

    Args:
        words: The words, from least to most.
        text: How the question is put.
    """

    def features(self, name: str) -> tuple[str, ...]:
        """See `Question`."""
        return (name,)

    def encode(self, answer: str) -> tuple[float, ...]:
        """See `Question`."""
        return (self.words.index(answer) / (len(self.words) - 1),)


@dataclass(frozen=True)
class Choice(_OneWord):
    """One of several words without an order: a number for each, 1 for the one chosen.

    Args:
        words: The words.
        text: How the question is put.
    """

    def features(self, name: str) -> tuple[str, ...]:
        """See `Question`."""
        return tuple(f"{name}={word}" for word in self.words)

    def encode(self, answer: str) -> tuple[float, ...]:
        """See `Question`."""
        return tuple(float(word == answer) for word in self.words)


@dataclass(frozen=True)
class Several:
    """Any number of several words: a number for each, 1 for those chosen.

    In one cell they are separated by ``;`` or ``,``; none of them is said by `NOBODY_CHOSE` there
    and by an empty list in JSON, since an empty cell means that nobody answered.

    Args:
        words: The words.
        text: How the question is put.
    """

    words: tuple[str, ...]
    text: str

    @property
    def allowed(self) -> str:
        """See `Question`."""
        return f"any of {', '.join(self.words)} (separated by ;), or {NOBODY_CHOSE}"

    def understand(self, answer: Any) -> tuple[str, ...] | None:
        """See `Question`."""
        if _is_empty(answer):
            return None
        chosen: Sequence[Any]
        if isinstance(answer, str):
            chosen = [part for part in re.split("[;,]", answer) if part.strip()]
            if [_word(part) for part in chosen] == [NOBODY_CHOSE]:
                chosen = []
            elif not chosen:
                raise _refusal(self.allowed, answer)
        elif isinstance(answer, list | tuple):
            chosen = answer
        else:
            raise _refusal(self.allowed, answer)
        words = {_one_of(self.words, part, self.allowed) for part in chosen}
        return tuple(word for word in self.words if word in words)

    def features(self, name: str) -> tuple[str, ...]:
        """See `Question`."""
        return tuple(f"{name}={word}" for word in self.words)

    def encode(self, answer: tuple[str, ...]) -> tuple[float, ...]:
        """See `Question`."""
        return tuple(float(word in answer) for word in self.words)


def _is_empty(answer: Any) -> bool:
    return answer is None or (isinstance(answer, str) and not answer.strip())


def _word(answer: str) -> str:
    """An answer in the spelling of the declared words: ``Contact lenses`` is contact_lenses."""
    return re.sub(r"[\s_-]+", "_", answer.strip().lower())


def _one_of(words: tuple[str, ...], answer: Any, allowed: str) -> str:
    if not isinstance(answer, str) or _word(answer) not in words:
        raise _refusal(allowed, answer)
    return _word(answer)


def _refusal(allowed: str, answer: Any) -> ValueError:
    return ValueError(f"the answer must be {allowed}, found {answer!r}; correct it or leave it out")
