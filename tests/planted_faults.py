"""Plants faults in a copy of the code and runs the tests that must catch them: `make faults`.

`python tests/planted_faults.py` plants all of `FAULTS` one after the other, with ``--only TEXT``
those whose description contains a text, and ends with exit code 1 where the tests of one pass.
``--table`` writes the table of tests/README.md.
"""

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "tests" / "README.md"
BEGIN, END = "<!-- faults -->\n", "<!-- end -->"

SERVER = multiprocessing.get_context("forkserver")
LIBRARIES = ("pytest", "pytorch_lightning", "polars", "matplotlib.pyplot", "scipy.signal", "hydra")
"""Imported once, by the process from which that of each fault is forked; vpnet is not."""


class Fault(NamedTuple):
    """A change of one place in src/vpnet that a test must catch."""

    what: str
    was: str
    """Text that occurs once in all of src/vpnet."""
    becomes: str
    tests: str
    """Test file, or test, that fails."""


FAULTS = (
    Fault(
        "elevation of a quaternion with the wrong sign",
        "(-torch.sin(elevation_rad / 2), zero, zero,",
        "(torch.sin(elevation_rad / 2), zero, zero,",
        "tests/geometry/test_rotations.py",
    ),
    Fault(
        "yaw with swapped axes",
        "wrap_angle(torch.atan2(x, z))",
        "wrap_angle(torch.atan2(z, x))",
        "tests/geometry/test_directions.py",
    ),
    Fault(
        "quaternions multiplied in the wrong order",
        "+ torch.linalg.cross(first_vector, second_vector)",
        "- torch.linalg.cross(first_vector, second_vector)",
        "tests/geometry/test_rotations.py",
    ),
    Fault(
        "great-circle distance by acos",
        "return torch.atan2(sine, cosine)",
        "return torch.acos(cosine.clamp(-1, 1))",
        "tests/geometry/test_directions.py",
    ),
    Fault(
        "slerp takes the long way",
        "torch.where(dot < 0, -end_xyzw, end_xyzw)",
        "torch.where(dot > 0, -end_xyzw, end_xyzw)",
        "tests/geometry/test_rotations.py",
    ),
    Fault(
        "north of the tangent plane points down",
        "return east, torch.linalg.cross(center, east)",
        "return east, torch.linalg.cross(east, center)",
        "tests/geometry/test_tangent.py",
    ),
    Fault(
        "equirectangular rows upside down",
        "row = (0.5 - elevation_rad / math.pi) * height - 0.5",
        "row = (0.5 + elevation_rad / math.pi) * height - 0.5",
        "tests/geometry/test_equirectangular.py",
    ),
    Fault(
        "solid angle of pixels ignored",
        "band = (torch.sin(edges[:-1]) - torch.sin(edges[1:])) / 2",
        "band = torch.full((height,), 1 / height, dtype=torch.float64)",
        "tests/geometry/test_equirectangular.py",
    ),
    Fault(
        "mirror negates the vertical axis",
        "directions * directions.new_tensor((-1.0, 1.0, 1.0))",
        "directions * directions.new_tensor((1.0, -1.0, 1.0))",
        "tests/recordings/test_frame.py",
    ),
    Fault(
        "resampled directions not normalised",
        "return normalize(self.blend(directions))",
        "return self.blend(directions)",
        "tests/recordings/test_resampling.py",
    ),
    Fault(
        "gaps of any length bridged",
        "bridged = (gap_s > 0) & (gap_s <= allowed_s)",
        "bridged = gap_s > 0",
        "tests/recordings/test_resampling.py",
    ),
    Fault(
        "every held sample of the gaze a fixation",
        "confirmed = timestamps_s - start_s[measurement] > HOLD_LIMIT_S",
        "confirmed = timestamps_s - start_s[measurement] > 0",
        "tests/recordings/test_gaze.py",
    ),
    Fault(
        "rows before the playback kept",
        "playing = playing & ((frame >= 0) | (frame < 0).all())",
        "playing = playing & (frame >= -1)",
        "tests/quest_pro",
    ),
    Fault(
        "history one step late: it holds the first step of the future",
        "torch.arange(1 - spec.history_steps, 1)",
        "torch.arange(2 - spec.history_steps, 2)",
        "tests/dataset/test_windows.py",
    ),
    Fault(
        "horizon one step early",
        "future = anchor.unsqueeze(1) + self._horizon",
        "future = anchor.unsqueeze(1) + self._horizon - 1",
        "tests/dataset/test_windows.py",
    ),
    Fault(
        "future taken from the next recording",
        "inside = future < end",
        "inside = future < end + 1",
        "tests/dataset/test_windows.py",
    ),
    Fault(
        "mask of the gaze lost",
        "gaze_valid=samples.gaze_valid[history] & gaze_known",
        "gaze_valid=torch.ones_like(samples.gaze_valid[history])",
        "tests/dataset/test_windows.py",
    ),
    Fault(
        "anchors in bridged gaps, whose ends are not known yet",
        "whole &= samples.head_known_after[anchors] == 0",
        "whole &= samples.head_known_after[anchors] >= 0",
        "tests/dataset/test_bridged_gaps.py",
    ),
    Fault(
        "histories with unmeasured steps",
        "lost[anchors + 1] - lost[anchors + 1 - spec.history_steps] == 0",
        "lost[anchors + 1] - lost[anchors + 1 - spec.history_steps] >= 0",
        "tests/dataset/test_windows.py",
    ),
    Fault(
        "crowd known one second too early",
        "self._known = self._steps <= lookahead_s * spec.sampling_rate_hz + 1e-6",
        "self._known = self._steps <= (lookahead_s + 1) * spec.sampling_rate_hz + 1e-6",
        "tests/saliency/test_crowd.py",
    ),
    Fault(
        "the predicted viewer in the crowd",
        "return [each.place for each in viewers if each.hash != own]",
        "return [each.place for each in viewers]",
        "tests/saliency/test_crowd.py",
    ),
    Fault(
        "the predicted viewer's group in the crowd",
        "return [each.place for each in viewers if each.group != group]",
        "return [each.place for each in viewers if each.hash != own]",
        "tests/saliency/test_crowd.py",
    ),
    Fault(
        "users of the test part in training",
        "return part if part == video_part[key.video_id] else None",
        "return video_part[key.video_id]",
        "tests/dataset/test_splits.py",
    ),
    Fault(
        "a split that differs from run to run",
        "random.Random(seed).shuffle(distinct)",
        "random.Random().shuffle(distinct)",
        "tests/dataset/test_splits.py",
    ),
    Fault(
        "the same order of windows in every epoch",
        "SeedSequence((seed, epoch, purpose, process))",
        "SeedSequence((seed, 0, purpose, process))",
        "tests/dataset",
    ),
    Fault(
        "offsets of the gaze not mirrored",
        "gaze_offset_deg=flip(window.gaze_offset_deg)",
        "gaze_offset_deg=window.gaze_offset_deg",
        "tests/dataset/test_mirroring.py",
    ),
    Fault(
        "degrees that are radians",
        "return torch.rad2deg(great_circle_distance(predicted, future))",
        "return great_circle_distance(predicted, future)",
        "tests/evaluation",
    ),
    Fault(
        "mean over windows in place of the mean over users",
        "over_users=per_user.nanmean(0)",
        "over_users=sums.sum(0) / counts.sum(0)",
        "tests/evaluation/test_averages.py",
    ),
    Fault(
        "bootstrap that counts users without a value",
        "means = sums / (weights @ present.to(weights.dtype))",
        "means = sums / weights.sum(1, keepdim=True)",
        "tests/evaluation/test_averages.py",
    ),
    Fault(
        "tiles in both counted twice in the union",
        "iou=_ratio(both, sent + visible - both, sent + visible)",
        "iou=_ratio(both, sent + visible, sent + visible)",
        "tests/evaluation/test_viewport_metrics.py",
    ),
    Fault(
        "overlap of viewports with the wrong area",
        "4 * math.cos(radius_rad) * torch.acos(height)",
        "4 * math.sin(radius_rad) * torch.acos(height)",
        "tests/evaluation",
    ),
    Fault(
        "unknown futures in the loss",
        "distance = torch.where(known, self.distance(predicted, future), 0)",
        "distance = self.distance(predicted, window.future_directions)",
        "tests/training/test_loss.py",
    ),
    Fault(
        "unknown futures in the validation error",
        "self.count += known.sum()",
        "self.count += known.numel()",
        "tests/training/test_forecasting_module.py",
    ),
    Fault(
        "constant velocity backwards",
        "velocity_rad_s = -to_tangent(last, earlier) / span_s",
        "velocity_rad_s = to_tangent(last, earlier) / span_s",
        "tests/models",
    ),
    Fault(
        "STAR-VP's gate with its two predictions exchanged",
        "mixed = share * recurrent + (1 - share) * attentive",
        "mixed = share * attentive + (1 - share) * recurrent",
        "tests/models/test_star_vp.py",
    ),
    Fault(
        "absent viewers of the crowd attended to",
        "scores = scores.masked_fill(~memory.valid.unsqueeze(1), -torch.inf)",
        "scores = scores.masked_fill(memory.valid.unsqueeze(1) & False, -torch.inf)",
        "tests/models/test_crowd_attention.py",
    ),
    Fault(
        "training windows never shown as those of an unknown user",
        "user_index = user_index.masked_fill(unknown, 0)",
        "user_index = user_index.masked_fill(unknown & False, 0)",
        "tests/models/test_user_embedding.py",
    ),
    Fault(
        "windows with an unknown future in the ridge regression",
        "known = window.future_valid.all(dim=1)",
        "known = window.future_valid.any(dim=1)",
        "tests/models/test_baselines.py",
    ),
    Fault(
        "a damaged checkpoint accepted",
        "if hashlib.sha256(data[:-_DIGEST]).hexdigest().encode() != found[2]:",
        "if False:",
        "tests/checkpoints/test_checkpoint_file.py",
    ),
    Fault(
        "ids of viewers hashed without salt",
        "hashlib.blake2b(text, key=salt, digest_size=HASH_BYTES)",
        "hashlib.blake2b(text, digest_size=HASH_BYTES)",
        "tests/test_viewer_ids.py",
    ),
    Fault(
        "NSS without the solid angle of pixels",
        "above = saliency - (saliency * weights).sum()",
        "above = saliency - saliency.mean()",
        "tests/saliency",
    ),
)


