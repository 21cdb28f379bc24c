"""Settings that no constructor checks."""

from hydra.utils import get_class
from omegaconf import DictConfig, ListConfig, OmegaConf

from vpnet.errors import InputError
from vpnet.saliency.salient_points import WEIGHTINGS

SWITCHES = (
    "fit",
    "resume",
    "skip_short",
    "user_embed",
    "crowd",
    "training.mirror",
    "model.crowd",
    "model.eye_lstm",
    "model.eye_spatial",
    "model.face_gating",
    "model.questionnaire",
    "model.reconstruct_past",
    "model.saliency",
    "model.user_embed",
    "model.velocity",
    "saliency.random_weights",
    "saliency.compile",
)
"""Settings that are true or false; anything else would count as true."""

WHOLE_NUMBERS = {
    "seed": (0, 2**32 - 1),
    "num_workers": (0, 1024),
    "bootstrap_draws": (1, 10**7),
    "training.batch_size": (1, 10**7),
    "training.group_size": (1, 10**7),
    "training.scheduler.warm_up_batches": (0, 10**7),
    "trainer.max_epochs": (-1, 10**9),
    "model.widening": (1, 64),
    "saliency.folds": (2, 10**4),
    "height": (1, 224),
    "width": (1, 448),
    "batch_clips": (1, 10**4),
    "clips_per_chunk": (1, 10**4),
}
"""Settings that are whole numbers, with the smallest and the largest value."""

NUMBERS = {
    "saliency_lookahead_s": (0.0, 1e9),
    "map_every_s": (0.1, 1e9),
    "model.dropout": (0.0, 1.0),
    "model.stream_dropout": (0.0, 1.0),
    "model.unknown_share": (0.0, 1.0),
}
"""Other numbers, with the smallest and the largest value."""

MAY_BE_NULL = ("batch_clips", "saliency.folds", "saliency_lookahead_s", "training.group_size")
"""Those of both kinds of numbers that may be null."""


def check_settings(config: DictConfig) -> None:
    """Refuse values of the wrong kind before any work is done.

    Args:
        config: Configuration of a command; settings that it does not have are passed over.

    Raises:
        InputError: A setting is of the wrong kind or out of range.
    """
    for key in SWITCHES:
        if _has(config, key) and not isinstance(OmegaConf.select(config, key), bool):
            raise InputError(f"{key} must be true or false, got {OmegaConf.select(config, key)!r}")
    for key, (least, most) in WHOLE_NUMBERS.items():
        if not _has(config, key):
            continue
        value = OmegaConf.select(config, key)
        if value is None and key in MAY_BE_NULL:
            continue
        whole = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        if not whole:
            raise InputError(f"{key} must be a whole number from {least} to {most}, got {value!r}")
    for key, (smallest, largest) in NUMBERS.items():
        value = OmegaConf.select(config, key)
        if not _has(config, key) or (value is None and key in MAY_BE_NULL):
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is None or not is_number or not smallest <= value <= largest:
            raise InputError(
                f"{key} must be a number from {smallest:g} to {largest:g}, got {value!r}"
            )
    if _has(config, "saliency_weighting") and config.saliency_weighting not in WEIGHTINGS:
        raise InputError(
            f"saliency_weighting must be {' or '.join(WEIGHTINGS)}, "
            f"got {config.saliency_weighting!r}"
        )
    if "face_features" in config and not isinstance(config.face_features, ListConfig):
        raise InputError(f"face_features must be a list, such as [], got {config.face_features!r}")


def saliency_view_of(config: DictConfig) -> str:
    """How the model that a configuration names sees saliency, see `vpnet.models.forecaster`.

    Raises:
        InputError: There is no such model.
    """
    try:
        return get_class(config.model._target_).saliency_view
    except (ImportError, ValueError, AttributeError) as error:
        cause = error.__cause__ or error
        raise InputError(f"{cause} (configuration key model._target_)") from error


def _has(config: DictConfig, key: str) -> bool:
    """Whether a configuration has a key, whatever its value."""
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    return isinstance(node, DictConfig) and name in node
