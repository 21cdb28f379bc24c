"""The examples of docs/EXTENDING.md are trained with, evaluated and refused as the page says."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "EXTENDING.md"


@pytest.fixture
def mine(tmp_path, monkeypatch) -> Path:
    """The folder that the page describes, and three viewers' recordings of two videos."""
    folder = tmp_path / "mine"
    blocks = re.findall(
        r"^```(?:python|yaml)\n# (\S+)\n(.*?)^```",
        PAGE.read_text(encoding="utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    for name, text in blocks:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_text() if file.exists() else ""
        file.write_text(before + text)
    recordings = tmp_path / "angles"
    recordings.mkdir()
    for user in range(3):
        for video in range(3):
            rows = [f"{k / 10},{(user + 1) * k / 5:.1f},{(k % 50) / 10}" for k in range(160)]
            file = recordings / f"u{user}_v{video}.csv"
            file.write_text("t,yaw,elevation\n" + "\n".join(rows) + "\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.chdir(tmp_path)
    return folder


SETTINGS = ("--config-dir", "mine", "model=mine", "data=mine", "saliency=mine")


def command() -> str:
    (block,) = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    return block.strip()


def test_the_command_of_the_page_is_the_one_that_is_tested():
    assert command() == f"PYTHONPATH=mine python train.py {' '.join(SETTINGS)}"


def test_the_examples_are_trained_and_evaluated(mine, run_script, smoke_settings, tmp_path):
    run = tmp_path / "run"
    ended = run_script(
        "train.py", *SETTINGS, *smoke_settings, f"hydra.run.dir={run}", folder=tmp_path
    )
    assert ended.code == 0, ended.err
    assert "fading_velocity: 1 trainable parameters" in ended.out
    checkpoint = f"checkpoint={run / 'checkpoints' / 'best.ckpt'}"
    again = run_script(
        "train.py",
        *SETTINGS,
        *smoke_settings,
        checkpoint,
        "fit=false",
        f"hydra.run.dir={tmp_path / 'again'}",
        folder=tmp_path,
    )
    assert again.code == 0, again.err
    before, after = (tmp_path / name / "metrics.json" for name in ("run", "again"))
    assert before.read_text() == after.read_text()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.start_s=0", "model.start_s must be a number above 0"),
        ("data.degrees=yes", "data.degrees must be true or false, got 'yes'"),
        ("saliency.width_deg=100", "saliency.width_deg must be a number above 0 and at most 90"),
        ("data.path=mine", "a study needs files <user>_<video>.csv, found none"),
    ],
)
def test_their_settings_are_checked(mine, run_script, smoke_settings, tmp_path, setting, message):
    ended = run_script("train.py", *SETTINGS, *smoke_settings, setting, folder=tmp_path)
    assert ended.code == 2
    assert message in ended.err
