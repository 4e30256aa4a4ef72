"""Unrolled GAN: G's loss uses D after K simulated updates (Metz, Poole, Pfau, Sohl-Dickstein 2017: "Unrolled
generative adversarial networks").

    d_0 = D's parameters;  d_{k+1} = d_k - step(grad_d L_D(d_k, g)),  k = 0 ... K-1      (eq. 7)
    G minimises  L_G(d_K(g), g), differentiated through all K steps                      (eq. 9)

If G's objective is minus D's (minimax, wasserstein), L_G is -L_D with both halves, since through d_K the real
half depends on g too. Otherwise L_G is the objective's half for G (the paper has only minimax).

D itself makes one real update in its own turn. As in the authors' notebook (poolio/unrolled_gan), all K
simulated updates use one batch of reals and one of fakes, the same as G's loss. The simulated Adam continues
from the moments and the update count of D's optimizer (``Move.memory``). From zero moments its first step
would be lr * sign(gradient), whose derivative is 0, and G's gradient through d_K would nearly vanish.

Penalties are part of the simulated updates. The points where they are evaluated lie between reals and fakes
and so depend on g; the derivative ignores this dependence.

Differs from the notebook: D is updated before G in a round; the notebook updates both at once. Adam's epsilon
is inside the square root.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame, Pathwise
from seqgan_kit.core.discriminator import frozen
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.core.optimizers import Memory
from seqgan_kit.errors import UsageError, unknown

Parameters = dict[str, Tensor]
_FIRST_RATE = 1e-4  # The notebook's value, used before D's first update.


@dataclass(frozen=True)
class InnerOptimizer:
    """Settings of D's simulated optimizer, whose steps are differentiable."""

    learning_rate: float | None = None
    """Learning rate; None: that of D's last update (1e-4 before the first)."""
    name: Literal["adam", "sgd"] = "adam"
    """adam, continuing from the moments of D's optimizer, or sgd, gradient descent with momentum."""
    betas: tuple[float, float] = (0.5, 0.999)
    """Adam's decay rates before D's first update (later those of D's optimizer); the first is sgd's
    momentum."""
    epsilon: float = 1e-8
    """Adam's epsilon, inside the square root so that the step is differentiable at a gradient of 0."""

    def __post_init__(self) -> None:
        if self.name not in ("adam", "sgd"):
            raise unknown("inner optimizer", self.name, ("adam", "sgd"))
        if self.learning_rate is not None and self.learning_rate <= 0:
            raise UsageError(
                f"the inner learning rate is {self.learning_rate:g}; use a number above 0."
            )

    def continuing(self, memory: Memory | None) -> InnerOptimizer:
        """Return a copy with the missing values taken from D's own optimizer."""
        own = _FIRST_RATE if memory is None else memory.learning_rate
        rate = own if self.learning_rate is None else self.learning_rate
        if memory is None or self.name == "sgd":
            return replace(self, learning_rate=rate)
        if memory.optimizer.name not in ("adam", "adamw"):
            raise UsageError(
                f"unrolling with adam continues from the moments of D's optimizer, which is "
                f"{memory.optimizer.name} and has other moments. Train D with adam, or unroll with sgd."
            )
        return replace(self, learning_rate=rate, betas=memory.optimizer.betas)

    def start(self, parameters: Parameters, memory: Memory | None = None) -> AdamMoments:
        """Return the moments of D's own optimizer for adam; zeros for sgd and before D's first update.

        ``memory`` uses the same parameter names as ``parameters``.
        """
        means, squares = ({n: torch.zeros_like(p) for n, p in parameters.items()} for _ in "12")
        if memory is None or self.name == "sgd":
            return AdamMoments(means, squares, 0)
        found = {n: state for n, state in memory.state.items() if n in parameters}
        means |= {n: state["exp_avg"].to(parameters[n]) for n, state in found.items()}
        squares |= {n: state["exp_avg_sq"].to(parameters[n]) for n, state in found.items()}
        return AdamMoments(means, squares, memory.moves)

    def step(
        self, parameters: Parameters, gradients: Mapping[str, Tensor], moments: AdamMoments
    ) -> tuple[Parameters, AdamMoments]:
        """Return the next parameters and moments, as differentiable functions of the current ones.

        t counts real and simulated updates. sgd: m <- b1 m + g, d <- d - lr m. adam: m <- b1 m + (1-b1) g, v
        <- b2 v + (1-b2) g^2, d <- d - lr m/(1-b1^t) / sqrt(v/(1-b2^t) + eps^2).
        """
        first, second = self.betas
        number, rate = moments.steps + 1, self.learning_rate
        assert rate is not None, "see continuing()"
        if self.name == "sgd":
            means = {n: first * moments.means[n] + g for n, g in gradients.items()}
            new = {n: parameters[n] - rate * m for n, m in means.items()}
            return new, AdamMoments(means, moments.squares, number)
        means = {n: first * moments.means[n] + (1 - first) * g for n, g in gradients.items()}
        squares = {
            n: second * moments.squares[n] + (1 - second) * g * g for n, g in gradients.items()
        }
        size = rate / (1 - first**number)
        roots = {n: (v / (1 - second**number) + self.epsilon**2).sqrt() for n, v in squares.items()}
        new = {n: parameters[n] - size * m / roots[n] for n, m in means.items()}
        return new, AdamMoments(means, squares, number)


