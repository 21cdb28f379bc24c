"""Defects of real recordings, put into simulated ones: each provokes the finding of its name."""
