"""What is written comes back, from any process, and nothing else is taken for it."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra.numpy import arrays
from torch.utils.data import DataLoader, Dataset

from vpnet.errors import InputError
from vpnet.paver.map_file import (
    MapFile,
    MapPart,
    encode_maps,
    export_maps,
    from_differences,
    read_part,
    to_differences,
    write_map_file,
    write_part,
)
from vpnet.paver.sphere_patches import HeatMap
from vpnet.saliency.maps import resize_maps
from vpnet.saliency.salient_points import point_features, salient_points


@pytest.fixture(scope="module")
def scores() -> torch.Tensor:
    """Scores as smooth in space and time as a network's, with some noise: simulated."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 1, 3, 7, 14, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (12, 14, 28), mode="trilinear")[0, 0]
    return 1.7 + 0.8 * smooth + 0.05 * torch.randn(12, 14, 28, generator=generator)


@pytest.fixture(scope="module")
def full_maps(scores) -> torch.Tensor:
    return HeatMap()(scores.flatten(1))


@pytest.fixture(scope="module")
def part(scores, full_maps) -> Callable[..., MapPart]:
    """Function that gives some of the maps, in the form in which they are kept."""
    points = salient_points(full_maps)

    def make(first: int = 0, stop: int = 12, dtype: str = "uint8") -> MapPart:
        rows = slice(first, stop)
        return MapPart(
            np.arange(12)[rows] * 6,
            np.arange(12)[rows] / 5,
            encode_maps(resize_maps(full_maps[rows], 120, 240), dtype),
            scores[rows].numpy(),
            points.pixels[rows].numpy().astype(np.uint32),
            points.values[rows].numpy().astype(np.float16),
        )

    return make


@pytest.fixture
def file(part, tmp_path) -> Path:
    write_map_file(tmp_path / "v.h5", [part(0, 5), part(5, 12)], {"weights": "w", "rate_hz": 5.0})
    return tmp_path / "v.h5"


def test_what_is_written_comes_back(file, full_maps, scores):
    store = MapFile(file)
    assert len(store) == 12
    assert store.size == (120, 240)
    assert store.settings == {"weights": "w", "rate_hz": 5.0}
    assert store.times_s.tolist() == (np.arange(12) / 5).tolist()
    assert store.frame_index.tolist() == list(range(0, 72, 6))
    small = resize_maps(full_maps, 120, 240)
    assert (store.maps(slice(None)) - small).abs().max() <= 0.5 / 255 + 1e-6
    assert torch.equal(store.maps([2, 7]), store.maps(slice(None))[[2, 7]])
    assert torch.equal(store.scores([3]), scores[[3]])
    points = salient_points(full_maps[:2])
    expected = point_features(points.pixels, points.values.half().float(), 224, 448)
    assert torch.equal(store.points(slice(0, 2)), expected)


def test_the_maps_can_be_made_again_from_the_scores(file, full_maps):
    again = HeatMap()(MapFile(file).scores([4]).flatten(1))
    assert torch.allclose(again, full_maps[[4]], atol=1e-5)


def test_half_precision_is_kept_as_it_is(part, full_maps, tmp_path):
    write_map_file(tmp_path / "v.h5", [part(dtype="float16")], {})
    maps = MapFile(tmp_path / "v.h5").maps(slice(None))
    assert torch.equal(maps, resize_maps(full_maps, 120, 240).half().float())


def test_a_file_is_fifty_times_smaller_than_full_maps(part, tmp_path):
    write_map_file(tmp_path / "v.h5", [part()] * 3, {})
    overhead = 20_000  # of the format, whatever the length
    assert ((tmp_path / "v.h5").stat().st_size - overhead) / 36 < 224 * 448 * 4 / 50


def test_the_same_parts_give_the_same_bytes(part, file, tmp_path):
    again = tmp_path / "again.h5"
    write_map_file(again, [part(0, 5), part(5, 12)], {"rate_hz": 5.0, "weights": "w"})
    assert again.read_bytes() == file.read_bytes()


def test_a_failure_while_writing_leaves_the_earlier_file(part, file):
    before = file.read_bytes()

    def parts():
        yield part()
        raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError, match="power"):
        write_map_file(file, parts(), {})
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


class OneMapEach(Dataset):
    def __init__(self, store):
        self.store = store

    def __len__(self):
        return len(self.store)

    def __getitem__(self, index):
        return os.getpid(), self.store.maps([index])[0]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_read_the_same_maps(file, method):
    store = MapFile(file)
    expected = store.maps(slice(None))  # opened here before it goes to the others
    if method == "spawn":
        store = pickle.loads(pickle.dumps(store))
        assert torch.equal(store.maps(slice(None)), expected)
        return
    loader = DataLoader(OneMapEach(store), batch_size=None, num_workers=2)
    found = list(loader)
    assert os.getpid() not in {process for process, _ in found}
    assert torch.equal(torch.stack([maps for _, maps in found]), expected)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_a_damaged_file_is_refused_with_the_remedy(file, keep):
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(InputError, match="delete it and run"):
        MapFile(file).maps(slice(None))


def test_other_files_are_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = [1]
    with pytest.raises(InputError, match="no file of saliency maps"):
        MapFile(tmp_path / "other.h5")
    with pytest.raises(InputError, match="no such file"):
        MapFile(tmp_path / "nowhere.h5")
    with h5py.File(tmp_path / "new.h5", "w") as other:
        other.attrs["format"], other.attrs["version"] = "vpnet saliency", 99
    with pytest.raises(InputError, match="version 99"):
        MapFile(tmp_path / "new.h5")


def test_parts_come_back_and_damaged_ones_do_not(part, tmp_path):
    write_part(tmp_path / "0.npz", part())
    found = read_part(tmp_path / "0.npz")
    for value, expected in zip(found, part(), strict=True):
        assert np.array_equal(value, expected)
    content = (tmp_path / "0.npz").read_bytes()
    (tmp_path / "0.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="run the same command again"):
        read_part(tmp_path / "0.npz")
    assert not (tmp_path / "0.npz").exists()


@given(arrays(np.uint8, (2, 5, 7)))
def test_differences_lose_nothing(maps):
    assert np.array_equal(from_differences(to_differences(maps)), maps)


def test_other_types_are_refused():
    with pytest.raises(InputError, match="uint8 or float16"):
        encode_maps(torch.rand(1, 4, 8), "int16")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_maps_at_full_size_come_from_the_scores(file, full_maps, tmp_path, dtype):
    export_maps(MapFile(file), tmp_path / "v_saliency.pt", dtype)
    maps = torch.load(tmp_path / "v_saliency.pt", weights_only=True)
    assert maps.shape == (12, 224, 448)
    assert maps.dtype == dtype
    assert (maps.float() - full_maps).abs().max() <= torch.finfo(dtype).eps
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v.h5", "v_saliency.pt"]


def test_a_name_that_is_no_tensors_is_refused(file, tmp_path):
    with pytest.raises(InputError, match=r"must be named \*\.pt; rename the output"):
        export_maps(MapFile(file), tmp_path / "maps.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["v.h5"]
