"""PAVER, the network that turns videos into saliency maps."""

from vpnet.saliency.paver.network import Paver

__all__ = ["Paver"]
