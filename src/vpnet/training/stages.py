"""Training in two stages: first a model shared by all viewers, then each viewer's own parameters.

``general`` trains with all viewers unknown. ``personal`` starts from its checkpoint, where every
viewer still has the unknown viewer's vector, and trains the personal parameters. ``single`` trains
all parameters at once.
"""

from collections.abc import Collection, Container
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
        """Prepare a network: all viewers alike, and in the personal stage the rest frozen.

        Raises:
            InputError: The stage is one of two, and the network has no personal parameters.
        """
        if self.name == "single":
            return
        personal = set(model.personal_parameters())
        if not personal:
            raise InputError(
                f"stage={self.name} is for models with parameters of each viewer, this "
                f"{model.name} has none; use stage=single, or a model with user_embed=true"
            )
        model.forget_users()
        if self.name == "personal" and self.rest == "frozen":
            for name, parameter in model.named_parameters():
                parameter.requires_grad_(name in personal)

    def check_viewers(self, training: Collection[str], known: Container[str]) -> None:
        """Refuse to train the vectors of viewers that the general checkpoint does not know.

        Args:
            training: Ids of the viewers to train on.
            known: Ids that the general checkpoint has a vector for.

        Raises:
            InputError: In the personal stage, one of them is not known.
        """
        unknown = sorted(user for user in set(training) if user not in known)
        if self.name == "personal" and unknown:
            raise InputError(
                "stage=personal trains the vectors of viewers that the general checkpoint knows, "
                f"{len(unknown)} of {len(set(training))} here are not among them: "
                f"{', '.join(unknown[:5])}{', ...' if len(unknown) > 5 else ''}; use the data and "
                "the split of stage=general"
            )

    def show(self, window: ViewportWindow) -> ViewportWindow:
        """The windows as the stage trains on them: in the general one all viewers are unknown."""
        if self.name != "general":
            return window
        return window._replace(user_index=torch.zeros_like(window.user_index))


def parameter_groups(model: Forecaster, stage: Stage) -> list[dict[str, Any]]:
    """The parameters that a stage trains, in groups as optimizers take them; no group is empty.

    ``params`` are the parameters, ``rate`` is their share of the learning rate.
    """
    slow: set[str] = set()
    if stage.name == "personal":
        slow = {name for name, _ in model.named_parameters()} - set(model.personal_parameters())
    groups: dict[float, list[torch.nn.Parameter]] = {1.0: [], 0.1: []}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups[0.1 if name in slow else 1.0].append(parameter)
    return [{"params": params, "rate": rate} for rate, params in groups.items() if params]
