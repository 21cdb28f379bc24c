"""Where anyone might look: saliency maps from a prior of the training users or from files."""
