"""Viewport prediction for 360-degree video."""
