import torch

from vpnet.paver.heat_map import HeatMap, heat_map_basis


def test_the_basis_is_the_published_one(golden):
    basis, expected = heat_map_basis(), golden("basis")
    assert torch.allclose(basis[::14, ::16, ::16], expected["strided_f32"], atol=1e-5)
    assert torch.equal(basis.flatten(1).argmax(1), expected["argmax"])
    assert torch.allclose(basis.double().sum((1, 2)), expected["sum_f64"], rtol=1e-6)


def test_a_map_reaches_0_and_1_and_peaks_at_the_patch_of_the_largest_score():
    scores = torch.full((2, 392), 0.1)
    scores[0, 7 * 28 + 3] = 2.0
    scores[1, 6 * 28 + 20] = 3.0
    maps = HeatMap()(scores)
    assert maps.amin() == 0
    assert (maps.amax((1, 2)) == 1).all()
    peak = maps.flatten(1).argmax(1)
    rows, columns = peak // 448, peak % 448
    assert torch.equal(columns, torch.tensor([3 * 16 + 8, 20 * 16 + 8]))
    assert (rows // 16).tolist() == [7, 6]


def test_scores_of_zero_give_a_map_of_zeros():
    assert not HeatMap()(torch.zeros(1, 392)).any()


def test_the_scale_of_the_scores_does_not_matter():
    scores = torch.rand(3, 392, generator=torch.Generator().manual_seed(1)) + 1
    heat_map = HeatMap()
    assert torch.allclose(heat_map(scores), heat_map(5 * scores), atol=1e-5)
