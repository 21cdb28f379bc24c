"""The viewer's identity: a learned vector per user, one of the unknown user, and their answers."""

import torch
from torch import Tensor, nn


class UserEmbedding(nn.Module):
    """Embeds users; row 0 is the unknown user.

    In training a share of the windows is shown as unknown, so that row 0 learns to represent any
    user.
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

    @torch.no_grad()
    def forget(self) -> None:
        """Give every user the vector of the unknown user."""
        self.embedding.weight[1:] = self.embedding.weight[0]

    def crowding(self, margin: float) -> Tensor:
        """Mean over pairs of known users of max(0, margin - distance)^2.

        It is zero once all are ``margin`` apart; the plain -distance^2 has no lower bound.
        """
        known = self.embedding.weight[1:]
        if len(known) < 2:
            return known.new_zeros(())
        apart = torch.nn.functional.pdist(known)
        return torch.relu(margin - apart).square().mean()


class AnsweredProfile(nn.Module):
    """One vector of a viewer's answers to a questionnaire and of the vector learned for them.

    The network reads each answer together with whether it was given, so that a missing answer is
    not a low one. Answers tell apart even users whom no model was trained on. ``width`` is that of
    the result, and of the users' vectors where there are such.
    """

    def __init__(self, answers: int, width: int, with_user: bool) -> None:
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(2 * answers + (width if with_user else 0), width),
            nn.GELU(),
            nn.Linear(width, width),
        )

    def forward(self, user: Tensor | None, answers: Tensor, answers_valid: Tensor) -> Tensor:
        """Vectors of viewers, shape ``(batch, width)``.

        Args:
            user: The users' own vectors, shape ``(batch, width)``; None without.
            answers: Answers in [0, 1], anything where not given, shape ``(batch, answers)``.
            answers_valid: Which were given, same shape.
        """
        # Not a product: what is not valid may be NaN.
        given = torch.where(answers_valid, answers, answers.new_zeros(()))
        known = torch.cat((given, answers_valid.to(answers.dtype)), dim=1)
        return self.network(known if user is None else torch.cat((user, known), dim=1))
