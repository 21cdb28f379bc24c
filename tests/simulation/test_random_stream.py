import numpy as np

from vpnet.simulation.viewers_and_videos import random_stream


def test_same_names_give_the_same_numbers():
    assert np.array_equal(
        random_stream(1, "viewer", "S01").random(5), random_stream(1, "viewer", "S01").random(5)
    )


def test_seed_and_every_name_matter():
    streams = [
        random_stream(1, "viewer", "S01"),
        random_stream(2, "viewer", "S01"),
        random_stream(1, "video", "S01"),
        random_stream(1, "viewer", "S02"),
        random_stream(1, "viewerS01"),
        random_stream(1, "viewer", "S01", ""),
    ]
    assert len({stream.random() for stream in streams}) == len(streams)
