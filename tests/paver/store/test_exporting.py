"""The exported tensor is the network's own map, at full size."""

import pytest
import torch

from vpnet.errors import InputError
from vpnet.paver.store.exporting import export_maps
from vpnet.paver.store.reading import StoreFile


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_maps_at_full_size_come_from_the_scores(file, full_maps, tmp_path, dtype):
    export_maps(StoreFile(file), tmp_path / "v_saliency.pt", dtype)
    maps = torch.load(tmp_path / "v_saliency.pt", weights_only=True)
    assert maps.shape == (12, 224, 448)
    assert maps.dtype == dtype
    assert (maps.float() - full_maps).abs().max() <= torch.finfo(dtype).eps
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v.h5", "v_saliency.pt"]


def test_a_name_that_is_no_tensors_is_refused(file, tmp_path):
    with pytest.raises(InputError, match="end the name so"):
        export_maps(StoreFile(file), tmp_path / "maps.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["v.h5"]
