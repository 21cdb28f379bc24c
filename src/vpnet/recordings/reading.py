"""Recordings from whatever the user points at."""

from pathlib import Path

from vpnet.errors import InputError
from vpnet.recordings.parquet import read_parquet
from vpnet.recordings.quest_pro import read_quest_pro, read_quest_pro_recording
from vpnet.recordings.recording import Recording


def read_any(path: str | Path) -> list[Recording]:
    """Recordings of a canonical parquet file, a Quest Pro recording or a folder of them.

    Args:
        path: A ``.parquet`` file, a folder with ``head.csv``, or a folder
            ``ROOT/<participant>/<video>/``.

    Raises:
        InputError: It is none of these.
    """
    path = Path(path)
    if path.is_file() and path.suffix == ".parquet":
        return read_parquet(path)
    if path.is_dir():
        if (path / "head.csv").is_file():
            return [read_quest_pro_recording(path)]
        return read_quest_pro(path)
    raise InputError(
        f"{path}: a recording is a .parquet file in vpnet's columns or a folder with the headset's "
        f"head.csv; {'this is another kind of file' if path.exists() else 'nothing is there'}"
    )
