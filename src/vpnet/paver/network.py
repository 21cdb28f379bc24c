"""PAVER: from frames to saliency maps."""

from torch import Tensor, nn

from vpnet.paver.decoder import Decoder
from vpnet.paver.encoder import Encoder
from vpnet.paver.heat_map import HeatMap


class Paver(nn.Module):
    """Panoramic vision transformer for saliency in 360-degree video.

    Source: Yun, Lee, Kim, Panoramic Vision Transformer for Saliency Detection in 360 Videos, ECCV
    2022; written anew from the paper and the behaviour of the published code, with its quirks.

    Args:
        seam: ``zero`` as published, ``wrap`` closes the sphere at the image's seam.
    """

    def __init__(self, seam: str = "zero") -> None:
        super().__init__()
        self.encoder = Encoder(seam)
        self.decoder = Decoder()
        self.heat_map = HeatMap()

    def forward(self, frames: Tensor) -> Tensor:
        """Maps of clips.

        Args:
            frames: In [-1, 1], ``(clips, time, 3, 224, 448)``.

        Returns:
            In [0, 1], each reaching both, ``(clips, time, 224, 448)``.
        """
        clips, time = frames.shape[:2]
        tokens = self.encoder(frames.flatten(0, 1)).unflatten(0, (clips, time))
        return self.heat_map(self.decoder(tokens))
