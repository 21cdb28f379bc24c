"""Fixtures for all tests: the real data beside the project, and a random state that stays put."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the real recordings; absent on a user's machine, required in CI."""
    folder = Path(os.environ.get("VPNET_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        message = f"real recordings not found at {folder}; set VPNET_SHARED"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(autouse=True)
def _keep_random_state():
    """Restore every random state after each test, so that no test depends on another's order."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    torch_state, threads = torch.get_rng_state(), torch.get_num_threads()
    yield
    random.setstate(python_state)
    np.random.set_state(numpy_state)
    torch.set_rng_state(torch_state)
    torch.set_num_threads(threads)
