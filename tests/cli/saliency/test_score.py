from vpnet.cli.saliency.score import MEASURES


def test_a_table_with_baselines_and_intervals(run, simulated_study, tmp_path):
    page = tmp_path / "scores.md"
    settings = ("--rate-hz", 0.5, "--markdown", page)
    printed = run("score", simulated_study / "saliency", simulated_study, *settings)
    for word in ("uniform", "center bias", "maps", "95 %", "simulated_05", *MEASURES):
        assert word in printed
    assert "| uniform | 40 | 0.000 |" in page.read_text()


def test_maps_of_predict_are_measured_too(run, map_file, simulated_study):
    printed = run("score", map_file.parent, simulated_study, "--weighting", "paver", "--head")
    assert "simulated_01" in printed
    assert "simulated_02" not in printed, "it has no maps"
