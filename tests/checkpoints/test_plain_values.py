"""Values within bounds, whatever torch could read."""

import math

import pytest
import torch

from vpnet.checkpoints import checkpoint_file
from vpnet.checkpoints.checkpoint_file import check_plain
from vpnet.errors import InputError

CIRCLE: list = []
CIRCLE.append(CIRCLE)

SHARED = [torch.zeros(8)] * 3


def nested(value: object) -> list:
    """Ten thousand times the same, in four lists."""
    held = [value]
    for _ in range(4):
        held = [held] * 10
    return held


DEEP: list = []
for _ in range(50):
    DEEP = [DEEP]


def test_what_training_writes_is_plain():
    check_plain(
        {
            "vpnet": {"run": {"training": {"scheduler": {"epochs": "${training.max_epochs}"}}}},
            "state_dict": {"w": torch.ones(2, 3), "n": torch.tensor(3), "h": torch.ones(2).half()},
            "loops": {"fit_loop": {"state_dict": {}, "epoch_loop._batches": (1, None, [], True)}},
            "lr_schedulers": [{"best": math.inf, "_last_lr": [1e-3]}],
            "callbacks": {"Early{'mode': 'min'}": {"best": torch.tensor(math.inf)}},
        }
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (math.nan, r"vpnet.x must be a finite number, got nan"),
        (math.inf, r"vpnet.x must be a finite number, got inf"),
        (2**70, "64 bits"),
        (b"bytes", "must be a plain value, got a bytes"),
        ({1, 2}, "must be a plain value, got a set"),
        ("x" * 2000, "characters at most, it has 2000"),
        ("${oc.env:HOME}", r"vpnet.x refers to something outside the file"),
        ("${training.max_epochs}", "refers to something outside"),
        ("???", "refers to something outside"),
        (SHARED, "its tensors share storage"),
        (nested({}), "holds more than 5000 values"),
        (nested([]), "holds more than 5000 values"),
        ({"_target_": "os.system"}, r"vpnet.x._target_ would have code run"),
        ({"inner": [{"_partial_": True}]}, r"vpnet.x.inner\[0\]._partial_ would have code run"),
        ({(1, 2): 3}, "has a name that is a tuple"),
        ({"y" * 2000: 3}, "characters at most, it has 2000"),
        (CIRCLE, "levels deep"),
        (DEEP, "levels deep"),
        (nested("ha"), "more than 5000 values"),
        (torch.zeros(1).expand(10**12), "must have all its numbers in the file, in order"),
        (torch.zeros(4, 3).T, "must have all its numbers in the file, in order"),
        (torch.zeros(10**12, device="meta"), "a plain tensor with its numbers in the file"),
        (torch.eye(3).to_sparse(), "a plain tensor with its numbers in the file"),
        (torch.zeros(2, dtype=torch.complex64), "numbers of a usual type, got torch.complex64"),
        (torch.nn.Parameter(torch.zeros(2)), "must be a plain tensor"),
        (torch.tensor([1.0, math.nan]), "holds 1 numbers that are NaN or infinite"),
        (torch.tensor([math.inf, math.nan]), "holds 2 numbers that are NaN or infinite"),
    ],
)
def test_what_is_out_of_bounds_is_refused(value, message, monkeypatch):
    monkeypatch.setattr(checkpoint_file, "MOST_VALUES", 5000)
    with pytest.raises(InputError, match=message):
        check_plain({"vpnet": {"x": value}})


def test_where_a_number_may_be_infinite_it_still_is_one():
    for value in (math.nan, torch.tensor(math.nan)):
        with pytest.raises(InputError, match="callbacks.x"):
            check_plain({"callbacks": {"x": value}})
