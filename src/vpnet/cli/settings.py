"""Settings that no constructor checks."""

from omegaconf import DictConfig, ListConfig, OmegaConf

from vpnet.errors import InputError

SWITCHES = ("fit", "resume", "skip_short", "user_embed")
"""Settings that are true or false; anything else would count as true."""

WHOLE_NUMBERS = {
    "seed": (0, 2**32 - 1),
    "num_workers": (0, 1024),
    "bootstrap_draws": (1, 10**7),
    "training.batch_size": (1, 10**7),
    "trainer.max_epochs": (-1, 10**9),
}
"""Settings that are whole numbers, with the smallest and the largest value."""


def check_settings(config: DictConfig) -> None:
    """Refuse values of the wrong kind before any work is done.

    Args:
        config: Configuration of a command; settings that it does not have are passed over.

    Raises:
        InputError: A setting is of the wrong kind or out of range.
    """
    for key in SWITCHES:
        if key in config and not isinstance(config[key], bool):
            raise InputError(f"{key} must be true or false, got {config[key]!r}")
    for key, (least, most) in WHOLE_NUMBERS.items():
        if key.split(".")[0] not in config:
            continue
        value = OmegaConf.select(config, key)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (whole and least <= value <= most):
            raise InputError(f"{key} must be a whole number from {least} to {most}, got {value!r}")
    if "face_features" in config and not isinstance(config.face_features, ListConfig):
        raise InputError(f"face_features must be a list, such as [], got {config.face_features!r}")
