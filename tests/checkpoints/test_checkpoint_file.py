"""Whole files, signed: damage, other versions and full disks are told apart."""

import errno
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vpnet.checkpoints.checkpoint_file import (
    CHECKPOINT_VERSION,
    read_content,
    signed,
    write_content,
)
from vpnet.errors import InputError

LIGHTNING = {"epoch": 1, "global_step": 7, "pytorch-lightning_version": "2.6.6"}


def content_of(size: int = 3) -> dict:
    entry = {"withheld": [], "trained_on": []}
    return {**LIGHTNING, "state_dict": {"model.weight": torch.arange(float(size))}, "vpnet": entry}


@pytest.fixture
def written(tmp_path) -> Path:
    path = tmp_path / "checkpoints" / "last.ckpt"
    write_content(content_of(), path)
    return path


def test_what_was_written_is_read(written):
    found = read_content(written)
    assert torch.equal(found["state_dict"]["model.weight"], torch.arange(3.0))
    assert found["global_step"] == 7
    assert [file.name for file in written.parent.iterdir()] == ["last.ckpt"]
    assert torch.load(written, weights_only=True)["epoch"] == 1, "torch reads it as well"


def test_every_flipped_bit_is_damage(written):
    """At any place: of the weights, of the pickle, of the archive, of the signature itself."""
    whole = written.read_bytes()
    for at in [*range(0, len(whole), 7), *range(len(whole) - 130, len(whole))]:
        written.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(InputError, match=r"last.ckpt: (damaged|not a readable checkpoint)"):
            read_content(written)
    written.write_bytes(whole)
    read_content(written)


def test_most_damage_asks_for_another_copy(written):
    whole = written.read_bytes()
    at = len(whole) // 2
    written.write_bytes(whole[:at] + bytes([whole[at] ^ 64]) + whole[at + 1 :])
    with pytest.raises(
        InputError, match=r"last.ckpt: damaged: its content is not what was written; copy it again"
    ):
        read_content(written)


@pytest.mark.parametrize("version", [CHECKPOINT_VERSION - 1, CHECKPOINT_VERSION + 1])
def test_another_version_is_named(written, version):
    body = written.read_bytes()
    unsigned = body[: body.rindex(b"vpnet checkpoint")]
    written.write_bytes(signed(unsigned[:-2] + bytes(2), version))
    said = rf"as version {version} of .*, this vpnet reads version {CHECKPOINT_VERSION}"
    with pytest.raises(InputError, match=said):
        read_content(written)


def test_a_file_from_before_versions_is_named(tmp_path):
    entry = {"users": ["S01"], "trained_on": [["S01", "film"]], "run": {}}
    torch.save({**content_of(), "vpnet": entry}, tmp_path / "old.ckpt")
    with pytest.raises(InputError, match=r"written before checkpoints had versions.*train again"):
        read_content(tmp_path / "old.ckpt")


def test_a_file_that_was_saved_again_is_named(written):
    torch.save(torch.load(written, weights_only=True), written)
    with pytest.raises(InputError, match="was changed after vpnet wrote it"):
        read_content(written)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"epoch": "one"}, "epoch must be a whole number, got 'one'"),
        ({"global_step": -1}, "global_step must be a whole number"),
        ({"pytorch-lightning_version": "1.0.0"}, "one of Lightning 2"),
        ({"state_dict": []}, "not a checkpoint of vpnet|state_dict must be a mapping"),
        ({"state_dict": {"model.weight": 1.0}}, "state_dict.model.weight must be a tensor"),
        ({"hyper_parameters": {}}, "hyper_parameters is missing, or no part of a checkpoint"),
        ({"vpnet": [1]}, "lacks the entry 'vpnet'"),
        ({"optimizer_states": [{"state": {0: {"m": torch.tensor(torch.nan)}}}]}, "NaN or infinite"),
    ],
)
def test_parts_that_lightning_does_not_write_are_refused(tmp_path, edit, message):
    path = tmp_path / "made_up.ckpt"
    buffer = tmp_path / "archive"
    torch.save({**content_of(), **edit}, buffer)
    path.write_bytes(signed(buffer.read_bytes()))
    with pytest.raises(InputError, match=rf"made_up.ckpt: .*({message})"):
        read_content(path)


def test_what_cannot_be_written_leaves_the_earlier_file_whole(written):
    """While this process may write 60 KB and no more; Python ignores the signal of the limit."""
    before = written.read_bytes()
    content = content_of(100_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    try:
        with pytest.raises(OSError, match=re.escape(str(written))) as failed:
            write_content(content, written)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (failed.value.errno, failed.value.filename) == (errno.EFBIG, str(written))
    assert written.read_bytes() == before
    assert [file.name for file in written.parent.iterdir()] == ["last.ckpt"]


TOO_LARGE = """
import errno, os, sys
import torch
from vpnet.checkpoints.checkpoint_file import write_content
path = sys.argv[1]
write_content({"state_dict": {"model.weight": torch.ones(10)}}, path)
try:
    write_content({"state_dict": {"model.weight": torch.ones(100_000)}}, path)
except OSError as error:
    print(errno.errorcode[error.errno], error.filename)
print(len(torch.load(path, weights_only=True)["state_dict"]["model.weight"]))
print(os.listdir(os.path.dirname(path)))
"""


def test_a_full_disk_leaves_the_earlier_file_whole(tmp_path):
    """On a disk of 200 KB of its own; torch's own writer would not say what is wrong."""
    mount = 'mount -t tmpfs -o size=200k none "$1"'
    private = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*private, mount, "sh", tmp_path], capture_output=True).returncode
    ):
        pytest.skip("this system mounts nothing for an ordinary user")
    path = tmp_path / "last.ckpt"
    ended = subprocess.run(
        [*private, f'{mount} && "$2" -c "$3" "$4"', "sh", tmp_path, sys.executable, TOO_LARGE]
        + [path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines() == [f"ENOSPC {path}", "10", "['last.ckpt']"]
