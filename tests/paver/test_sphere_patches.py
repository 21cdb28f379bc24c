import pytest
import torch
from torchvision.ops import deform_conv2d

from vpnet.errors import InputError
from vpnet.paver.sphere_patches import HeatMap, SpherePatches, heat_map_basis, sampling_grid


@pytest.fixture(scope="module")
def heat_map() -> HeatMap:
    return HeatMap()


def test_the_grid_is_the_published_one(golden):
    assert (sampling_grid() - golden("sampling_grid")["grid"]).abs().max() < 4e-5


def test_resampling_and_projecting_is_the_deformable_convolution():
    """Against torchvision's operator, which the published code calls."""
    generator = torch.Generator().manual_seed(0)
    frames = torch.rand(2, 3, 224, 448, generator=generator) * 2 - 1
    weight = torch.randn(8, 3, 16, 16, generator=generator) * 0.05
    grid = sampling_grid()
    rows, columns = torch.arange(224).reshape(14, 16), torch.arange(448).reshape(28, 16)
    regular = torch.stack(
        (
            rows.reshape(14, 1, 16, 1).expand(14, 28, 16, 16),
            columns.reshape(1, 28, 1, 16).expand(14, 28, 16, 16),
        ),
        dim=-1,
    )
    offsets = (grid - regular).permute(2, 3, 4, 0, 1).reshape(1, 512, 14, 28)
    expected = deform_conv2d(frames, offsets.expand(2, -1, -1, -1), weight, stride=16)
    ours = torch.nn.functional.conv2d(SpherePatches()(frames), weight, stride=16)
    assert torch.allclose(ours, expected, atol=2e-5)


def test_only_a_closed_seam_reads_a_constant_frame_as_constant():
    grey = torch.ones(1, 3, 224, 448)
    assert torch.allclose(SpherePatches("wrap")(grey), grey, atol=1e-5)
    published = SpherePatches("zero")(grey)
    assert published.min() < 0.9
    # 232 taps beyond the last column, 56 beyond the last row; two of them lie beyond both.
    assert (published[0, 0] < 1 - 1e-4).sum() in range(280, 289)


def test_another_seam_is_refused():
    with pytest.raises(InputError, match=r"saliency\.seam must be zero or wrap"):
        SpherePatches("mirror")


def test_the_basis_is_the_published_one(golden):
    basis, expected = heat_map_basis(), golden("basis")
    assert torch.allclose(basis[::14, ::16, ::16], expected["strided_f32"], atol=1e-5)
    assert torch.equal(basis.flatten(1).argmax(1), expected["argmax"])
    assert torch.allclose(basis.double().sum((1, 2)), expected["sum_f64"], rtol=1e-6)


def test_a_map_reaches_0_and_1_and_peaks_at_the_patch_of_the_largest_score(heat_map):
    scores = torch.full((2, 392), 0.1)
    scores[0, 7 * 28 + 3] = 2.0
    scores[1, 6 * 28 + 20] = 3.0
    maps = heat_map(scores)
    assert maps.amin() == 0
    assert (maps.amax((1, 2)) == 1).all()
    peak = maps.flatten(1).argmax(1)
    rows, columns = peak // 448, peak % 448
    assert torch.equal(columns, torch.tensor([3 * 16 + 8, 20 * 16 + 8]))
    assert (rows // 16).tolist() == [7, 6]


def test_scores_of_zero_give_a_map_of_zeros(heat_map):
    assert not heat_map(torch.zeros(1, 392)).any()


def test_the_scale_of_the_scores_does_not_matter(heat_map):
    scores = torch.rand(3, 392, generator=torch.Generator().manual_seed(1)) + 1
    assert torch.allclose(heat_map(scores), heat_map(5 * scores), atol=1e-5)
