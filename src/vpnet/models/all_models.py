"""vpnet's models by name: a closed table, from which configurations and checkpoints choose."""

from collections.abc import Mapping

from vpnet.models.baselines import ConstantVelocity, Linear, Static
from vpnet.models.forecaster import Forecaster
from vpnet.models.fusion import Fusion
from vpnet.models.gated_star_vp import GatedStarVP
from vpnet.models.lstm import LSTM
from vpnet.models.muse_vp import MuseVP
from vpnet.models.star_vp import StarVP
from vpnet.models.track import Track

MODELS: Mapping[str, type[Forecaster]] = {
    "fusion": Fusion,
    "star_vp": StarVP,
    "muse_vp": MuseVP,
    "gated_star_vp": GatedStarVP,
    "track": Track,
    "lstm": LSTM,
    "linear": Linear,
    "constant_velocity": ConstantVelocity,
    "static": Static,
}
