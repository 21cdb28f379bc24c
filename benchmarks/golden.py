"""Whether a change of the code changed a result: `python benchmarks/golden.py FOLDER`.

The first call writes the results of this code into the folder; every later call compares with them
to the last digit and ends with exit code 1 where anything differs. Results are those of one machine
and one set of packages, so the folder is not committed. All recordings are simulated, but for the
raw samples of the public data sets, where VPNET_SHARED leads to them.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import runpy
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import torch

from vpnet.cli.app import app
from vpnet.paver.network import Paver
from vpnet.simulation.simulated_study import write_simulated_study

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("VPNET_SHARED", REPOSITORY.parent / "shared"))

SMOKE = (
    "trainer=smoke",
    "logger=csv",
    "bootstrap_draws=50",
    "trainer.accelerator=cpu",
    "training.batch_size=8",
    "seed=3",
)
DATA = ("data.users=5", "data.videos=5", "data.duration_s=12")
RUNS: dict[str, tuple[str, ...]] = {
    "constant_velocity": ("model=constant_velocity",),
    "linear": ("model=linear",),
    "lstm": ("model=lstm",),
    "lstm_crowd": ("model=lstm", "crowd=true"),
    "track": ("model=track", "saliency=center_bias"),
    "star_vp": ("model=star_vp", "saliency=behavioural", "model.reconstruct_past=true"),
    "gated_star_vp": ("model=gated_star_vp", "saliency=behavioural"),
    "muse_vp": ("model=muse_vp", "saliency=center_bias", "user_embed=true"),
    "fusion": ("model=fusion", "saliency=center_bias"),
    "fusion_all": ("model=fusion", "saliency=behavioural", "crowd=true", "user_embed=true"),
}
PROSE = {"title", "found", "meaning", "remedy", "accepted", "vpnet_version"}
"""Keys of the check's JSON whose wording may change."""


def main() -> None:
    """Record or compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="results of the code before the change")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="some of the results")
    arguments = parser.parse_args()
    parts: dict[str, Callable[[Path], Any]] = {
        **{f"train_{name}": training(settings) for name, settings in RUNS.items()},
        "check_simulated": checked_simulated,
        "check_raw_samples": checked_raw_samples,
        "paver": paver,
    }
    chosen = arguments.only or list(parts)
    if unknown := set(chosen) - set(parts):
        parser.error(f"no result is named {', '.join(sorted(unknown))}; there are {list(parts)}")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    differing = 0
    for name in chosen:
        with tempfile.TemporaryDirectory() as work:
            result = json.loads(json.dumps(parts[name](Path(work))))
        file = arguments.folder / f"{name}.json"
        if not file.exists():
            file.write_text(json.dumps(result, indent=1))
            print(f"{name}: recorded")
            continue
        found = list(differences(json.loads(file.read_text()), result))
        differing += bool(found)
        print(f"{name}: {'the same' if not found else f'{len(found)} values differ'}", flush=True)
        for line in found[:10]:
            print(f"  {line}")
    sys.exit(1 if differing else 0)


def training(settings: tuple[str, ...]) -> Callable[[Path], Any]:
    """Function that trains a model, predicts with it, and gives all numbers of both."""

    def train_and_predict(work: Path) -> Any:
        run = work / "run"
        command("train.py", *SMOKE, *DATA, *settings, f"hydra.run.dir={run}")
        result = {
            "metrics": json.loads((run / "metrics.json").read_text()),
            "predictions": digests(pl.read_parquet(run / "predictions.parquet")),
        }
        if (run / "checkpoints" / "best.ckpt").exists():
            study = write_simulated_study(work / "study", users=2, videos=2, duration_s=12.0)
            output = work / "predicted.parquet"
            command(
                "predict.py",
                f"checkpoint={run / 'checkpoints' / 'best.ckpt'}",
                f"recording={study}",
                f"output={output}",
                "device=cpu",
            )
            result["predicted"] = digests(pl.read_parquet(output))
        return result

    return train_and_predict


def checked_simulated(work: Path) -> Any:
    """What the check finds in a study with every defect that the simulator can make."""
    study = work / "study"
    write_simulated_study(study, users=8, videos=9, duration_s=20.0, defects=["all"])
    return without_prose(check_json(study, work), str(work))


def checked_raw_samples(work: Path) -> Any:
    """What the check finds in the raw samples of each public data set."""
    samples = sorted((SHARED / "data" / "raw_samples").iterdir())
    frame_rates = ("--videos-csv", str(SHARED / "data" / "xu_cvpr18_videos.csv"))
    return {
        folder.name: without_prose(
            check_json(folder, work, *(frame_rates if folder.name.startswith("Xu") else ())),
            str(folder.parent),
        )
        for folder in samples
    }


def paver(work: Path) -> Any:
    """A digest of PAVER's maps of random frames, with random weights."""
    torch.manual_seed(0)
    network = Paver().eval()
    frames = torch.rand(1, 5, 3, 224, 448, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        outputs = network(frames)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return [hashlib.sha256(output.numpy().tobytes()).hexdigest() for output in outputs]


def command(script: str, *arguments: str) -> None:
    """Run one of the scripts in this process, without its output.

    Raises:
        RuntimeError: The script failed.
    """
    argv, code, output = sys.argv, 0, io.StringIO()
    try:
        sys.argv = [script, *arguments]
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            runpy.run_path(str(REPOSITORY / script), run_name="__main__")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        sys.argv = argv
    if code:
        raise RuntimeError(f"{script} {' '.join(arguments)} ended with {code}\n{output.getvalue()}")


def check_json(study: Path, work: Path, *options: str) -> Any:
    """What ``vpnet check STUDY --json`` writes."""
    file = work / "check.json"
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        app(["check", str(study), "--json", str(file), *options], standalone_mode=False)
    return json.loads(file.read_text())


def digests(table: pl.DataFrame) -> dict[str, str]:
    """One digest per column of a table."""
    return {
        name: hashlib.sha256(repr(table[name].to_list()).encode()).hexdigest()
        for name in table.columns
    }


def without_prose(value: Any, folder: str) -> Any:
    """Plain values without wording and without the name of a folder."""
    if isinstance(value, dict):
        kept = {key: part for key, part in value.items() if key not in PROSE}
        return {key: without_prose(part, folder) for key, part in kept.items()}
    if isinstance(value, list):
        return [without_prose(part, folder) for part in value]
    return value.replace(folder, "") if isinstance(value, str) else value


def differences(before: Any, after: Any, place: str = "") -> Any:
    """Every place at which two plain values differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from differences(before.get(key), after.get(key), f"{place}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif before != after and not (before != before and after != after):
        yield f"{place.removeprefix('.')}: {before!r} was, {after!r} is"


if __name__ == "__main__":
    main()
