"""What is written comes back, from any process, and nothing else is taken for it."""

import os
import pickle

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra.numpy import arrays
from torch.utils.data import DataLoader, Dataset

from vpnet.errors import InputError
from vpnet.paver.heat_map import HeatMap
from vpnet.paver.store.differences import from_differences, to_differences
from vpnet.paver.store.part import encode_maps, read_part, write_part
from vpnet.paver.store.reading import StoreFile
from vpnet.paver.store.writing import write_store
from vpnet.saliency.resizing import resize_maps
from vpnet.saliency.salient_points import point_features, salient_points


def test_what_is_written_comes_back(file, full_maps, scores):
    store = StoreFile(file)
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
    again = HeatMap()(StoreFile(file).scores([4]).flatten(1))
    assert torch.allclose(again, full_maps[[4]], atol=1e-5)


def test_half_precision_is_kept_as_it_is(part, full_maps, tmp_path):
    write_store(tmp_path / "v.h5", [part(dtype="float16")], {})
    maps = StoreFile(tmp_path / "v.h5").maps(slice(None))
    assert torch.equal(maps, resize_maps(full_maps, 120, 240).half().float())


def test_a_file_is_fifty_times_smaller_than_full_maps(part, tmp_path):
    write_store(tmp_path / "v.h5", [part()] * 10, {})
    overhead = 20_000  # of the format, whatever the length
    assert ((tmp_path / "v.h5").stat().st_size - overhead) / 120 < 224 * 448 * 4 / 50


def test_the_same_parts_give_the_same_bytes(part, file, tmp_path):
    again = tmp_path / "again.h5"
    write_store(again, [part(0, 5), part(5, 12)], {"rate_hz": 5.0, "weights": "w"})
    assert again.read_bytes() == file.read_bytes()


def test_a_failure_while_writing_leaves_the_earlier_file(part, file):
    before = file.read_bytes()

    def parts():
        yield part()
        raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError, match="power"):
        write_store(file, parts(), {})
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
    store = StoreFile(file)
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
        StoreFile(file).maps(slice(None))


def test_other_files_are_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = [1]
    with pytest.raises(InputError, match="no file of saliency maps"):
        StoreFile(tmp_path / "other.h5")
    with pytest.raises(InputError, match="no such file"):
        StoreFile(tmp_path / "nowhere.h5")
    with h5py.File(tmp_path / "new.h5", "w") as other:
        other.attrs["format"], other.attrs["version"] = "vpnet saliency", 99
    with pytest.raises(InputError, match="version 99"):
        StoreFile(tmp_path / "new.h5")


def test_parts_come_back_and_damaged_ones_do_not(part, tmp_path):
    write_part(tmp_path / "0.npz", part())
    found = read_part(tmp_path / "0.npz")
    assert found is not None
    for value, expected in zip(found, part(), strict=True):
        assert np.array_equal(value, expected)
    content = (tmp_path / "0.npz").read_bytes()
    (tmp_path / "0.npz").write_bytes(content[: len(content) // 2])
    assert read_part(tmp_path / "0.npz") is None


@given(arrays(np.uint8, (2, 5, 7)))
def test_differences_lose_nothing(maps):
    assert np.array_equal(from_differences(to_differences(maps)), maps)


def test_other_types_are_refused():
    with pytest.raises(InputError, match="uint8 or float16"):
        encode_maps(torch.rand(1, 4, 8), "int16")
