from collections.abc import Callable

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, read_write

from vpnet.cli.ablation_rows import check_rows
from vpnet.errors import InputError


@pytest.fixture
def sweep(repository) -> Callable[..., DictConfig]:
    """Function that composes a sweep over an ablation, as Hydra hands it to a callback."""

    def make(experiment: str, *overrides: str) -> DictConfig:
        with initialize_config_dir(str(repository / "conf"), version_base="1.3"):
            config = compose("train", [f"experiment={experiment}"], return_hydra_config=True)
        # The values that are swept over stand beside the configuration, not in it.
        with read_write(config.hydra):
            config.hydra.overrides.task = [f"experiment={experiment}", *overrides]
        return config

    return make


@pytest.mark.parametrize(
    ("experiment", "overrides", "message"),
    [
        (
            "ablation_fusion",
            ["user_embed=true"],
            r"user_embed=true: would undo .*, for full says nothing of user_embed; leave it out",
        ),
        (
            "ablation_fusion",
            ["ablation/fusion=no_user", "user_embed=true", "seed=1,2"],
            r"user_embed=true: would undo .* for no_user says user_embed=False; .* "
            "choose rows that agree with ablation/fusion=ROW,ROW",
        ),
        (
            "ablation_fusion",
            ["ablation/fusion=full,head_only", "model.streams=[head]"],
            r"model.streams=\[head\]: would undo .*for full says nothing of model.streams",
        ),
        (
            "ablation_fusion",
            ["ablation/fusion=choice(head_only,eye_only)", "model.streams=[head]"],
            r"for eye_only says model.streams=\['eye'\]",
        ),
        ("ablation_fusion", ["user_embed=true,false"], "would undo what tells the rows"),
        (
            "ablation_fusion",
            ["model.user_embed=true"],
            "model.user_embed=true: would undo .*for full says nothing of user_embed",
        ),
        ("ablation_fusion", ["model=lstm"], "model=lstm: the rows are those of fusion; leave it"),
        ("ablation_fusion", ["model=fusion,lstm"], "model=fusion,lstm: the rows are those of"),
        ("ablation_muse_vp", ["user_embed=false"], "for user_embed says nothing of user_embed"),
        ("ablation_muse_vp", ["model.user_embed=false"], "for user_embed says nothing of user"),
        ("ablation_muse_vp", ["ablation.rows=star_vp"], "choose among them with ablation/muse_vp="),
    ],
)
def test_what_would_undo_a_row_is_refused(sweep, experiment, overrides, message):
    with pytest.raises(InputError, match=message):
        check_rows(sweep(experiment, *overrides))


@pytest.mark.parametrize(
    ("experiment", "overrides"),
    [
        ("ablation_fusion", []),
        ("ablation_fusion", ["model=fusion"]),
        ("ablation_fusion", ["ablation/fusion=full,head_only", "user_embed=false"]),
        ("ablation_fusion", ["ablation/fusion=no_user", "model.user_embed=false"]),
        ("ablation_fusion", ["ablation/fusion=full,no_user", "model.streams=[head,eye]"]),
        ("ablation_fusion", ["ablation/fusion=head_only", "model.streams=[head]"]),
        ("ablation_fusion", ["ablation/fusion=no_such_row", "model.encoder=gru", "seed=1,2"]),
        ("ablation_muse_vp", ["ablation/muse_vp=star_vp,eye_lstm", "user_embed=false"]),
    ],
)
def test_what_leaves_the_asked_rows_as_they_are_is_let_through(sweep, experiment, overrides):
    check_rows(sweep(experiment, *overrides))
