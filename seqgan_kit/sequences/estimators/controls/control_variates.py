"""Functions of relaxed tokens that are subtracted from rewards: REBAR's and RELAX's.

A control is a player. It maps a :class:`Relaxation` to c, [B,1] for each row or [B,T] for each token, which
must be a smooth function of the noise. Its parameters learn to make the gradient's variance small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.core.estimators import without_dropout
from seqgan_kit.core.penalties import plain_scores, twice_differentiable
from seqgan_kit.sequences.estimators.controls.relaxed_rows import relaxed_rows
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator

Control = Literal["none", "rebar", "relax"]
CONTROLS: tuple[Control, ...] = ("none", "rebar", "relax")
TEMPERATURE = 0.5
"""Initial temperature (Tucker et al. 2017)."""


@dataclass(frozen=True)
class Relaxation:
    """What controls read: sampled rows, and the noise that chose their tokens."""

    given: Tensor
    """Conditions [B,S]."""
    hidden: Tensor
    """The generator's hidden states before each token [B,T,H], without gradient."""
    log_probs: Tensor
    """log p [B,T,V] of every token after the row's prefix, without gradient."""
    noise: Tensor
    """n [B,T,V], with gradient; argmax (log_probs + n) are the row's tokens up to its end."""


class RelaxedReward(nn.Module):
    """REBAR's control: c = eta R(D(x)), with the reward of the whole relaxed row x (``relaxed_rows``).

    The temperature and eta = 2 sigmoid(s) are learned; s starts at 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_temperature = nn.Parameter(torch.tensor(math.log(TEMPERATURE)))
        self.scale = nn.Parameter(torch.tensor(0.0))

    def forward(self, game: AdversarialGame[SequenceGenerator], relaxed: Relaxation) -> Tensor:
        """Return c [B,1]."""
        generator, discriminator = game.generator, game.discriminator
        noise, temperature = relaxed.noise, self.log_temperature.exp()
        with (
            twice_differentiable(discriminator, noise.device),
            evaluating(discriminator),
            without_dropout(generator),
        ):
            rows = relaxed_rows(generator, noise, temperature, relaxed.given)
            rewards = -game.objective.generator(plain_scores(discriminator)(rows), None)
        return (2 * self.scale.sigmoid() * rewards).unsqueeze(1)


class LearnedControl(nn.Module):
    """RELAX's control in a decision process: c_t = w tanh(A softmax(z_t / tau) + B h_t + a) + b.

    z_t = log p(. | y_<t) + n_t are the keys of the token, h_t is the generator's state before it. All
    parameters and the temperature are learned; w and b start at 0, so c does too.

    Args:
        vocabulary: V.
        hidden: width H of the states.
        width: hidden units.
    """

    def __init__(self, vocabulary: int, hidden: int, width: int = 32):
        super().__init__()
        self.log_temperature = nn.Parameter(torch.tensor(math.log(TEMPERATURE)))
        self.token = nn.Linear(vocabulary, width, bias=False)
        self.state = nn.Linear(hidden, width)
        self.value = nn.Linear(width, 1)
        nn.init.normal_(self.token.weight)  # A token is one of V inputs, not a mean over them.
        nn.init.zeros_(self.value.weight)
        nn.init.zeros_(self.value.bias)

    def forward(self, game: AdversarialGame[SequenceGenerator], relaxed: Relaxation) -> Tensor:
        """Return c [B,T], in float32 also under autocast."""
        with torch.autocast(relaxed.noise.device.type, enabled=False):
            keys = (relaxed.log_probs + relaxed.noise) / self.log_temperature.exp()
            units = self.token(keys.softmax(-1)) + self.state(relaxed.hidden.to(keys.dtype))
            values: Tensor = self.value(units.tanh())
        return values.squeeze(-1)


def build_control(control: Control, generator: SequenceGenerator) -> nn.Module:
    """Build a control for a generator."""
    if control == "rebar":
        return RelaxedReward()
    return LearnedControl(generator.vocabulary, generator.output.in_features)
