"""PAVER, the network that turns videos into saliency maps."""

from vpnet.paver.network import Paver

__all__ = ["Paver"]
