"""Where and how a training runs: card, precision, Slurm, signals, W&B."""
