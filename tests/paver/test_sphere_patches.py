import pytest
import torch
from torchvision.ops import deform_conv2d

from vpnet.errors import InputError
from vpnet.paver.sphere_patches import SpherePatches, sampling_grid


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
