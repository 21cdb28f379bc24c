"""A checkpoint holds plain values within bounds: numbers, texts, lists, mappings, tensors."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from vpnet.errors import InputError

MOST_VALUES = 1_000_000
DEEPEST = 12
LONGEST_TEXT = 1000
DTYPES = (
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float64,
    torch.int64,
    torch.int32,
    torch.uint8,
    torch.bool,
)

_OF_A_NAME = " (a name)"
_OF_HYDRA = re.compile(r"_[a-z]+_")
_OWN_SETTING = re.compile(r"\$\{training\.[a-z_]+\}")
"""A training setting that follows another one, which a resumed training may change."""


def check_plain(
    content: Any, may_be_infinite: Sequence[str] = (), without_text: Sequence[str] = ()
) -> None:
    """Refuse what is no plain value, or out of bounds.

    Args:
        content: Everything of a checkpoint.
        may_be_infinite: Entries at the top whose numbers may be infinite; none may be NaN.
        without_text: Entries at the top whose values are no texts.

    Raises:
        InputError: A value is of another type, too long, too deep or not finite; a key is one that
            Hydra would act upon; a text refers to what lies outside the file.
    """
    sizes_bytes: dict[int, int] = {}
    tensors_bytes = 0
    for count, (key, value) in enumerate(_walk(content, "", 0)):
        if count > MOST_VALUES:
            raise InputError(f"holds more than {MOST_VALUES} values")
        finite = not key.startswith(tuple(may_be_infinite))
        if isinstance(value, Tensor):
            _check_tensor(key, value, finite)
            storage = value.untyped_storage()
            sizes_bytes[storage.data_ptr()] = storage.nbytes()
            tensors_bytes += value.nbytes
        elif isinstance(value, str):
            if key.startswith(tuple(without_text)) and not key.endswith(_OF_A_NAME):
                raise InputError(f"{key} must be a number, got {value[:80]!r}")
            _check_text(key, value)
        elif type(value) is float:
            if math.isnan(value) or (finite and math.isinf(value)):
                raise InputError(f"{key} must be a finite number, got {value}")
        elif type(value) is int:
            if abs(value) > 2**63:
                raise InputError(f"{key} must be a whole number of 64 bits")
        elif value is not None and type(value) is not bool:
            raise InputError(f"{key} must be a plain value, got a {type(value).__name__}")
    # Two may share their numbers, as tied weights do; networks of many copies are bombs.
    if tensors_bytes > 2 * sum(sizes_bytes.values()):
        raise InputError("its tensors share their numbers and would take more memory than the file")


def _walk(value: Any, key: str, depth: int) -> Iterator[tuple[str, Any]]:
    """All values that hold no others, and the texts that name them; a circle is too deep."""
    if depth > DEEPEST:
        raise InputError(f"{key[:80]} lies more than {DEEPEST} levels deep")
    if type(value) is dict:
        for name, inner in value.items():
            if type(name) not in (str, int):
                raise InputError(f"{key} has a name that is a {type(name).__name__}")
            yield f"{key}{_OF_A_NAME}", name
            if isinstance(name, str) and _OF_HYDRA.fullmatch(name):
                raise InputError(f"{key}.{name} would have code run: settings hold values only")
            yield from _walk(inner, f"{key}.{name}" if key else str(name), depth + 1)
        if not value:
            yield key, None
    elif type(value) in (list, tuple):
        for place, inner in enumerate(value):
            yield from _walk(inner, f"{key}[{place}]", depth + 1)
        if not value:
            yield key, None
    else:
        yield key, value


def _check_text(key: str, value: str) -> None:
    if len(value) > LONGEST_TEXT:
        raise InputError(f"{key} is a text of {len(value)} letters")
    is_reference = "${" in value and not (
        key.startswith("vpnet.run.training.") and _OWN_SETTING.fullmatch(value)
    )
    if is_reference or value == "???":
        raise InputError(f"{key} refers to what lies outside the file: {value[:80]!r}")


def _check_tensor(key: str, value: Tensor, finite: bool) -> None:
    if type(value) is not Tensor or value.device.type != "cpu" or value.layout != torch.strided:
        raise InputError(f"{key} must be a plain tensor with its numbers in the file")
    if value.dtype not in DTYPES or value.is_quantized:
        raise InputError(f"{key} must hold numbers of a usual type, got {value.dtype}")
    # Of an expanded tensor few numbers are in the file and many would be made of them.
    if not value.is_contiguous() or value.nbytes > value.untyped_storage().nbytes():
        raise InputError(f"{key} must have all its numbers in the file, in order")
    if value.is_floating_point():
        wrong = value.isnan() if not finite else ~value.isfinite()
        if bool(wrong.any()):
            raise InputError(
                f"{key} holds {int(wrong.sum())} numbers that are NaN or infinite: the training "
                "that wrote it diverged, or the file was changed"
            )
