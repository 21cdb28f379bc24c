import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from vpnet.geometry.directions import direction_from_angles, normalize
from vpnet.plots.seam import frame_lines


def test_a_path_inside_the_frame_is_one_line(directions_at):
    (line,) = frame_lines(directions_at([-30.0, 0.0, 40.0]))
    assert line[0].tolist() == pytest.approx([-30, 0])
    assert line[-1].tolist() == pytest.approx([40, 0])
    assert (line[1:, 0] > line[:-1, 0]).all()


@pytest.mark.parametrize(("turn", "edge"), [(1, 180), (-1, -180)], ids=["right", "left"])
def test_a_line_leaves_at_one_edge_and_enters_at_the_other(directions_at, turn, edge):
    path = directions_at([turn * 170.0, turn * 190.0], [10.0, 20.0])
    first, second = frame_lines(path)
    assert first[0].tolist() == pytest.approx([turn * 170, 10])
    assert first[-1, 0] == edge
    assert second[0, 0] == -edge
    assert first[-1, 1] == second[0, 1]
    assert second[-1].tolist() == pytest.approx([turn * -170, 20])
    # The great circle is symmetric about its middle, where it is a little above 15 degrees.
    assert 15 < first[-1, 1] < 16


def test_every_crossing_cuts(directions_at):
    lines = frame_lines(directions_at([170.0, 190.0, 170.0, 190.0]))
    assert [line[-1, 0].item() > 0 for line in lines] == [True, False, True, False]


def test_a_path_that_starts_on_the_seam_is_not_torn(directions_at):
    lines = frame_lines(directions_at([180.0, 175.0]))
    assert all((line[1:, 0] - line[:-1, 0]).abs().max() < 2 for line in lines if len(line) > 1)


def test_a_line_follows_the_great_circle(directions_at):
    path = directions_at([0.0, 90.0], 45.0)
    (line,) = frame_lines(path)
    turn = Rotation.align_vectors(path[1:].numpy(), path[:1].numpy())[0]
    middle = Rotation.from_rotvec(turn.as_rotvec() / 2).apply(path[0].numpy())
    at_middle = line[(line[:, 0] - 45).abs().argmin()]
    drawn = direction_from_angles(*torch.deg2rad(at_middle))
    assert drawn.tolist() == pytest.approx(middle.tolist(), abs=0.02)
    assert at_middle[1] > 50, "a straight line on the frame would stay at 45 degrees"


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(2, 8))
def test_no_line_crosses_the_frame(seed, steps):
    generator = torch.Generator().manual_seed(seed)
    path = normalize(torch.randn(steps, 3, generator=generator, dtype=torch.float64))
    lines = frame_lines(path)
    for line in lines:
        assert line[:, 0].abs().max() <= 180
        assert (line[1:, 0] - line[:-1, 0]).abs().max() <= 180
    for before, after in zip(lines[:-1], lines[1:], strict=True):
        assert before[-1, 0] == -after[0, 0]
        assert before[-1, 0].abs() == 180
        assert before[-1, 1] == after[0, 1]
    ends = torch.stack((lines[0][0], lines[-1][-1]))
    torch.testing.assert_close(direction_from_angles(*torch.deg2rad(ends).T), path[[0, -1]])


def test_a_path_of_one_direction_is_a_point(directions_at):
    (line,) = frame_lines(directions_at([20.0], 10.0))
    assert line.shape == (1, 2)
    assert line[0].tolist() == pytest.approx([20, 10])
