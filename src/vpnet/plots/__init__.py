"""Figures: error against horizon, and paths of the viewport over the frame.

Drawn with matplotlib's objects, never its global state, so that they work in any thread and
without a display. Colours stay distinct for colour-blind readers.
"""
