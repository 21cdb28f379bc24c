"""Types of settings in words."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from vpnet.allowed_values import allowed


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (bool, "true or false"),
        (int | None, "a whole number, or null"),
        (str | Path | None, "a path, or null"),
        (bool | str | Path, "true or false, or a path"),
        (Annotated[int, Field(ge=2, le=10_000)], "a whole number from 2 to 10000"),
        (Annotated[float, Field(gt=0)], "a number above 0"),
        (Literal["a"], "a"),
        (Sequence[float], "a list of numbers"),
        (Sequence[Annotated[float, Field(gt=0)]] | None, "a list of numbers above 0, or null"),
        (Mapping[str, float], "settings by name"),
        (Sequence[Sequence[str]], "a list of a list of texts"),
    ],
)
def test_what_is_allowed_is_said_in_words(annotation, words):
    assert allowed(annotation) == words
