"""The command that trains: `python train.py` in a clone, `vpnet train` anywhere."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from vpnet.cli.hydra_command import hydra_command


@hydra_command("train", locks_folder=True)
def main(config: DictConfig) -> None:
    """Run the configuration."""
    # Here, so that --help and a configuration that cannot be composed do not wait for libraries.
    from vpnet.cli.checkpoint_config import with_chosen_settings
    from vpnet.cli.training_run import run

    hydra_config = HydraConfig.get()
    sources = hydra_config.runtime.config_sources
    folders = [Path(source.path) for source in sources if source.schema == "file"]
    typed = with_chosen_settings(hydra_config.overrides.task, folders)
    run(config, Path(hydra_config.runtime.output_dir), typed)
