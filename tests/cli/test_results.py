"""`vpnet results` and `vpnet compare`."""

import json
import shutil

import polars as pl
import pytest


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
