import re

import pytest

from vpnet.cli.run_folders import LONGEST, folder_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("0_model-lstm_seed-1", "0_model-lstm_seed-1"),
        ("1_model.streams-[head,eye]_seed-2", "1_model.streams-head-eye_seed-2"),
        ("2_+study-my study_lr-1e-3", "2_study-my-study_lr-1e-3"),
        ("3_", "3"),
        ("4_ablation/fusion-full", "4_ablation-fusion-full"),
        ("5_note-'$(rm -r ~)&é=;'", "5_note-rm-r"),
    ],
)
def test_a_name_can_be_pasted(text, name):
    assert folder_name(text) == name


def test_a_name_is_one_that_every_file_system_takes():
    name = folder_name("7_" + "very.long.key-[1,2]_" * 40)
    assert len(name) <= LONGEST
    assert re.fullmatch(r"[\w.-]+", name)
