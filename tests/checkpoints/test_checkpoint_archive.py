"""An archive that would take more memory than its size, or run a function, is not unpacked."""

import collections
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from vpnet.checkpoints.checkpoint_file import checked_archive
from vpnet.errors import InputError


def archive_of(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def rewritten(data: bytes, parts: dict[str, bytes], compress: int = zipfile.ZIP_STORED) -> bytes:
    """The archive with other parts, or more of them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(buffer, "w") as target:
        names = source.namelist()
        for name in names:
            key = name.removeprefix("archive/")
            target.writestr(name, parts.get(key, source.read(name)), compress)
        for key in parts.keys() - {name.removeprefix("archive/") for name in names}:
            target.writestr(f"archive/{key}", parts[key], compress)
    return buffer.getvalue()


PLAIN = archive_of({"a": torch.arange(4.0), "b": [1, -2.5, None, True, "text", 2**40], "c": (1, 2)})


def read(archive: bytes) -> Any:
    return torch.load(io.BytesIO(archive), weights_only=True)


def test_tensors_and_plain_values_are_read_as_they_were_written():
    held = {"h": torch.arange(2, dtype=torch.float16), "m": collections.OrderedDict(a=[1, None])}
    found = read(checked_archive(archive_of(held)))
    assert torch.equal(found.pop("h"), held.pop("h"))
    assert found == held


def test_torch_reads_the_parts_that_were_checked():
    """In one file Python finds the second archive, torch the first, or the one of before zip."""
    first, second = archive_of({"a": 1}), archive_of({"a": 2})
    before_zip = io.BytesIO()
    torch.save({"a": 3}, before_zip, _use_new_zipfile_serialization=False)
    for front in (first, first[:-22], before_zip.getvalue()):
        assert read(checked_archive(front + second)) == {"a": 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (Path("here"), "it names 'pathlib"),
        (torch.nn.Linear(1, 1), "it names 'torch.nn"),
        (torch.eye(2).to_sparse(), "it names 'torch._utils _rebuild_sparse"),
        (torch.zeros(1 << 40, device="meta"), "it names 'torch._utils _rebuild_meta"),
        (torch.zeros(2, dtype=torch.complex64), "it names 'torch ComplexFloatStorage"),
        (bytearray(3), "it names 'builtins bytearray|it names '__builtin__ bytearray"),
        ({1, 2}, "it names"),
        (torch.float32, "it names 'torch float32'"),
        (2**4000, "instruction LONG4|64 bits"),
    ],
)
def test_everything_else_is_named_and_refused(content, message):
    with pytest.raises(InputError, match=message):
        checked_archive(archive_of(content))


def test_a_pickle_of_another_protocol_is_refused():
    for protocol in (0, 3, 4, 5):
        data = rewritten(PLAIN, {"data.pkl": pickle.dumps({"a": [b"1"], "b": Path("x")}, protocol)})
        with pytest.raises(InputError, match="its pickle holds the instruction|it names"):
            checked_archive(data)


def test_an_archive_that_grows_is_refused():
    bomb = rewritten(PLAIN, {"data/0": bytes(10**7)}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < 20_000
    with pytest.raises(InputError, match="is compressed"):
        checked_archive(bomb)


def test_parts_that_lie_over_each_other_are_refused():
    """Many names for the same bytes: the directory is written by hand."""
    data = rewritten(PLAIN, {"data/0": bytes(5000)})
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        big = source.getinfo("archive/data/0")
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a") as target:
        for number in range(1, 9):
            again = zipfile.ZipInfo(f"archive/data/{number}")
            again.header_offset, again.file_size = big.header_offset, big.file_size
            again.compress_size, again.CRC = big.compress_size, big.CRC
            target.filelist.append(again)
            target.NameToInfo[again.filename] = again
        target.comment = b""  # else nothing is written anew
    with pytest.raises(InputError, match="its parts are larger than the file"):
        checked_archive(buffer.getvalue())


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"code/evil.py": b"x"}, "its part 'archive/code/evil.py' is none of torch's"),
        ({"constants.pkl": b"x"}, "'archive/constants.pkl' is none of torch's"),
        ({"x/data.pkl": b"x"}, "none of torch's"),
    ],
)
def test_parts_that_torch_does_not_write_are_refused(parts, message):
    with pytest.raises(InputError, match=message):
        checked_archive(rewritten(PLAIN, parts))


def test_a_storage_that_claims_more_than_it_has_is_refused_by_torch():
    """The reason that only `torch.load` may make tensors of the parts."""
    data = rewritten(PLAIN, {"data/0": bytes(8)})
    with pytest.raises(RuntimeError, match="does not match"):
        read(checked_archive(data))
