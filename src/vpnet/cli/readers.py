"""Everything that recordings come from, by name: the readers, and the simulation."""

from collections.abc import Callable, Iterable, Mapping

from vpnet.recordings.reading import READERS
from vpnet.recordings.recording import Recording
from vpnet.simulation.study import simulate_recordings

DATA: Mapping[str, Callable[..., Iterable[Recording]]] = {
    "simulated": simulate_recordings,
    **READERS,
}