@dataclass(frozen=True)
class AdamMoments:
    """State of the simulated optimizer, by parameter name."""

    means: Parameters
    squares: Parameters
    steps: int
    """Updates so far, including those of D's own optimizer."""


class Unrolled(Pathwise):
    """The pathwise gradient through D after K simulated updates.

    Args:
        steps: K.
        optimizer: settings of the simulated updates.
    """

    def __init__(self, steps: int = 5, optimizer: InnerOptimizer | None = None):
        if steps < 1:
            raise UsageError(f"unrolling has {steps} steps; use at least 1.")
        self.steps, self.optimizer = steps, optimizer or InnerOptimizer()

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """Return G's loss under d_K; D's own parameters and buffers do not change."""
        discriminator = game.discriminator
        fake = game.draw(len(batch["real"]), batch, move.rng)
        with frozen(discriminator):
            answer = self.answer(game, batch, fake, move)
            judged = _WithParameters(game)
            loss = torch.func.functional_call(judged, answer, ("generator", batch, fake, move))
        return Loss(loss, {"generator_loss": loss})

    def answer(self, game: AdversarialGame, batch: Batch, fake: Tensor, move: Move) -> Parameters:
        """Return D's parameters after K simulated updates, as differentiable functions of the fakes."""
        judged = _WithParameters(game)
        own = game.discriminator.named_parameters()
        # Detached, because D's own parameters must not get a gradient here.
        parameters = {
            _path(name): p.detach().requires_grad_() for name, p in own if p.requires_grad
        }
        memory = move.memory("discriminator")
        if memory is not None:
            memory = replace(memory, state={_path(name): s for name, s in memory.state.items()})
        optimizer = self.optimizer.continuing(memory)
        moments = optimizer.start(parameters, memory)
        for _ in range(self.steps):
            loss = torch.func.functional_call(
                judged, parameters, ("discriminator", batch, fake, move)
            )
            found = torch.autograd.grad(
                loss, list(parameters.values()), create_graph=True, materialize_grads=True
            )
            gradients = dict(zip(parameters, found, strict=True))
            parameters, moments = optimizer.step(parameters, gradients, moments)
        return parameters


def _path(name: str) -> str:
    """Return the name in :class:`_WithParameters` of a parameter of D."""
    return f"game.players.discriminator.{name}"


class _WithParameters(nn.Module):
    """A game's losses as a module's forward, so that functional_call can replace D's parameters."""

    def __init__(self, game: AdversarialGame):
        super().__init__()
        self.game = game

    def forward(self, player: str, batch: Batch, fake: Tensor, move: Move) -> Tensor:
        game = self.game
        if player == "discriminator":
            return game.judge(batch, fake, move).total
        scores, objective = game.discriminate(fake).score, game.objective
        if not (objective.needs_real or objective.zero_sum):
            return objective.generator(scores, None).mean()
        real = game.discriminate(batch["real"]).score
        if objective.needs_real:
            return objective.generator(scores, real).mean()
        of_real, of_fake = objective.discriminator(real, scores)
        return -(of_real.mean() + of_fake.mean())
