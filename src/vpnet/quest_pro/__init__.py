"""Recordings of the Meta Quest Pro: which files there are, their tables, rows and streams."""
