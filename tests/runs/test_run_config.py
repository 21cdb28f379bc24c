import pytest

from vpnet.errors import InputError
from vpnet.runs.run_config import differing_but_seed, differing_keys, read_config


def test_all_differing_settings_are_found_in_order():
    one = {"a": 1, "b": {"c": 2, "d": 3}, "e": {}}
    other = {"b": {"d": 4, "c": 2}, "a": 2, "f": 5}
    assert differing_keys(one, other, ignored=("f",)) == [
        ("a", 1, 2),
        ("b.d", 3, 4),
        ("e", {}, "not set"),
    ]


@pytest.mark.parametrize("start", ["checkpoint", "lstm_checkpoint"])
def test_seeds_may_start_from_checkpoints_of_their_own_but_all_or_none(start):
    one = {"seed": 1, start: "a.ckpt", "trainer": {"max_epochs": 3, "progress_bar": True}}
    other = {"seed": 2, start: "b.ckpt", "trainer": {"max_epochs": 3, "progress_bar": False}}
    assert differing_but_seed(one, other) == []
    assert differing_but_seed(one, other | {start: None}) == [(start, "a.ckpt", None)]
    assert differing_but_seed(one, other | {"came_later": None}) == []
    assert differing_but_seed(one, other | {"came_later": 1}) == [("came_later", "not set", 1)]
    longer = other | {"trainer": {"max_epochs": 4}}
    assert differing_but_seed(one, longer) == [("trainer.max_epochs", 3, 4)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "not found beside the results"),
        ("a: [", "is not readable YAML"),
        ("just words", "holds no settings"),
    ],
)
def test_results_without_a_configuration_are_refused(tmp_path, text, message):
    if text is not None:
        (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_config(tmp_path)


def test_a_small_file_of_many_settings_takes_no_time(tmp_path):
    """Each level names the one before ten times: a million million settings."""
    lines = ["a0: &a0 {x: 1}"]
    for level in range(1, 13):
        names = ", ".join(f"b{number}: *a{level - 1}" for number in range(10))
        lines.append(f"a{level}: &a{level} {{{names}}}")
    (tmp_path / "config.yaml").write_text("\n".join(lines))
    with pytest.raises(InputError, match="holds more than 100000 settings"):
        differing_keys(read_config(tmp_path), {})
    (tmp_path / "config.yaml").write_text("[" * 3000)
    with pytest.raises(InputError, match=r"config\.yaml: is not readable YAML"):
        read_config(tmp_path)
