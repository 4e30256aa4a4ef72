"""Unrolled GAN: G is judged by the D that would answer it (Metz, Poole, Pfau, Sohl-Dickstein 2017: "Unrolled
generative adversarial networks").

    d_0 = D's parameters;  d_{k+1} = d_k - step(grad_d L_D(d_k, g)),  k = 0 ... K-1      (eq. 7)
    G minimises  L_G(d_K(g), g), differentiated through all K steps                      (eq. 9)

L_G is -L_D, both halves of it, where G's objective is minus D's (minimax, wasserstein): the half of the reals
depends on g too, through d_K. Otherwise it is the objective's own half of G (the paper has minimax alone).

D itself makes its own single move in its own turn. As in the authors' notebook (poolio/unrolled_gan), all K
steps see one batch of reals and one of fakes, the same that G is judged on, and the imagined Adam continues
from the moments and the number of moves of D's own (``Move.memory``). From moments of 0 its first step would
be lr * sign(gradient), whose derivative is 0: G's gradient through d_K would all but vanish.

Penalties join the imagined steps; that the points at which they are taken lie between reals and fakes, and so
depend on g, is left out of the derivative.

Differs from the notebook: D moves before G in a round, where the notebook moves both at once. Adam's epsilon
is inside the root.
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
_FIRST_RATE = 1e-4  # the notebook's, where D has not moved yet


@dataclass(frozen=True)
class InnerOptimizer:
    """How D is imagined to step, as a differentiable function."""

    learning_rate: float | None = None
    """Learning rate; None: that of D's last move (1e-4 before it)."""
    name: Literal["adam", "sgd"] = "adam"
    """adam, which continues from the moments of D's own, or gradient descent with momentum."""
    betas: tuple[float, float] = (0.5, 0.999)
    """Adam's decay of both moments before D's first move, D's own afterwards; the first one is the momentum
    of sgd."""
    epsilon: float = 1e-8
    """Adam's; inside the root, so that a gradient of 0 has a derivative."""

    def __post_init__(self) -> None:
        if self.name not in ("adam", "sgd"):
            raise unknown("inner optimizer", self.name, ("adam", "sgd"))
        if self.learning_rate is not None and self.learning_rate <= 0:
            raise UsageError(f"the inner learning rate is {self.learning_rate:g}; use one above 0.")

    def continuing(self, memory: Memory | None) -> InnerOptimizer:
        """Return the same with what it takes from D's own optimizer filled in."""
        own = _FIRST_RATE if memory is None else memory.learning_rate
        rate = own if self.learning_rate is None else self.learning_rate
        if memory is None or self.name == "sgd":
            return replace(self, learning_rate=rate)
        if memory.optimizer.name not in ("adam", "adamw"):
            raise UsageError(
                f"unrolling by adam continues from the moments of D's own optimizer, and D moves by "
                f"{memory.optimizer.name}, which has others. Let D move by adam, or unroll by sgd."
            )
        return replace(self, learning_rate=rate, betas=memory.optimizer.betas)

    def start(self, parameters: Parameters, memory: Memory | None = None) -> AdamMoments:
        """The moments of D's own optimizer for adam; 0 for sgd and before D's first move.

        ``memory`` has the names of ``parameters``.
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
        """The next parameters and moments, as functions of these; t counts D's moves and the imagined ones.

        sgd: m <- b1 m + g, d <- d - lr m. adam: m <- b1 m + (1-b1) g, v <- b2 v + (1-b2) g^2,
        d <- d - lr m/(1-b1^t) / sqrt(v/(1-b2^t) + eps^2).
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
    """What an imagined optimizer remembers, by the names of the parameters."""

    means: Parameters
    squares: Parameters
    steps: int
    """Moves made so far, D's own included."""


class Unrolled(Pathwise):
    """The pathwise gradient, through the answer of an imagined D.

    Args:
        steps: K.
        optimizer: how the imagined D steps.
    """

    def __init__(self, steps: int = 5, optimizer: InnerOptimizer | None = None):
        if steps < 1:
            raise UsageError(f"unrolled over {steps} steps is not unrolled; use at least 1.")
        self.steps, self.optimizer = steps, optimizer or InnerOptimizer()

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """G's objective under d_K; D's parameters and buffers stay as they are."""
        discriminator = game.players["discriminator"]
        fake = game.draw(len(batch["real"]), batch, move.rng)
        with frozen(discriminator):
            answer = self.answer(game, batch, fake, move)
            judged = _WithParameters(game)
            loss = torch.func.functional_call(judged, answer, ("generator", batch, fake, move))
        return Loss(loss, {"generator_loss": loss})

    def answer(self, game: AdversarialGame, batch: Batch, fake: Tensor, move: Move) -> Parameters:
        """D's parameters after K imagined steps on these reals and fakes, as functions of the fakes."""
        judged = _WithParameters(game)
        own = game.players["discriminator"].named_parameters()
        # Detached: what D's own parameters would get as a gradient is not wanted.
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
    """A parameter of D by its name in :class:`_WithParameters`."""
    return f"game.players.discriminator.{name}"


class _WithParameters(nn.Module):
    """A game's losses as a module's call, so that D's parameters can be given to it."""

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
