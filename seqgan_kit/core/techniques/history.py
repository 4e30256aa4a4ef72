"""Historical averaging: a player is held near the mean of all it has been (Salimans et al. 2016: "Improved
techniques for training GANs", section 3.3).

    a player's loss gets + weight * || theta - (1/t) sum_{i=1..t} theta_i ||^2

with theta_1 ... theta_t its parameters before its earlier moves. In games without an equilibrium by gradient
steps, such as one player's x y against the other's -x y, this stops the circling.
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
    """The running mean of a player's parameters; a player itself, without parameters.

    Args:
        player: whose history it is.
    """

    moves: Tensor

    def __init__(self, player: nn.Module):
        super().__init__()
        self.register_buffer("moves", torch.zeros((), dtype=torch.int64))
        for number, parameter in enumerate(player.parameters()):
            self.register_buffer(f"{_MEAN}{number}", torch.zeros_like(parameter.detach()))

    def means(self) -> list[Tensor]:
        """In the order of the player's parameters."""
        return [buffer for name, buffer in self.named_buffers() if name.startswith(_MEAN)]

    def distance(self, player: nn.Module) -> Tensor:
        """|| theta - mean ||^2, a scalar; 0 while there is no history."""
        parts = [
            (parameter - mean).square().sum()
            for parameter, mean in zip(player.parameters(), self.means(), strict=True)
        ]
        return torch.stack(parts).sum() * (self.moves > 0)

    @torch.no_grad()
    def remember(self, player: nn.Module) -> None:
        """Take the present parameters into the mean."""
        self.moves.add_(1)
        for parameter, mean in zip(player.parameters(), self.means(), strict=True):
            mean.add_((parameter - mean) / self.moves)


@dataclass(frozen=True)
class HistoricalPenalty:
    """The term in D's loss; remembers D as it was before each move."""

    history: History
    weight: float
    name: str = "discriminator_history"

    def check(self, discriminator: nn.Module) -> None:
        if self.weight < 0:
            raise UsageError(f"historical averaging weighs {self.weight:g}; use 0 or more.")

    def __call__(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, rng: torch.Generator
    ) -> Tensor:
        return _term(self.history, discriminator, self.weight)


class WithHistory:
    """An estimator whose G is held near its history.

    Args:
        estimator: whose losses these are.
        history: of G.
        weight: of the term.
    """

    def __init__(self, estimator: Estimator, history: History, weight: float):
        self.estimator, self.history, self.weight = estimator, history, weight

    def fakes(self, game: AdversarialGame, batch: Batch, n: int, move: Move) -> Tensor:
        """Return the estimator's."""
        return self.estimator.fakes(game, batch, n, move)

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """Return the estimator's plus the term."""
        loss = self.estimator.generator_loss(game, batch, move)
        term = _term(self.history, game.players["generator"], self.weight)
        return Loss(loss.total + term, {**loss.logs, "generator_history": term})


def _term(history: History, player: nn.Module, weight: float) -> Tensor:
    term = weight * history.distance(player)
    history.remember(player)
    return term
