"""Studies and code of the user's own: trained, evaluated and resumed like vpnet's."""

import shutil
from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Iterator[Path]:
    """A folder of configurations with a study and its model, whose code can be imported."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "models_of_a_test.py").write_text(MODEL)
    (folder / "model").mkdir()
    (folder / "model" / "mine.yaml").write_text(MODEL_FILE)
    (folder / "study").mkdir()
    (folder / "study" / "mine.yaml").write_text(STUDY)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder


@pytest.fixture(scope="module")
def train(smoke_train, own) -> Callable[..., Path]:
    """Function that trains with the study, in a folder; gives the folder of the run."""

    def run(folder: Path, *overrides: str, configs: Path = own) -> Path:
        return smoke_train(folder, "+study=mine", *overrides, "--config-dir", str(configs))

    return run


@pytest.fixture(scope="module")
def first(train, tmp_path_factory) -> Path:
    """Folder of a run with the study; not to be written to."""
    return train(tmp_path_factory.mktemp("runs") / "first")


def config_of(run: Path) -> dict:
    return yaml.safe_load((run / "config.yaml").read_text())


def test_a_model_of_the_user_s_own_is_trained_and_evaluated(train, first, refused, tmp_path):
    assert config_of(first)["model"] == {"_target_": "models_of_a_test.Mine", "hidden": 6}
    assert config_of(first)["seed"] == 9
    checkpoint = f"checkpoint={first / 'checkpoints' / 'best.ckpt'}"
    again = train(tmp_path / "again", checkpoint, "fit=false")
    assert (again / "metrics.json").is_file()
    # Nothing else in a file imports it.
    message = refused(
        "predict.py", checkpoint, f"recording={tmp_path}", f"output={tmp_path}/out.csv"
    )
    assert "a checkpoint imports nothing; evaluate it by train.py fit=false" in message


def test_it_is_resumed_with_what_the_study_sets_now(train, own, first, train_refused, tmp_path):
    changed = shutil.copytree(own, tmp_path / "changed")
    study = changed / "study" / "mine.yaml"
    study.write_text(STUDY.replace("seed: 9", "seed: 4"))
    last = f"checkpoint={first / 'checkpoints' / 'last.ckpt'}"
    more = (last, "resume=true", "trainer.max_epochs=2")
    resumed = train(tmp_path / "resumed", *more, configs=changed)
    assert config_of(resumed)["model"] == {"_target_": "models_of_a_test.Mine", "hidden": 6}
    assert config_of(resumed)["seed"] == 4
    optimizer = "  optimizer: {name: adamw, lr: 0.5, weight_decay: 0.01}\n"
    study.write_text(STUDY + optimizer)
    config_dir = ("--config-dir", str(changed))
    message = train_refused("+study=mine", last, "resume=true", *config_dir)
    assert (
        "training.optimizer.lr 0.001, and training.optimizer.lr=0.5 (+study=mine) says" in message
    )
