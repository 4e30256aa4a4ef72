"""BEGAN: D is an auto-encoder that reconstructs real images well and fakes badly, with a balance term
(Berthelot et al. 2017, "BEGAN: boundary equilibrium generative adversarial networks", section 3.4).

    L(v) = mean |v - D(v)|
    D minimises  L(x) - k_t L(G(z_D))
    G minimises  L(G(z_G))
    k_{t+1} = k_t + lambda_k (gamma L(x) - L(G(z_G))),  kept in [0,1];  k_0 = 0
    M_global = L(x) + |gamma L(x) - L(G(z_G))|          small where images are rebuilt well and in balance

k keeps E[L(G(z))] near gamma E[L(x)]: when D reconstructs fakes too badly, k falls to 0 and D learns from
real images alone. A large gamma favours variety, a small one favours clean images.

The four choices: the players of networks/autoencoder_networks.py, the Wasserstein objective on the score
-L with the term of the fakes weighted by k, the pathwise gradient, and one phase of D, G and the balance.

Differs from the paper, in the preset ``paper`` too: D is updated before G instead of together with it. The
paper halves learning rates when M_global stalls; here they follow --learning-rate-schedule. With several
processes each keeps a balance of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn

from image_gans.networks.autoencoder_networks import MeanError
from image_gans.schedule import (
    ImageTraining,
    adversarial_phase,
    discriminator_turn,
    generator_turn,
)
from image_gans.techniques.fits import refuse_techniques
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Above0, UpTo1, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, Phase, Turn
from seqgan_kit.core.objectives import Objective
from seqgan_kit.errors import UsageError


@dataclass(frozen=True)
@bounded
class BEGANMethod:
    """Settings of BEGAN: the balance between D and G."""

    gamma: UpTo1 = 0.5
    """Target ratio of the reconstruction errors of fakes and real images (the paper shows 0.3 to 0.7)."""
    balance_rate: Above0 = 0.001
    """Learning rate lambda_k of the balance."""


PAPER = ImageTraining(
    generator_learning_rate=1e-4,
    discriminator_learning_rate=1e-4,
    betas=(0.9, 0.999),
    batch_size=16,
)
"""Section 4.1; the paper tries learning rates from 5e-5 to 1e-4 and does not say how long it trained."""


def next_k(k: Tensor, real_error: Tensor, fake_error: Tensor, gamma: float, rate: float) -> Tensor:
    """Return k + rate * (gamma * L(x) - L(G(z))), kept in [0,1] (section 3.4); scalars."""
    return (k + rate * (gamma * real_error - fake_error)).clamp(0, 1)


def global_measure(real_error: Tensor, fake_error: Tensor, gamma: float) -> Tensor:
    """Return M_global = L(x) + |gamma L(x) - L(G(z))| (section 3.4.1); scalars."""
    return real_error + (gamma * real_error - fake_error).abs()


class Balance(nn.Module):
    """A player without parameters: k, and the errors for its next update."""

    k: Tensor
    real_error: Tensor
    fake_error: Tensor

    def __init__(self, method: BEGANMethod):
        super().__init__()
        self.method = method
        for name in ("k", "real_error", "fake_error"):
            self.register_buffer(name, torch.zeros(()))

    def move(self) -> dict[str, Tensor | float]:
        """Update k; return the inputs it used."""
        errors, gamma = (self.real_error, self.fake_error), self.method.gamma
        self.k.copy_(next_k(self.k, *errors, gamma, self.method.balance_rate))
        return {
            "k": self.k.clone(),
            "m_global": global_measure(*errors, gamma),
            "real_error": self.real_error.clone(),
            "fake_error": self.fake_error.clone(),
        }


def equilibrium(balance: Balance) -> Objective:
    """Objective on scores -L: D minimises L(x) - k L(G(z)), G minimises L(G(z)), with the current k."""
    return Objective(
        "equilibrium",
        lambda real, fake: (-real, balance.k * fake),
        lambda fake, real: -fake,
        decision=None,
    )


class BEGANGame(AdversarialGame):
    """The adversarial game with a balance as third player, which records the errors."""

    @property
    def balance(self) -> Balance:
        """The player that holds k."""
        return cast(Balance, self.players["balance"])

    def scores(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return D's scores as the base class does, and record the error of real images."""
        real_score, fake_score = super().scores(real, fake)
        self.balance.real_error.copy_(-real_score.detach().mean())
        return real_score, fake_score

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return G's loss L(G(z_G))."""
        loss = super().generator_loss(batch, move)
        self.balance.fake_error.copy_(torch.as_tensor(loss.logs["generator_loss"]).detach())
        return loss

    def move_k(self, batch: Batch, move: Move) -> dict[str, Tensor | float]:
        """Update k."""
        return self.balance.move()


def build(
    generator: nn.Module,
    discriminator: Discriminator,
    method: BEGANMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players and settings; refuse a D whose score is not a reconstruction error."""
    if not isinstance(discriminator.score, MeanError):
        raise UsageError(
            "BEGAN needs a discriminator that reconstructs images and scores them by its error: "
            "choose --network autoencoder."
        )
    why = "the balance weighs the errors of D as it is against those of G."
    refused = ("unrolled_steps", "feature_matching", "lecam", "consistency")
    refuse_techniques(techniques, "BEGAN", why, *refused)
    balance = Balance(method)
    return equipped_game(
        generator,
        discriminator,
        equilibrium(balance),
        techniques,
        others={"balance": balance},
        kind=BEGANGame,
    )


def phases(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """Return one phase: update D, then G, then k from their errors."""
    discriminator = discriminator_turn(training, techniques)
    discriminator = replace(discriminator, players=(*discriminator.players, "balance"))
    return (
        adversarial_phase(
            training,
            discriminator,
            generator_turn(training, techniques, with_players=("balance",)),
            Turn(("balance",), rule="move_k", feed=None),
        ),
    )
