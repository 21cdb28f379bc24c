"""A whole simulated study: in memory as recordings, or as the files that a headset would leave.

Both go through the tables of `vpnet.simulation.quest_pro_tables` and through the reader of real
recordings, so that whatever works on a simulated study works on a real one in the same format.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from loky import ProcessPoolExecutor, cpu_count
from pydantic import Field
from rich.progress import track

from vpnet.quest_pro.files import QuestProFiles, RawTables
from vpnet.quest_pro.reader import HeadsetColumns, recording_from_tables
from vpnet.questionnaires.encoded_answers import encode_answers
from vpnet.recordings.frame import Frame
from vpnet.recordings.gaze import GazeRules
from vpnet.recordings.recording import Recording
from vpnet.settings import PositiveInt, Seed, Share, checked
from vpnet.simulation.answers import draw_questionnaire, write_questionnaires
from vpnet.simulation.defects import (
    NOT_IN_MEMORY,
    check_defects,
    hit_by,
    named_defects,
    not_in_layout,
    with_defects,
)
from vpnet.simulation.quest_pro_tables import simulate_tables
from vpnet.simulation.study_folder import (
    MARKER,
    RecordingPlan,
    plan_study,
    prepare_folder,
    write_saliency,
)
from vpnet.simulation.viewers_and_videos import (
    DurationS,
    SimulatedVideo,
    Viewer,
    draw_video,
    draw_viewer,
)
from vpnet.whole_files import write_text

PARALLEL_FROM_S = 1200.0
"""Less playback than this is simulated sooner than other processes have started."""

MOST_WORKERS = 4

Count = Annotated[int, Field(ge=1, le=10_000)]
Names = Annotated[Sequence[str], Field(description="a list of names, such as [headset]")]


@checked
def simulate_recordings(
    users: Count = 12,
    videos: Count = 8,
    duration_s: DurationS = 40.0,
    seed: Seed = 0,
    gaze: GazeRules = GazeRules(),
    recorded_offsets: bool = False,
    defects: Names = (),
    defective_share: Share = 1.0,
) -> list[Recording]:
    """Simulated recordings of every viewer watching every video, without any file.

    Args:
        users: Number of viewers; explorers, followers and focusers take turns.
        videos: Number of videos; every viewer watches each.
        duration_s: Length of each video, in seconds.
        seed: Decides everything. More users or videos leave what is recorded of the others
            unchanged, but more videos change the answers: each is shown at another place then.
        gaze: Which gaze is valid, and which is a fixation.
        recorded_offsets: Whether eye-in-head offsets are those that the headset writes, not
            computed from the directions. The defect mixed_pitch_sign makes them wrong, as in real
            files: only to reproduce earlier work.
        defects: What is wrong with the headset's tables: codes of vpnet check, or headset for
            what every real headset does. Recordings in memory have no files, so none of the defects
            of files.
        defective_share: Probability that a recording has a defect, for each defect by itself.

    Returns:
        A recording for each viewer and video; its source begins with ``simulated``.

    Raises:
        InputError: A size is impossible, a defect is unknown or cannot be in tables, or one makes
            recordings unusable.
    """
    viewers, shown = draw_study(users, videos, duration_s, seed)
    defects = named_defects(defects, NOT_IN_MEMORY)
    check_defects(defects, users, videos, duration_s)
    recordings = []
    for number, viewer in enumerate(viewers):
        questionnaire = draw_questionnaire(viewer, number, shown, seed)
        for video in shown:
            names = (viewer.user_id, video.video_id)
            tables = simulate_tables(viewer, video, seed)
            hits = hit_by(defects, defective_share, seed, *names)
            tables = with_defects(tables, hits, seed, *names)
            source = f"simulated (seed {seed}): {viewer.user_id}/{video.video_id}"
            combined = tables.combined if recorded_offsets else None
            recording = recording_from_tables(
                RawTables(
                    tables.head, tables.eye, tables.face, combined, QuestProFiles(*names, source)
                ),
                gaze=gaze,
                headset=HeadsetColumns(recorded_offsets=recorded_offsets),
            )
            answers = encode_answers(questionnaire, video.video_id)
            recordings.append(replace(recording, answers=answers))
    return recordings


@checked
def draw_study(
    users: Count, videos: Count, duration_s: DurationS, seed: Seed
) -> tuple[list[Viewer], list[SimulatedVideo]]:
    """The viewers and the videos of a simulated study: its truth.

    Raises:
        InputError: A size is impossible.
    """
    return (
        [draw_viewer(f"S{number + 1:02d}", number, seed) for number in range(users)],
        [draw_video(f"simulated_{number + 1:02d}", duration_s, seed) for number in range(videos)],
    )


@checked
def write_simulated_study(
    root: str | Path,
    users: Count = 12,
    videos: Count = 8,
    duration_s: DurationS = 40.0,
    seed: Seed = 0,
    command: str | None = None,
    *,
    saliency: bool = True,
    defects: Names = (),
    defective_share: Share = 1.0,
    layout: str = "v2",
    frame: Frame = Frame(),
    workers: PositiveInt | None = None,
) -> Path:
    """Write a simulated study in the layout of a Quest Pro study, with its true saliency.

    ``<user>/<video>/{head,eye,face,combined}.csv`` (layout v2) or
    ``{head,eye,face,combined}_<user>_<video>_<date>_<time>.csv`` (v1) hold the recordings,
    ``<user>/questionnaire.json`` (v1: ``questionnaire_<user>.json``) the answers,
    ``saliency/<video>.npy`` the maps (float16, shape ``(frames, 120, 240)``) and
    ``saliency/saliency.json`` their clock. ``SIMULATED.txt`` says what the folder is.

    Args:
        root: Folder to write: a new or empty one, or a simulated study of no more users and
            videos than this one in the same layout, which is then replaced.
        users: Number of viewers.
        videos: Number of videos.
        duration_s: Length of each video, in seconds.
        seed: Decides everything.
        command: What the user typed, for ``SIMULATED.txt``; by default the call of this function.
        saliency: Whether the maps are written.
        defects: What is wrong with the recordings, their files or the study: names of
            `vpnet.simulation.defects`, ``headset`` for what every real headset does, ``all``.
        defective_share: Probability that a recording has a defect, for each defect by itself; those
            of the headset are in all, those of a study in the study.
        layout: ``v2`` (folders) or ``v1`` (flat files), see docs/CONVENTIONS.md.
        frame: How the video was turned in the scene: a reader that is given the same returns
            directions in the frame of the video, which the maps have.
        workers: Processes that write; None takes one per core, at most four, for larger studies.

    Returns:
        The folder.

    Raises:
        InputError: A setting is impossible, or the folder holds something else or cannot be made.
    """
    root = Path(root)
    viewers, shown = draw_study(users, videos, duration_s, seed)
    defects = named_defects(defects, not_in_layout(layout))
    check_defects(defects, users, videos, duration_s)
    plans = plan_study(
        root,
        viewers,
        shown,
        seed,
        defects=defects,
        defective_share=defective_share,
        layout=layout,
        frame=frame,
    )
    # What a defect leaves out now may be there from before, and must not stay.
    complete = plan_study(root, viewers, shown, seed, layout=layout)
    files = [file for plan in [*plans, *complete] for file in plan.files.values()]
    files += [root / viewer.user_id / "questionnaire.json" for viewer in viewers]
    files += [root / f"questionnaire_{viewer.user_id}.json" for viewer in viewers]
    prepare_folder(root, files, shown)
    command = command or (
        f"vpnet.simulation.simulated_study.write_simulated_study({str(root)!r}, users={users}, "
        f"videos={videos}, duration_s={duration_s}, seed={seed}, "
        f"saliency={saliency}, defects={list(defects)}, "
        f"defective_share={defective_share}, layout={layout!r}, frame={frame})"
    )
    notice = (
        "The data in this folder are SIMULATED. No person was recorded.\n"
        f"Written by: {command}\n"
        f"Seed: {seed}; {users} users, {videos} videos of {duration_s} s\n"
        f"Defects put in: {', '.join(defects) or 'none'}\n"
    )
    write_text(root / MARKER, notice + "State: being written, not complete\n")
    _write_recordings(plans, workers)
    write_questionnaires(root, viewers, shown, seed, defects=defects, layout=layout)
    if saliency:
        write_saliency(root, shown)
    write_text(root / MARKER, notice + "State: complete\n")
    return root


def _write_recordings(plans: Sequence[RecordingPlan], workers: int | None) -> None:
    """All recordings, several at a time where they are many."""
    playback_s = sum(plan.video.duration_s for plan in plans)
    if workers is None:
        workers = 1 if playback_s < PARALLEL_FROM_S else min(MOST_WORKERS, cpu_count())
    with ExitStack() as stack:
        run = map
        if workers > 1:
            # Processes that each use every core only get into each other's way.
            pool = ProcessPoolExecutor(workers, env={"OMP_NUM_THREADS": "1"})
            run = stack.enter_context(pool).map
        written = run(RecordingPlan.write, plans)
        for _ in track(written, description="Simulated recordings", total=len(plans)):
            pass
