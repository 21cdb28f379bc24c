"""How far a prediction is from where the viewer then looked: pure functions on directions."""

import math

import torch
from torch import Tensor

from vpnet.geometry.directions import great_circle_distance

FIELD_OF_VIEW_DEG = 100.0
"""Diameter of the circular field of view that overlap and tiles are measured with."""

ACCURACY_THRESHOLDS_DEG = (5.0, 10.0, 15.0)
"""A prediction no further off than this counts as right."""


def error_deg(predicted: Tensor, future: Tensor) -> Tensor:
    """Great-circle error of predictions, in degrees, in [0, 180].

    Args:
        predicted: Unit vectors, shape ``(..., 3)``.
        future: Where the viewer looked, unit vectors, shape ``(..., 3)``.

    Returns:
        Errors, shape ``(...)``.
    """
    return torch.rad2deg(great_circle_distance(predicted, future))


def accuracy_within(errors_deg: Tensor, threshold_deg: float) -> Tensor:
    """1 where an error is at most the threshold, else 0.

    Args:
        errors_deg: Great-circle errors, shape ``(...)``.
        threshold_deg: Largest error that still counts as right.

    Returns:
        0 or 1, in the type of ``errors_deg``, shape ``(...)``.
    """
    return (errors_deg <= threshold_deg).to(errors_deg.dtype)


def viewport_overlap(
    predicted: Tensor, future: Tensor, field_of_view_deg: float = FIELD_OF_VIEW_DEG
) -> Tensor:
    """Share of the true circular field of view that the predicted one covers, in [0, 1].

    Closed form for two spherical caps of one radius r whose centres are d apart: their common area
    is 2 pi - 4 asin(sin(d/2) / sin r) - 4 cos r acos(tan(d/2) / tan r) while d < 2 r, which is the
    formula of Tovchigrechko and Vakser (Protein Science 2001, "How common is the funnel-like
    energy landscape in protein-protein interactions?", appendix) for equal radii, rewritten with
    half angles so that nothing cancels where the prediction is nearly right.

    Args:
        predicted: Unit vectors, shape ``(..., 3)``.
        future: Where the viewer looked, unit vectors, shape ``(..., 3)``.
        field_of_view_deg: Diameter of the field of view, in (0, 180].

    Returns:
        Shares of the area on the sphere, shape ``(...)``.

    Raises:
        ValueError: The field of view is not in (0, 180].
    """
    if not 0 < field_of_view_deg <= 180:
        raise ValueError(f"field_of_view_deg must be in (0, 180], got {field_of_view_deg}")
    radius_rad = math.radians(field_of_view_deg) / 2
    half_distance_rad = great_circle_distance(predicted, future) / 2
    chord = (torch.sin(half_distance_rad) / math.sin(radius_rad)).clamp(max=1)
    height = (torch.tan(half_distance_rad) / math.tan(radius_rad)).clamp(max=1)
    common_area = (
        2 * math.pi - 4 * torch.asin(chord) - 4 * math.cos(radius_rad) * torch.acos(height)
    )
    share = common_area / (2 * math.pi * (1 - math.cos(radius_rad)))
    return torch.where(half_distance_rad < radius_rad, share, 0).clamp(0, 1)
