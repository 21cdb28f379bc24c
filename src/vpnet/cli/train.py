"""The command that trains: `python train.py` in a clone, `vpnet train` anywhere."""

from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from vpnet.cli.arguments import takes_arguments
from vpnet.cli.config_folder import CONFIG_FOLDER
from vpnet.cli.entry_point import fails_clearly
from vpnet.cli.help_text import answers_help
from vpnet.cli.run_folder import alone_in_its_folder
from vpnet.cli.run_folders import register_folder_names

# Also where a launcher imports this module in another process.
register_folder_names()


@answers_help("train")
@fails_clearly
@takes_arguments
@hydra.main(version_base="1.3", config_path=str(CONFIG_FOLDER), config_name="train")
@alone_in_its_folder
@fails_clearly
def main(config: DictConfig) -> None:
    """Compose the configuration and run it."""
    # Here, so that --help and a configuration that cannot be composed do not wait for libraries.
    from vpnet.cli.chosen_files import with_chosen_settings
    from vpnet.cli.machine_check import warn_of_machine
    from vpnet.cli.training_run import run

    warn_of_machine()
    hydra_config = HydraConfig.get()
    sources = hydra_config.runtime.config_sources
    folders = [Path(source.path) for source in sources if source.schema == "file"]
    typed = with_chosen_settings(hydra_config.overrides.task, folders)
    run(config, Path(hydra_config.runtime.output_dir), typed)
