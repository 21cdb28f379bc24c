"""A small simulated study, drawn once for all tests of the simulation."""

from collections.abc import Callable

import pytest

from vpnet.simulation.headset_tables import QuestProTables
from vpnet.simulation.quest_pro_tables import simulate_tables
from vpnet.simulation.simulated_study import draw_study

DURATION_S = 20.0
SEED = 3


@pytest.fixture(scope="session")
def study():
    """Six viewers (two of each kind) and three videos."""
    return draw_study(users=6, videos=3, duration_s=DURATION_S, seed=SEED)


@pytest.fixture(scope="session")
def tables_of(study) -> Callable[[int, int], QuestProTables]:
    """The tables of a viewer and a video of the study, by their numbers."""
    viewers, videos = study
    drawn: dict[tuple[int, int], QuestProTables] = {}

    def draw(viewer: int, video: int) -> QuestProTables:
        if (viewer, video) not in drawn:
            drawn[viewer, video] = simulate_tables(viewers[viewer], videos[video], SEED)
        return drawn[viewer, video]

    return draw
