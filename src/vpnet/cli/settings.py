"""Settings that no constructor checks."""

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
    "trainer.max_epochs": (-1, 10**9),
    "height": (1, 224),
    "width": (1, 448),
    "batch_clips": (1, 10**4),
    "clips_per_chunk": (1, 10**4),
}
"""Settings that are whole numbers, with the smallest and the largest value."""

MAY_BE_NULL = ("batch_clips", "saliency_lookahead_s")
"""Those among them that null leaves to vpnet."""


NOT_NEGATIVE = ("saliency_lookahead_s", "map_ahead_s")
"""Settings in seconds."""


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
    for key in NOT_NEGATIVE:
        value = OmegaConf.select(config, key)
        if not _has(config, key) or (value is None and key in MAY_BE_NULL):
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is None or not is_number or value < 0:
            raise InputError(f"{key} must be a number of seconds, 0 or more, got {value!r}")
    if _has(config, "saliency_weighting") and config.saliency_weighting not in WEIGHTINGS:
        raise InputError(
            f"saliency_weighting must be {' or '.join(WEIGHTINGS)}, "
            f"got {config.saliency_weighting!r}"
        )
    if "face_features" in config and not isinstance(config.face_features, ListConfig):
        raise InputError(f"face_features must be a list, such as [], got {config.face_features!r}")


def _has(config: DictConfig, key: str) -> bool:
    """Whether a configuration has a key, whatever its value."""
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    return isinstance(node, DictConfig) and name in node
