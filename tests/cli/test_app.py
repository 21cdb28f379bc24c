import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from vpnet.cli.app import app, main
from vpnet.recordings.quest_pro.reader import read_quest_pro


@pytest.fixture
def vpnet():
    """Function that runs `vpnet` with arguments and gives what it printed."""

    def run(*arguments: object) -> str:
        ended = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert ended.exit_code == 0, ended.output
        return ended.output

    return run


@pytest.fixture(scope="module")
def another_seed(smoke_train, tmp_path_factory) -> Path:
    """A second run of the fusion model."""
    return smoke_train(tmp_path_factory.mktemp("runs") / "seed_2", "seed=2")


def test_simulate_writes_a_study_that_can_be_read(vpnet, tmp_path):
    root = tmp_path / "study"
    printed = vpnet("simulate", root, "--users", 2, "--videos", 1, "--duration-s", 3, "--seed", 5)
    unwrapped = printed.replace("\n", "")
    assert f"2 x 1 simulated recordings: {root}" in unwrapped
    assert f"train on them: python train.py data=quest_pro data.root={root}" in unwrapped
    recordings = read_quest_pro(root)
    assert [recording.user_id for recording in recordings] == ["S01", "S02"]
    notice = (root / "SIMULATED.txt").read_text()
    assert f"vpnet simulate {root} --users 2 --videos 1 --duration-s 3 --seed 5" in notice
    assert (root / "saliency" / "simulated_01.npy").is_file()


def test_results_show_the_mean_over_seeds(vpnet, fusion_run, another_seed, tmp_path):
    page = tmp_path / "results.md"
    printed = vpnet("results", fusion_run, another_seed, "--markdown", page)
    means = [
        json.loads((run / "metrics.json").read_text())["models"]["fusion"]["ranges"]["2-5 s"]
        for run in (fusion_run, another_seed)
    ]
    mean_deg = sum(block["error_deg"]["mean_over_users"] for block in means) / 2
    for text in (printed, page.read_text()):
        assert "fusion, 2 seeds" in text
        assert f"{mean_deg:.2f}" in text
        assert "static" in text


def test_compare_pairs_the_windows(vpnet, fusion_run, another_seed, tmp_path):
    page = tmp_path / "comparison.md"
    printed = vpnet("compare", fusion_run, "--against", another_seed, "--markdown", page)
    candidate, baseline = (
        pl.read_parquet(run / "errors.parquet").filter(pl.col("horizon_s") == 1.0)["error_deg"]
        for run in (fusion_run, another_seed)
    )
    difference = candidate.to_numpy().mean() - baseline.to_numpy().mean()
    for text in (printed, page.read_text()):
        assert "difference" in text
        assert f"{difference:+.2f}" in text
    assert f"baseline: {another_seed}" in page.read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ("CANDIDATE", "--against", "BASELINE", "OTHER"),
        ("CANDIDATE", "--against", "BASELINE", "OTHER", "--markdown", "PAGE"),
        ("--markdown", "PAGE", "CANDIDATE", "--against", "BASELINE", "--against", "OTHER"),
        ("CANDIDATE", "--against=BASELINE", "OTHER"),
        ("--markdown=PAGE", "CANDIDATE", "--against", "BASELINE", "OTHER"),
        ("--against", "BASELINE", "--against", "OTHER", "CANDIDATE"),
    ],
)
def test_several_runs_may_stand_behind_against(
    vpnet, fusion_run, another_seed, tmp_path, arguments
):
    paths = {"CANDIDATE": tmp_path / "candidate", "PAGE": tmp_path / "page.md"}
    shutil.copytree(fusion_run, paths["CANDIDATE"])
    paths |= {"BASELINE": fusion_run, "OTHER": another_seed}
    for name, path in paths.items():
        arguments = [arg.replace(name, str(path)) for arg in arguments]
    printed = vpnet("compare", *arguments).replace("\n", "")
    assert "baseline: mean of 2 seeds" in printed
    assert "candidate: mean" not in printed
    assert paths["PAGE"].is_file() == any("page.md" in arg for arg in arguments)


def test_a_run_that_is_none_is_refused(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", ["vpnet", "results", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error: {tmp_path / 'metrics.json'}: not found; a finished run")
    assert "Traceback" not in message


def test_every_command_explains_itself(vpnet):
    listed = vpnet("--help")
    for command in ("simulate", "results", "compare"):
        assert command in listed
        assert "Usage: " in vpnet(command, "--help")
