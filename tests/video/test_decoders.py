"""All backends give the same frames; the fastest that works is taken."""

import pytest
import torch

from vpnet.errors import InputError
from vpnet.video.decoders import (
    BACKENDS,
    DecodingError,
    check_decoders,
    open_video,
    read_resized,
    resize_frames,
)
from vpnet.video.video_file import probe_video

NAMES = sorted(BACKENDS)


@pytest.fixture(params=NAMES)
def backend(request) -> str:
    if request.param == "torchcodec":
        try:
            import torchcodec.decoders  # noqa: F401
        except (ImportError, RuntimeError, OSError) as error:
            pytest.skip(f"torchcodec does not load: {error}")
    return request.param


@pytest.mark.parametrize("kind", ["plain", "odd_rate", "uneven", "long_gop", "upside_down"])
def test_backends_give_the_same_frames(videos, backend, kind):
    video = probe_video(videos[kind])
    everything = range(len(video.frame_times_s))
    reference = torch.stack(list(open_video(video, "pyav").frames(everything)))
    frames = torch.stack(list(open_video(video, backend).frames(everything)))
    assert frames.shape == (len(everything), 3, video.height, video.width)
    assert (frames.int() - reference.int()).abs().max() <= 2


@pytest.mark.parametrize("indices", [range(40), range(0, 40, 6), [3, 4, 30], [39], [11, 12, 13]])
def test_a_number_means_the_frame_of_that_place(videos, backend, indices, read_number):
    reader = open_video(probe_video(videos["plain"]), backend)
    assert [read_number(frame) for frame in reader.frames(list(indices))] == list(indices)
    assert [read_number(frame) for frame in reader.frames([2, 5])] == [2, 5], "going back works"
    reader.close()


def test_frames_are_turned_upright(videos, make_video, backend, read_number, tmp_path):
    video = probe_video(videos["upside_down"])
    assert video.rotation_deg == 180
    (frame,) = open_video(video, backend).frames([5])
    assert read_number(torch.rot90(frame, 2, (1, 2))) == 5


def test_what_can_be_decoded_is_given_before_the_error(damaged, backend, read_number):
    video = probe_video(damaged("overwritten"))
    given = []
    frames = map(read_number, open_video(video, backend).frames(range(40)))
    with pytest.raises(DecodingError, match=r"overwritten\.mp4") as refusal:
        given.extend(frames)
    assert 0 < len(given) < 40
    assert refusal.value.frame == len(given)


def test_auto_takes_one_that_works(videos):
    assert open_video(probe_video(videos["plain"])).backend in BACKENDS


@pytest.mark.parametrize(
    ("backend", "device", "message"),
    [
        ("gstreamer", "cpu", "backend must be auto"),
        ("auto", "tpu", "cpu or cuda"),
        ("pyav", "cuda", "decodes on the CPU"),
    ],
)
def test_other_settings_are_refused(videos, backend, device, message):
    with pytest.raises(InputError, match=message):
        open_video(probe_video(videos["plain"]), backend, device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_decoding_on_a_gpu_that_is_not_there_says_what_was_tried(videos):
    with pytest.raises(InputError, match="nothing decodes it on cuda.*torchcodec.*decord"):
        open_video(probe_video(videos["plain"]), "auto", "cuda")


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


def test_what_decodes_and_what_does_not_is_found_out():
    complaints = check_decoders()
    assert complaints.keys() == BACKENDS.keys()
    assert complaints["pyav"] is None
    for complaint in complaints.values():
        assert complaint is None or "\n" not in complaint
