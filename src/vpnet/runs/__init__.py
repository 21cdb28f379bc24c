"""Finished runs set side by side: seeds, comparisons, ablations."""
