"""Recordings as a study: found, read by several processes, kept, and some left out."""
