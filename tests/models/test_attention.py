import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vpnet.models.attention import attend, group_by_map


@given(
    map_of=st.lists(st.integers(0, 6), min_size=1, max_size=40),
    width=st.integers(1, 3),
)
def test_a_query_comes_back_from_a_row_of_its_map(map_of, width):
    index = torch.tensor(map_of)
    grid = group_by_map(index, 7)
    queries = torch.arange(float(len(map_of) * width)).view(len(map_of), width) + 1
    gathered = grid.gather(queries)
    assert torch.equal(grid.scatter(gathered), queries)
    assert torch.equal(grid.map_of_row[grid.row], index)
    assert len(set(zip(grid.row.tolist(), grid.column.tolist(), strict=True))) == len(map_of)
    assert (gathered != 0).any(dim=2).sum() == len(map_of), "the rest of the grid is empty"


@given(map_of=st.lists(st.integers(0, 6), min_size=1, max_size=200))
def test_the_grid_has_less_than_twice_as_many_places_as_queries(map_of):
    """However unevenly maps are attended to."""
    grid = group_by_map(torch.tensor(map_of), 7)
    assert len(grid.map_of_row) * grid.columns < 2 * len(map_of)
    assert set(grid.map_of_row.tolist()) == set(map_of)


@pytest.mark.parametrize("mask", [None, torch.tensor([[[[True, False, True, True, False]]]])])
@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_attention_is_a_mean_weighed_by_the_softmax_of_products(scale, dtype, mask):
    generator = torch.Generator().manual_seed(0)
    query, key, value = (
        torch.randn(2, 3, tokens, width, generator=generator).to(dtype)
        for tokens, width in ((4, 8), (5, 8), (5, 6))
    )
    factor = 8**-0.5 if scale is None else scale
    products = query.double() @ key.double().transpose(2, 3) * factor
    if mask is not None:
        products = products.masked_fill(~mask, -torch.inf)
    expected = products.softmax(dim=-1) @ value.double()
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        found = attend(query, key, value, scale, mask)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-6)
