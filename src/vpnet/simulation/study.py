"""A whole simulated study: in memory as recordings, or as the files that a headset would leave.

Both go through the tables of `vpnet.simulation.quest_pro_tables` and through the reader of real
recordings, so that whatever works on a simulated study works on a real one in the same format.
"""

import json
from pathlib import Path

import numpy as np
from rich.progress import track

from vpnet.errors import InputError
from vpnet.recordings.quest_pro import recording_from_tables
from vpnet.recordings.recording import Recording
from vpnet.simulation.quest_pro_tables import TABLE_NAMES, simulate_tables, with_fixed_decimals
from vpnet.simulation.videos import SimulatedVideo, draw_video, saliency_maps
from vpnet.simulation.viewers import Viewer, draw_viewer
from vpnet.whole_files import whole_file, write_text

MARKER = "SIMULATED.txt"
"""File that says that a folder holds simulated data."""

SALIENCY_FOLDER = "saliency"


def simulate_recordings(
    users: int = 12,
    videos: int = 8,
    duration_s: float = 40.0,
    seed: int = 0,
    velocity_threshold_deg_s: float = 30.0,
    max_gaze_offset_deg: float | None = 60.0,
) -> list[Recording]:
    """Simulated recordings of every viewer watching every video, without any file.

    Args:
        users: Number of viewers; a third each of explorers, followers and focusers.
        videos: Number of videos.
        duration_s: Length of each video, in seconds.
        seed: Decides everything. More users or videos leave the others as they are.
        velocity_threshold_deg_s: Slower gaze is a fixation.
        max_gaze_offset_deg: Gaze further than this from the head's axis is marked invalid; None
            keeps it.

    Returns:
        A recording for each viewer and video; its source begins with ``simulated``.

    Raises:
        InputError: A size is impossible.
    """
    viewers, shown = draw_study(users, videos, duration_s, seed)
    recordings = []
    for viewer in viewers:
        for video in shown:
            tables = simulate_tables(viewer, video, seed)
            recordings.append(
                recording_from_tables(
                    tables.head,
                    tables.eye,
                    tables.face,
                    user_id=viewer.user_id,
                    video_id=video.video_id,
                    source=f"simulated (seed {seed}): {viewer.user_id}/{video.video_id}",
                    velocity_threshold_deg_s=velocity_threshold_deg_s,
                    max_gaze_offset_deg=max_gaze_offset_deg,
                )
            )
    return recordings


def draw_study(
    users: int, videos: int, duration_s: float, seed: int
) -> tuple[list[Viewer], list[SimulatedVideo]]:
    """The viewers and the videos of a simulated study: its truth.

    Args:
        users: Number of viewers.
        videos: Number of videos.
        duration_s: Length of each video, in seconds.
        seed: Seed of the study.

    Raises:
        InputError: A size is impossible.
    """
    for name, number in (("users", users), ("videos", videos)):
        if not isinstance(number, int) or number < 1:
            raise InputError(
                f"{name} of a simulated study must be a whole number of at least 1, got {number}"
            )
    return (
        [draw_viewer(f"S{number + 1:02d}", number, seed) for number in range(users)],
        [draw_video(f"simulated_{number + 1:02d}", duration_s, seed) for number in range(videos)],
    )


def write_simulated_study(
    root: str | Path,
    users: int = 12,
    videos: int = 8,
    duration_s: float = 40.0,
    seed: int = 0,
    saliency_rate_hz: float = 5.0,
    command: str | None = None,
) -> Path:
    """Write a simulated study in the layout of a Quest Pro study, with its true saliency.

    ``<user>/<video>/{head,eye,face,combined}.csv`` hold the recordings,
    ``saliency/<video>.npy`` the maps (float16, shape ``(frames, 120, 240)``) and
    ``saliency/saliency.json`` their clock. ``SIMULATED.txt`` says what the folder is.

    Args:
        root: Folder to write: a new or empty one, or a simulated study of no more users and
            videos than this one, which is then replaced file by file.
        users: Number of viewers.
        videos: Number of videos.
        duration_s: Length of each video, in seconds.
        seed: Decides everything.
        saliency_rate_hz: Maps per second.
        command: What the user typed, for ``SIMULATED.txt``; by default the call of this function.

    Returns:
        The folder.

    Raises:
        InputError: A size is impossible, or the folder holds something else or cannot be made.
    """
    root = Path(root)
    viewers, shown = draw_study(users, videos, duration_s, seed)
    if not saliency_rate_hz > 0:
        raise InputError(f"saliency_rate_hz must be positive, got {saliency_rate_hz}")
    _check_folder(root, viewers, shown)
    command = command or (
        f"vpnet.simulation.study.write_simulated_study({str(root)!r}, users={users}, "
        f"videos={videos}, duration_s={duration_s}, seed={seed}, "
        f"saliency_rate_hz={saliency_rate_hz})"
    )
    notice = (
        "The data in this folder are SIMULATED. No person was recorded.\n"
        f"Written by: {command}\n"
        f"Seed: {seed}; {users} users, {videos} videos of {duration_s} s\n"
    )
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{root}: the folder cannot be made ({error.strerror}); name another"
        ) from error
    write_text(root / MARKER, notice + "State: being written, not complete\n")
    pairs = [(viewer, video) for viewer in viewers for video in shown]
    for viewer, video in track(pairs, description="Simulated recordings"):
        folder = root / viewer.user_id / video.video_id
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in simulate_tables(viewer, video, seed).named().items():
            with whole_file(folder / f"{name}.csv") as temporary:
                with_fixed_decimals(table).write_csv(temporary)
    folder = root / SALIENCY_FOLDER
    folder.mkdir(exist_ok=True)
    for video in track(shown, description="True saliency"):
        maps = saliency_maps(video, saliency_rate_hz).numpy().astype(np.float16)
        # Into an open file: given a path, numpy would add an ending of its own.
        with (
            whole_file(folder / f"{video.video_id}.npy") as temporary,
            temporary.open("wb") as file,
        ):
            np.save(file, maps)
    write_text(
        folder / "saliency.json", json.dumps({"rate_hz": saliency_rate_hz, "first_s": 0.0}) + "\n"
    )
    write_text(root / MARKER, notice + "State: complete\n")
    return root


def _check_folder(root: Path, viewers: list[Viewer], videos: list[SimulatedVideo]) -> None:
    """Refuse a folder in which this study would lie among other files."""
    if root.exists() and not root.is_dir():
        raise InputError(f"{root}: a simulated study needs a folder, found a file; name another")
    found = {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
    if not found:
        return
    if Path(MARKER) not in found:
        raise InputError(
            f"{root}: a simulated study is written into an empty folder, found {min(found)} and no "
            f"{MARKER}; name another folder"
        )
    names = [video.video_id for video in videos]
    own = {Path(MARKER), Path(SALIENCY_FOLDER, "saliency.json")}
    own |= {Path(SALIENCY_FOLDER, f"{name}.npy") for name in names}
    own |= {
        Path(viewer.user_id, name, f"{table}.csv")
        for viewer in viewers
        for name in names
        for table in TABLE_NAMES
    }
    if found - own:
        raise InputError(
            f"{root}: the folder holds a simulated study with files that this one would leave "
            f"behind, such as {min(found - own)}; delete the folder or name another"
        )
