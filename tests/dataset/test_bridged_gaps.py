"""What was bridged over a gap is known when the gap has ended, not before."""

import dataclasses

import pytest
import torch
from torch import Tensor

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.dataset.windows import WindowDataset, anchor_rows
from vpnet.recordings.recording import Recording

RATE_HZ = 10
SPEC = WindowSpec(RATE_HZ, history_steps=8, horizon_steps=(1, 4, 9), face_features=2)
FEATURES = ("Jaw_Drop", "Brow_Lowerer_L+Brow_Lowerer_R")


@pytest.mark.parametrize("ended_s", [5.04, 5.05, 5.1, 5.15, 5.28])
@pytest.mark.parametrize(
    ("stream", "lost_s"), [("head", (4.83, 5.17)), ("gaze", (4.97, 5.06)), ("face", (4.9, 5.12))]
)
def test_no_window_knows_what_the_headset_measured_after_its_anchor(
    make_recording, gather_at, stream, lost_s, ended_s
):
    """All from ``ended_s`` on is made up anew; a stream is lost around it, as long as bridged."""
    options = {"rate_hz": 72, "orientation": True, "gaze": True, "face": True}
    one, other = (make_recording("a", "v", seed=seed, **options) for seed in (1, 9))
    timestamps_s = one.timestamps_s
    later = timestamps_s >= ended_s
    kept = (timestamps_s <= lost_s[0]) | (timestamps_s >= lost_s[1])
    one = dataclasses.replace(one, **{f"{stream}_valid": kept})
    mixed = {}
    for item in dataclasses.fields(Recording):
        mine, new = getattr(one, item.name), getattr(other, item.name)
        if isinstance(mine, Tensor) and item.name != "timestamps_s":
            mixed[item.name] = torch.where(later.view(-1, *[1] * (mine.ndim - 1)), new, mine)
    other = dataclasses.replace(one, **mixed)

    reach_s = 2.5 * float(timestamps_s.diff().median())

    def windows_before(recording: Recording) -> list[ViewportWindow]:
        samples = gather_at([recording], RATE_HZ, FEATURES)
        anchors = anchor_rows(
            samples, [0], SPEC, first_anchor_step=15, stride_steps=1, known_future=False
        )
        dataset = WindowDataset(samples, anchors, SPEC, torch.tensor([1]))
        last = (ended_s - reach_s) * RATE_HZ
        return [dataset[i] for i in range(len(dataset)) if dataset[i].anchor_step <= last]

    before, after = windows_before(one), windows_before(other)
    assert len(before) == len(after) > 30
    for mine, new in zip(before, after, strict=True):
        assert torch.equal(mine.anchor_step, new.anchor_step)
        assert torch.equal(mine.history_directions, new.history_directions)
        assert torch.equal(mine.history_roll_rad, new.history_roll_rad)
        for mask, streams in (
            ("gaze_valid", ("gaze_directions", "gaze_offset_deg", "is_fixating")),
            ("face_valid", ("face",)),
        ):
            known = getattr(mine, mask)
            assert torch.equal(known, getattr(new, mask))
            for stream in streams:
                assert torch.equal(getattr(mine, stream)[known], getattr(new, stream)[known])
