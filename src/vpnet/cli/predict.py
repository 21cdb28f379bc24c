"""The command that predicts: `python predict.py` in a clone, `vpnet predict` anywhere."""

import sys

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from vpnet.cli.hydra_command import hydra_command


@hydra_command("predict")
def main(config: DictConfig) -> None:
    """Do what the group `predict` says."""
    # Here, so that neither --help nor one of the two waits for the libraries of the other.
    if HydraConfig.get().runtime.choices["predict"] == "saliency":
        from vpnet.cli.predict_saliency import predict_saliency

        sys.exit(predict_saliency(config))
    from vpnet.cli.predict_viewports import predict_viewports

    predict_viewports(config)
