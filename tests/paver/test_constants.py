from vpnet.paver.constants import adjacency_matrix, spatial_weight


def test_the_constants_are_the_published_ones(golden):
    expected = golden("constants")
    assert (spatial_weight() - expected["spatial_weight_f64"]).abs().max() < 1e-12
    rows = adjacency_matrix()[expected["adjacency_row_index"]]
    assert (rows - expected["adjacency_rows"]).abs().max() < 1e-6
