"""Studies and code of the user's own: trained, evaluated and resumed like vpnet's."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

MODEL = """
from vpnet.models.lstm import LSTM


class Mine(LSTM):
    name = "mine"

    def __init__(self, spec, hidden: int = 8) -> None:
        super().__init__(spec, hidden=hidden, layers=1)
"""

MODEL_FILE = """# @package _global_
defaults:
  - /training: adamw
model:
  _target_: models_of_a_test.Mine
  hidden: 6
"""

STUDY = """# @package _global_
defaults:
  - override /split: cross_user
  - override /model: mine
seed: 9
training:
  max_epochs: 3
"""


@pytest.fixture
def own(tmp_path, monkeypatch) -> Path:
    """A folder of configurations with a study and its model, whose code can be imported."""
    (tmp_path / "models_of_a_test.py").write_text(MODEL)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text(MODEL_FILE)
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "mine.yaml").write_text(STUDY)
    return tmp_path


@pytest.fixture
def train(smoke_train, own) -> Callable[..., Path]:
    """Function that trains with the study, in a folder; gives the folder of the run."""

    def run(folder: str, *overrides: str) -> Path:
        return smoke_train(own / folder, "+study=mine", *overrides, "--config-dir", str(own))

    return run


def config_of(run: Path) -> dict:
    return yaml.safe_load((run / "config.yaml").read_text())


def test_a_model_of_the_user_s_own_is_trained_evaluated_and_resumed(train, own, refused):
    run = train("first")
    assert config_of(run)["model"] == {"_target_": "models_of_a_test.Mine", "hidden": 6}
    assert config_of(run)["seed"] == 9
    checkpoint = f"checkpoint={run / 'checkpoints' / 'best.ckpt'}"
    again = train("again", checkpoint, "fit=false")
    assert (again / "metrics.json").is_file()
    last = f"checkpoint={run / 'checkpoints' / 'last.ckpt'}"
    resumed = train("resumed", last, "resume=true", "trainer.max_epochs=2")
    assert config_of(resumed)["model"] == {"_target_": "models_of_a_test.Mine", "hidden": 6}
    # Nothing else in a file imports it.
    message = refused("predict.py", checkpoint, f"recording={own}", f"output={own}/out.csv")
    assert "a checkpoint imports nothing; evaluate it by train.py fit=false" in message


def test_what_a_study_sets_holds_for_a_resumed_training(train, own, train_refused):
    run = train("first")
    study = (own / "study" / "mine.yaml").read_text()
    (own / "study" / "mine.yaml").write_text(study.replace("seed: 9", "seed: 4"))
    last = f"checkpoint={run / 'checkpoints' / 'last.ckpt'}"
    resumed = train("resumed", last, "resume=true", "trainer.max_epochs=2")
    assert config_of(resumed)["seed"] == 4
    optimizer = "  optimizer: {name: adamw, lr: 0.5, weight_decay: 0.01}\n"
    (own / "study" / "mine.yaml").write_text(study + optimizer)
    config_dir = ("--config-dir", str(own))
    message = train_refused("+study=mine", last, "resume=true", *config_dir)
    assert (
        "training.optimizer.lr 0.001, and training.optimizer.lr=0.5 (+study=mine) says" in message
    )
