"""What a study's file sets counts as typed."""

from vpnet.cli.chosen_files import with_chosen_settings

STUDY = """# @package _global_
# Mine.
defaults:
  - override /data: quest_pro
  - _self_
seed: 9
training:
  optimizer: {lr: 0.5}
hydra:
  job: {name: x}
"""


def test_the_settings_of_a_study_are_named_with_it(tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "mine.yaml").write_text(STUDY)
    typed = ["+study=mine", "model=lstm"]
    assert with_chosen_settings(typed, [tmp_path / "none", tmp_path]) == [
        *typed,
        "data=quest_pro (+study=mine)",
        "seed=9 (+study=mine)",
        "training.optimizer.lr=0.5 (+study=mine)",
    ]


def test_a_choice_within_one_group_is_what_was_typed(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "lstm.yaml").write_text("name: lstm\nhidden: 8\n")
    assert with_chosen_settings(["model=lstm", "seed=1"], [tmp_path]) == ["model=lstm", "seed=1"]
