import torch

from vpnet.video.opening import open_video
from vpnet.video.probe import probe_video
from vpnet.video.resizing import read_resized, resize_frames


def test_a_flat_frame_stays_flat_and_no_size_changes_nothing():
    flat = torch.full((2, 3, 100, 200), 77, dtype=torch.uint8)
    assert torch.equal(resize_frames(flat, 24, 48), torch.full((2, 3, 24, 48), 77).byte())
    noise = torch.randint(0, 256, (1, 3, 24, 48), dtype=torch.uint8)
    assert torch.equal(resize_frames(noise, 24, 48), noise)


def test_fine_stripes_become_grey_instead_of_aliasing():
    stripes = torch.zeros(1, 3, 64, 128, dtype=torch.uint8)
    stripes[..., ::2] = 255
    resized = resize_frames(stripes, 16, 32).float()[..., 2:-2]
    assert (resized - 127.5).abs().max() < 5


def test_values_do_not_run_over():
    edge = torch.zeros(1, 3, 40, 80, dtype=torch.uint8)
    edge[..., 40:] = 255
    resized = resize_frames(edge, 60, 120)
    assert resized[..., 70:].min() > 240
    assert resized[..., :50].max() < 15


def test_reading_resizes_each_frame(videos):
    video = probe_video(videos["plain"])
    reader = open_video(video)
    small = read_resized(reader, [0, 7, 9], 32, 64)
    assert small.shape == (3, 3, 32, 64)
    full = torch.stack(list(reader.frames([0, 7, 9])))
    assert torch.equal(small, resize_frames(full, 32, 64))
    assert read_resized(reader, [], 32, 64).shape == (0, 3, 32, 64)
