"""vpnet's saliency sources by name: a closed table, from which configurations choose."""

from collections.abc import Callable, Mapping

from vpnet.paver.map_store import MapStore
from vpnet.saliency.fitted_sources import Behavioural, CenterBias
from vpnet.saliency.map_files import MapFolder
from vpnet.saliency.source import SaliencySource

SOURCES: Mapping[str, Callable[..., SaliencySource]] = {
    "center_bias": CenterBias,
    "behavioural": Behavioural,
    "paver": MapStore,
    "file": MapFolder,
}
