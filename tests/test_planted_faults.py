"""The list of planted faults fits the code and its page; `make faults` plants them."""

from pathlib import Path

import pytest

import planted_faults

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("fault", planted_faults.FAULTS, ids=lambda fault: fault.what)
def test_the_place_of_a_fault_exists_once(fault):
    planted_faults.place_of(fault, REPOSITORY / "src" / "vpnet")
    assert fault.becomes != fault.was
    assert (REPOSITORY / fault.tests).exists()


def test_the_page_has_the_table():
    page = (REPOSITORY / "tests" / "README.md").read_text(encoding="utf-8")
    assert page == planted_faults.page_with_table(), "run python tests/planted_faults.py --table"
