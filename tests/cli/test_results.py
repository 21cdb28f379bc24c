import json


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
