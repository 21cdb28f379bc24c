"""The face's expression weights: their names, and the features chosen from them."""

import difflib
from collections.abc import Sequence

from torch import Tensor

from vpnet.errors import InputError

# fmt: off
FACE_WEIGHTS: tuple[str, ...] = (
    "Brow_Lowerer_L", "Brow_Lowerer_R", "Cheek_Puff_L", "Cheek_Puff_R", "Cheek_Raiser_L",
    "Cheek_Raiser_R", "Cheek_Suck_L", "Cheek_Suck_R", "Chin_Raiser_B", "Chin_Raiser_T",
    "Dimpler_L", "Dimpler_R", "Eyes_Closed_L", "Eyes_Closed_R", "Eyes_Look_Down_L",
    "Eyes_Look_Down_R", "Eyes_Look_Left_L", "Eyes_Look_Left_R", "Eyes_Look_Right_L",
    "Eyes_Look_Right_R", "Eyes_Look_Up_L", "Eyes_Look_Up_R", "Inner_Brow_Raiser_L",
    "Inner_Brow_Raiser_R", "Jaw_Drop", "Jaw_Sideways_Left", "Jaw_Sideways_Right", "Jaw_Thrust",
    "Lid_Tightener_L", "Lid_Tightener_R", "Lip_Corner_Depressor_L", "Lip_Corner_Depressor_R",
    "Lip_Corner_Puller_L", "Lip_Corner_Puller_R", "Lip_Funneler_LB", "Lip_Funneler_LT",
    "Lip_Funneler_RB", "Lip_Funneler_RT", "Lip_Pressor_L", "Lip_Pressor_R", "Lip_Pucker_L",
    "Lip_Pucker_R", "Lip_Stretcher_L", "Lip_Stretcher_R", "Lip_Suck_LB", "Lip_Suck_LT",
    "Lip_Suck_RB", "Lip_Suck_RT", "Lip_Tightener_L", "Lip_Tightener_R", "Lips_Toward",
    "Lower_Lip_Depressor_L", "Lower_Lip_Depressor_R", "Mouth_Left", "Mouth_Right",
    "Nose_Wrinkler_L", "Nose_Wrinkler_R", "Outer_Brow_Raiser_L", "Outer_Brow_Raiser_R",
    "Upper_Lid_Raiser_L", "Upper_Lid_Raiser_R", "Upper_Lip_Raiser_L", "Upper_Lip_Raiser_R",
)
# fmt: on
"""The Meta Quest Pro's 63 blendshape weights, in the order of its files."""

FACE_ACTIVITY = "FaceActivity"
"""Name of the mean of the 63 weights, a 64th column that readers add."""


def face_features(face: Tensor, face_names: Sequence[str], features: Sequence[str]) -> Tensor:
    """Features of the face, each one weight or the mean of several.

    Args:
        face: Weights, shape ``(samples, weights)``: the ``face`` of a `Recording`.
        face_names: Their names, the ``face_names`` of the same recording.
        features: For each feature a name, or several joined by ``+``:
            ``"Brow_Lowerer_L+Brow_Lowerer_R"``.

    Returns:
        Shape ``(samples, len(features))``.

    Raises:
        InputError: A name is not among the weights; the message lists close matches.
    """
    columns = {name: column for column, name in enumerate(face_names)}
    mixing = face.new_zeros(len(face_names), len(features))
    for feature, expression in enumerate(features):
        names = [name.strip() for name in expression.split("+")]
        for name in names:
            if name not in columns:
                raise InputError(_unknown_weight(name, expression, face_names))
            mixing[columns[name], feature] += 1 / len(names)
    return face @ mixing


def _unknown_weight(name: str, expression: str, face_names: Sequence[str]) -> str:
    by_lower_case = {known.lower(): known for known in face_names}
    close = difflib.get_close_matches(name.lower(), by_lower_case, n=3)
    if close:
        remedy = f"did you mean {', '.join(by_lower_case[match] for match in close)}?"
    else:
        remedy = f"the weights are {', '.join(face_names)}"
    return f"face feature {expression!r}: no weight is named {name!r}; {remedy}"