def main() -> None:
    """Plant the faults, or write the table."""
    parser = argparse.ArgumentParser(description="Plant faults and run the tests that catch them.")
    parser.add_argument("--only", default="", help="faults whose description contains this text")
    parser.add_argument("--table", action="store_true", help="write the table of tests/README.md")
    arguments = parser.parse_args()
    if arguments.table:
        PAGE.write_text(page_with_table(), encoding="utf-8")
        return
    SERVER.set_forkserver_preload(list(LIBRARIES))
    missed = [fault.what for fault in FAULTS if arguments.only in fault.what and not caught(fault)]
    sys.exit(f"not caught: {missed}" if missed else 0)


def page_with_table() -> str:
    """The text of tests/README.md with the table of faults made anew."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    rows = [f"| {fault.what} | `{fault.tests}` |" for fault in FAULTS]
    table = "\n".join(("| fault | caught by |", "| --- | --- |", *rows))
    return f"{before}{BEGIN}\n{table}\n\n{END}{rest.partition(END)[2]}"


def place_of(fault: Fault, source: Path) -> Path:
    """The one file under a folder that holds what a fault replaces.

    Raises:
        ValueError: No file holds it, or it occurs more than once.
    """
    files = [file for file in source.rglob("*.py") if fault.was in file.read_text(encoding="utf-8")]
    if len(files) != 1 or files[0].read_text(encoding="utf-8").count(fault.was) != 1:
        raise ValueError(f"{fault.what}: {fault.was!r} must occur once in {source}, see {files}")
    return files[0]


def caught(fault: Fault) -> bool:
    """Whether the tests of a fault fail where it is planted."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        shutil.copytree(REPOSITORY / "src", source)
        file = place_of(fault, source)
        file.write_text(file.read_text(encoding="utf-8").replace(fault.was, fault.becomes))
        process = SERVER.Process(target=_run_tests, args=(source, fault.tests))
        process.start()
        process.join()
    # 1: tests failed; anything else (no tests, a usage error) has caught nothing.
    is_caught = process.exitcode == 1
    print(f"{'caught' if is_caught else 'MISSED'}: {fault.what}", flush=True)
    return is_caught


def _run_tests(source: Path, tests: str) -> None:
    """What a process of its own does: run tests of the code in a folder."""
    code = 70  # not 1, should anything fail here
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    sys.path.insert(0, str(source))
    os.environ["PYTHONPATH"] = str(source)
    os.chdir(REPOSITORY)
    try:
        code = pytest.main(["-x", "-q", "-p", "no:xdist", tests])
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
