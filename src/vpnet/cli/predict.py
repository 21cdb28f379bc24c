"""Predict where the head will point, or turn videos into saliency maps.

python predict.py checkpoint=RUN/checkpoints/best.ckpt recording=FOLDER_OR_PARQUET output=FILE.csv
python predict.py predict=saliency videos='DIR/*.mp4' output=DIR saliency.checkpoint=FILE
"""

import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from vpnet.cli.arguments import takes_arguments
from vpnet.cli.config_folder import CONFIG_FOLDER
from vpnet.cli.entry_point import fails_clearly
from vpnet.cli.help_text import answers_help


@answers_help("predict")
@fails_clearly
@takes_arguments
@hydra.main(version_base="1.3", config_path=str(CONFIG_FOLDER), config_name="predict")
@fails_clearly
def main(config: DictConfig) -> None:
    """Do what the group `predict` says."""
    # Here and below, so that neither --help nor a part waits for the libraries of another.
    from vpnet.cli.machine_check import warn_of_machine

    warn_of_machine()
    if HydraConfig.get().runtime.choices["predict"] == "saliency":
        from vpnet.cli.prediction.saliency import predict_saliency

        sys.exit(predict_saliency(config))
    from vpnet.cli.prediction.viewport import predict_viewports

    predict_viewports(config)
