"""Training in two stages: first everybody as one, then what makes each of them different.

``general`` trains without telling users apart; ``personal`` starts from its checkpoint, where every
user still has the unknown user's vector, and trains the personal parameters. ``single`` trains all
at once.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import torch

from vpnet.dataset.window import ViewportWindow
from vpnet.errors import InputError
from vpnet.models.forecaster import Forecaster
from vpnet.settings import checked


@checked
@dataclass(frozen=True)
class Stage:
    """A stage of training.

    Args:
        name: Train all parameters at once (``single``); first of two stages, without telling
            viewers apart (``general``); or second of two, each viewer's own parameters
            (``personal``).
        rest: What the parameters that are not personal do in the personal stage: stay as they are
            (``frozen``), or learn at a tenth of the rate (``tenth``).
    """

    name: Literal["single", "general", "personal"] = "single"
    rest: Literal["frozen", "tenth"] = "frozen"

    def begin(self, model: Forecaster) -> None:
        """Make a network ready for the stage: in the personal one its rest is frozen.

        Raises:
            InputError: The stage is one of two, and the network cannot tell users apart.
        """
        if self.name == "single":
            return
        personal = set(model.personal_parameters())
        if not personal:
            raise InputError(
                f"stage={self.name} is for models that learn what is personal, this {model.name} "
                "has no parameters of that kind; use stage=single, or a model with user_embed=true"
            )
        model.forget_users()
        if self.name == "personal" and self.rest == "frozen":
            for name, parameter in model.named_parameters():
                parameter.requires_grad_(name in personal)

    def check_viewers(self, training: Collection[str], known: Collection[str]) -> None:
        """Refuse to make personal what belongs to nobody.

        Args:
            training: Ids of the viewers to train on.
            known: Ids that the general checkpoint has vectors for.

        Raises:
            InputError: The personal stage would train on viewers that the checkpoint does not know.
        """
        unknown = sorted(set(training) - set(known))
        if self.name == "personal" and unknown:
            raise InputError(
                "stage=personal trains the vectors of viewers that the general checkpoint knows, "
                f"{len(unknown)} of {len(set(training))} here are not among them: "
                f"{', '.join(unknown[:5])}{', ...' if len(unknown) > 5 else ''}; use the data and "
                "the split of stage=general"
            )

    def show(self, window: ViewportWindow) -> ViewportWindow:
        """The windows as the stage trains on them: in the general one all users are unknown."""
        if self.name != "general":
            return window
        return window._replace(user_index=torch.zeros_like(window.user_index))


def parameter_groups(model: Forecaster, stage: Stage) -> list[dict[str, Any]]:
    """The parameters that a stage trains, and how fast.

    Args:
        model: The network.
        stage: The stage.

    Returns:
        Groups as optimizers take them: ``params``, and ``rate``, the share of the learning rate.
        None is empty; there is none where nothing is to be trained.
    """
    slow: set[str] = set()
    if stage.name == "personal":
        slow = {name for name, _ in model.named_parameters()} - set(model.personal_parameters())
    groups: dict[float, list[torch.nn.Parameter]] = {1.0: [], 0.1: []}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups[0.1 if name in slow else 1.0].append(parameter)
    return [{"params": params, "rate": rate} for rate, params in groups.items() if params]
