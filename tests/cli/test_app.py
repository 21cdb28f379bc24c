import pytest

from vpnet.cli.app import main
from vpnet.quest_pro.reader import read_quest_pro


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
