"""Historical averaging: a player's parameters are pulled towards their running mean (Salimans et al. 2016:
"Improved techniques for training GANs", section 3.3).

    a player's loss gets + weight * || theta - (1/t) sum_{i=1..t} theta_i ||^2

with theta_1 ... theta_t its parameters before its earlier updates. Some games do not converge by gradient
steps, for example the losses x y and -x y of two players; there the term stops the cycling.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame, Estimator
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.errors import UsageError

_MEAN = "mean_"


class History(nn.Module):
    """The running mean of a player's parameters. It is itself a player, without parameters.

    Args:
        player: the player whose parameters are averaged.
    """

    moves: Tensor

    def __init__(self, player: nn.Module):
        super().__init__()
        self.register_buffer("moves", torch.zeros((), dtype=torch.int64))
        for number, parameter in enumerate(player.parameters()):
            self.register_buffer(f"{_MEAN}{number}", torch.zeros_like(parameter.detach()))

    def means(self) -> list[Tensor]:
        """Return the means in the order of the player's parameters."""
        return [buffer for name, buffer in self.named_buffers() if name.startswith(_MEAN)]

    def distance(self, player: nn.Module) -> Tensor:
        """Return || theta - mean ||^2, a scalar; 0 before the first update."""
        parts = [
            (parameter - mean).square().sum()
            for parameter, mean in zip(player.parameters(), self.means(), strict=True)
        ]
        return torch.stack(parts).sum() * (self.moves > 0)

    @torch.no_grad()
    def remember(self, player: nn.Module) -> None:
        """Add the current parameters to the mean."""
        self.moves.add_(1)
        for parameter, mean in zip(player.parameters(), self.means(), strict=True):
            mean.add_((parameter - mean) / self.moves)


@dataclass(frozen=True)
class HistoricalPenalty:
    """The term in D's loss; it records D's parameters before each update."""

    history: History
    weight: float
    name: str = "discriminator_history"

    def check(self, discriminator: nn.Module) -> None:
        if self.weight < 0:
            raise UsageError(
                f"the weight of historical averaging is {self.weight:g}; use 0 or more."
            )

    def __call__(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, rng: torch.Generator
    ) -> Tensor:
        return _term(self.history, discriminator, self.weight)


class WithHistory:
    """An estimator that adds the historical averaging of G to another estimator's loss.

    Args:
        estimator: the estimator to extend.
        history: the history of G.
        weight: the weight of the term.
    """

    def __init__(self, estimator: Estimator, history: History, weight: float):
        self.estimator, self.history, self.weight = estimator, history, weight

    def fakes(self, game: AdversarialGame, batch: Batch, n: int, move: Move) -> Tensor:
        """Return the fakes of the inner estimator."""
        return self.estimator.fakes(game, batch, n, move)

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """Return the loss of the inner estimator plus the term."""
        loss = self.estimator.generator_loss(game, batch, move)
        term = _term(self.history, game.generator, self.weight)
        return Loss(loss.total + term, {**loss.logs, "generator_history": term})


def _term(history: History, player: nn.Module, weight: float) -> Tensor:
    term = weight * history.distance(player)
    history.remember(player)
    return term
