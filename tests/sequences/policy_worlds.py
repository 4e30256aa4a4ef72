"""Small worlds with a reward: the exact gradient of its mean, and what each sequence adds to an estimate.

J = sum_y G(y) R(y) and its gradient are sums over all sequences. An estimator is run once on many sequences.
Its loss depends on the generator through logits alone: a probe of zeros is added to the logits of every
sequence and position, the loss's derivative in the probe, times the logits' exact Jacobian, is what that
sequence adds. Whether a loss reads log-probabilities of the tokens or logits of other actions is all one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from small_worlds import LENGTH, WORLDS, enumerate_sequences, flat_gradient, z_scores
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.core.objectives import expected_probability
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.lstm import LSTMGenerator
from seqgan_kit.sequences.sampling.rows_in_progress import State

ROWS = 12_000
__all__ = ["LENGTH", "ROWS", "World", "build_world", "contributions", "distance", "in_groups"]


class Probed(SequenceGenerator):
    """A generator whose hidden states end in V zeros that go straight to the logits."""

    def __init__(self, inner: LSTMGenerator):
        hidden = inner.output.in_features + inner.vocabulary
        super().__init__(
            inner.vocabulary, inner.length, hidden, inner.bos, inner.eos, inner.pad, inner.given
        )
        self.inner, self.probe = inner, torch.zeros(0)
        with torch.no_grad():
            straight = torch.eye(inner.vocabulary)
            self.output.weight.copy_(torch.cat([inner.output.weight, straight], 1))
            self.output.bias.copy_(inner.output.bias)

    def encode(self, inputs: Tensor) -> Tensor:
        hidden = self.inner.encode(inputs)
        probe = torch.zeros(*hidden.shape[:2], self.vocabulary)
        if torch.is_grad_enabled():
            self.probe = probe.requires_grad_()
        return torch.cat([hidden, probe], 2)

    def start(self, given: Tensor) -> State:
        return self.inner.start(given)

    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        hidden, state = self.inner.advance(inputs, state)
        return F.pad(hidden, (0, self.vocabulary)), state


@dataclass(frozen=True)
class World:
    """A generator, a table of D's scores, and everything that follows from them exactly."""

    game: AdversarialGame
    sequences: Tensor
    """All rows [K*S,G+T]: every sequence after each of K sources, one source after the other."""
    rewards: Tensor
    """Of each [S]."""
    jacobian: Tensor
    """[K*S,T,V,P]: d logit of v after y_<t / d parameter."""
    gradient: Tensor
    """[P]: of the expected reward, the mean over sources."""
    sources: Tensor
    """[K,G]; one empty source where nothing is given."""

    def of_source(self, number: int) -> World:
        """The gradient of the reward after one source."""
        per_source = len(self.sequences) // len(self.sources)
        rows = slice(number * per_source, (number + 1) * per_source)
        chances = self.generator.sequence_log_prob(self.sequences[rows]).exp()
        gradient = flat_gradient((chances * self.rewards[rows]).sum(), self.generator)
        return replace(self, gradient=gradient)

    @property
    def generator(self) -> Probed:
        return self.game.players["generator"]  # type: ignore[return-value]


def build_world(
    name: str,
    tiny_generator: Callable[..., LSTMGenerator],
    table_discriminator: Callable[[Tensor, int, int], Discriminator],
    sources: Sequence[Sequence[int]] = ((),),
    seed: int = 0,
) -> World:
    torch.manual_seed(seed)
    vocabulary, options = WORLDS[name]
    given = torch.tensor(sources, dtype=torch.int64)
    row = given.shape[1] + LENGTH
    inner = tiny_generator(
        vocabulary, LENGTH, embedding=2, hidden=3, given=given.shape[1], **options
    )
    table = 3 * torch.randn(vocabulary**row)
    generator = Probed(inner)
    discriminator = table_discriminator(table, vocabulary, row)
    game = AdversarialGame(generator, discriminator, expected_probability(), Reinforce())
    sequences = after_sources(given, enumerate_sequences(generator))
    rewards = discriminator(sequences).score.sigmoid().detach()
    logits = generator.logits(sequences)
    jacobian = torch.stack([flat_gradient(logit, generator) for logit in logits.flatten()])
    expected = (generator.sequence_log_prob(sequences).exp() * rewards).sum() / len(given)
    return World(
        game,
        sequences,
        rewards,
        jacobian.view(*logits.shape, -1),
        flat_gradient(expected, generator),
        given,
    )


def after_sources(sources: Tensor, sequences: Tensor) -> Tensor:
    """Every sequence [S,T] after each source [K,G]: [K*S,G+T]."""
    return torch.cat(
        [sources.repeat_interleave(len(sequences), 0), sequences.repeat(len(sources), 1)], 1
    )


def contributions(world: World, estimator: Reinforce, rows: int = ROWS, seed: int = 1) -> Tensor:
    """[B,P]: what each of B rows adds to the estimate of the gradient, measured from outside."""
    seen: list[Tensor] = []

    def draw(n: int, batch: object, rng: torch.Generator) -> Tensor:
        given = world.sources.repeat(n // len(world.sources), 1)
        seen.append(world.generator.sample(n, given=given, rng=rng))
        return seen[-1]

    world.game.draw = draw  # type: ignore[method-assign]
    move = Move("adversarial", 0, 1, torch.Generator().manual_seed(seed))
    loss = estimator.generator_loss(world.game, {"real": torch.zeros(rows, 1)}, move).total
    slopes = -rows * torch.autograd.grad(loss, world.generator.probe, retain_graph=True)[0]
    written = (seen[0].unsqueeze(1) == world.sequences).all(2)  # [B,S]
    assert written.any(1).all(), "a sequence outside the enumerated world"
    added = torch.zeros(rows, len(world.gradient), dtype=torch.float64)
    for t in range(LENGTH):
        placed = (
            written.double().unsqueeze(2) * slopes[:, world.generator.given + t, None].double()
        )  # [B,S,V]
        added += placed.flatten(1) @ world.jacobian[:, t].flatten(0, 1)
    torch.testing.assert_close(
        added.mean(0), -flat_gradient(loss, world.generator), rtol=1e-3, atol=1e-5
    )
    return added


def distance(world: World, rows: Tensor) -> tuple[float, float]:
    """|z| along the true gradient, and the largest |z| of a coordinate."""
    return z_scores(rows, world.gradient)


def in_groups(
    baseline: Callable[[Tensor, Tensor], Tensor], size: int
) -> Callable[[Tensor, Tensor], Tensor]:
    """A baseline for each group of ``size`` rows by itself: a run on many batches of that size at once."""

    def grouped(values: Tensor, mask: Tensor) -> Tensor:
        folded = [x.view(-1, size, x.shape[1]).transpose(0, 1).flatten(1) for x in (values, mask)]
        result = baseline(*folded).expand(folded[0].shape)
        return result.view(size, -1, values.shape[1]).transpose(0, 1).reshape(values.shape)

    return grouped
