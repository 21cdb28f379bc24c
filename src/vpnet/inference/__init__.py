"""Predictions for recordings, from nothing but a checkpoint."""
