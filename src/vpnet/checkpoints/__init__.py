"""Checkpoints: data in a signed file, read as data only."""
