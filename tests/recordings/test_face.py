import pytest
import torch

from vpnet.errors import InputError
from vpnet.recordings.face import FACE_ACTIVITY, FACE_WEIGHTS, face_features

NAMES = (*FACE_WEIGHTS, FACE_ACTIVITY)


def numbered_face():
    """Weight ``n`` is n/100 in the first sample and twice that in the second."""
    first = torch.arange(len(NAMES), dtype=torch.float64) / 100
    return torch.stack((first, 2 * first))


def test_there_are_63_weights():
    assert len(FACE_WEIGHTS) == len(set(FACE_WEIGHTS)) == 63
    assert (FACE_WEIGHTS[0], FACE_WEIGHTS[24], FACE_WEIGHTS[62]) == (
        "Brow_Lowerer_L",
        "Jaw_Drop",
        "Upper_Lip_Raiser_R",
    )


def test_features_in_the_order_asked_for():
    features = face_features(
        numbered_face(), NAMES, ["FaceActivity", "Brow_Lowerer_L+Brow_Lowerer_R", "Jaw_Drop"]
    )
    expected = torch.tensor([[0.63, 0.005, 0.24], [1.26, 0.01, 0.48]], dtype=torch.float64)
    torch.testing.assert_close(features, expected)


def test_mean_of_three_with_spaces():
    features = face_features(numbered_face(), NAMES, ["Brow_Lowerer_L + Jaw_Drop + Cheek_Puff_L"])
    assert features[0].item() == pytest.approx((0.00 + 0.24 + 0.02) / 3)


def test_no_features():
    assert face_features(numbered_face(), NAMES, []).shape == (2, 0)


@pytest.mark.parametrize("wrong", ["jaw_drop", "JawDrop", "Jaw_Drop_L"])
def test_unknown_name_lists_close_matches(wrong):
    with pytest.raises(InputError, match=rf"no weight is named '{wrong}'; did you mean .*Jaw_Drop"):
        face_features(numbered_face(), NAMES, [f"Brow_Lowerer_L+{wrong}"])


def test_unknown_name_without_close_match_lists_all():
    with pytest.raises(InputError, match="the weights are Brow_Lowerer_L, .*FaceActivity"):
        face_features(numbered_face(), NAMES, ["qqqq"])
