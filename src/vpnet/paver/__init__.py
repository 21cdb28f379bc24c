"""PAVER, the network that turns videos into saliency maps."""
