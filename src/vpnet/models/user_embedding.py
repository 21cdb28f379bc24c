"""Who the viewer is: one learned vector per user, and one for everybody unknown."""

import torch
from torch import Tensor, nn


class UserEmbedding(nn.Module):
    """Embeds users; row 0 is the unknown user.

    In training a share of the windows is shown as unknown, so that row 0 learns to stand for
    anybody.

    Args:
        users: Number of known users.
        width: Width of the embedding.
        unknown_share: Share of the training windows shown as unknown.
    """

    def __init__(self, users: int, width: int, unknown_share: float = 0.1) -> None:
        super().__init__()
        self.embedding = nn.Embedding(users + 1, width)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.unknown_share = unknown_share

    def forward(self, user_index: Tensor) -> Tensor:
        """Vectors of users, shape ``(batch, width)``."""
        if self.training and self.unknown_share > 0:
            unknown = torch.rand(user_index.shape, device=user_index.device) < self.unknown_share
            user_index = user_index.masked_fill(unknown, 0)
        return self.embedding(user_index)

    def crowding(self, margin: float) -> Tensor:
        """Mean over pairs of known users of max(0, margin - distance)^2.

        Zero once all are ``margin`` apart; the design's -distance^2 has no lower bound.
        """
        known = self.embedding.weight[1:]
        if len(known) < 2:
            return known.new_zeros(())
        apart = torch.nn.functional.pdist(known)
        return torch.relu(margin - apart).square().mean()
