"""CoT, cooperative training (Lu, Yu, Feng, Zhu, Zhang, Yu 2019: "CoT: Cooperative Training for Generative
Modeling of Discrete Data").

    the mediator M maximises  E_{y of 1/2 (P + G)} log M(y)
    G minimises  E_{s of G} sum_t sum_v G(v | s_t) log (G(v | s_t) / M(v | s_t))

s_t is the prefix y_1 .. y_t-1, P the data. Both are likelihoods: D is replaced by M, and the sum over the
vocabulary is exact, so G's gradient needs no reward of sampled tokens. If M is the mixture itself, then
KL(G || M) + KL(P || M) is twice the Jensen-Shannon divergence of P and G. Prefixes are drawn from G and kept
fixed: the gradient leaves out how G changes their distribution, as in the paper.

The four choices. Players: two LSTMs. Objective: half the Jensen-Shannon divergence. Estimator: the exact sum
over the vocabulary at every step. Schedule: one update of each in turn, from untrained networks.

Differs from the paper: the mediator's dropout acts on its embeddings too; in the authors' code M's recurrent
weights are orthogonal, here all are drawn from N(0, 0.1). A batch's loss is the mean over its tokens without
padding. The preset ``paper`` has the networks, batches and learning rates of the authors' code; their data
are 10,000 rows of an oracle (``--oracle FILE``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor

from seqgan_kit.core.bounds import Cap, Count, Positive, Share, Weight, bounded
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.core.estimators import without_dropout
from seqgan_kit.core.game import Batch, Game, Loss, Move, Phase, Turn, spread_evenly
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.maximum_likelihood import draw_written, negative_log_likelihood


@dataclass(frozen=True)
@bounded
class CoTMethod:
    """Settings of cooperative training; the defaults are those of the paper's code."""

    batch_size: Positive = 64
    """Sequences per batch: of real rows, and of generated ones."""
    rounds: Positive = 200_000
    """Rounds of ``generator_moves`` updates of G and ``mediator_moves`` updates of the mediator."""
    generator_moves: Positive = 1
    """Updates of G per round."""
    mediator_moves: Positive = 1
    """Updates of the mediator per round."""
    generator_learning_rate: Weight = 1e-3
    """Adam's learning rate of G."""
    mediator_learning_rate: Weight = 3e-3
    """Adam's learning rate of the mediator."""
    second_moment: Share = 0.95
    """Adam's decay of the second moment."""
    clip_norm: Cap = float("inf")
    """Largest gradient norm of each; larger gradients are scaled down to it (inf: no limit)."""
    mediator_reads: Literal["both", "real", "generated"] = "both"
    """Rows that the mediator learns from. both: the mixture. generated: a control, in which no real text
    reaches G. real: a control, in which G learns from a maximum-likelihood model."""
    most_work: Weight = 0.0
    """Most work that a part of the run may take on your text, as a multiple of its work on the bundled
    captions; preset lengths are shortened to fit (0: never). Lengths given as flags are kept."""
    evaluate_every_rounds: Count = 0
    """Rounds between evaluations (0: about 20 evaluations, evenly spaced)."""


def step_divergence(log_probs: Tensor, mediator_log_probs: Tensor) -> Tensor:
    """Return KL(G || M) [B,T] of the next token, in nats, from log-probabilities [B,T,V] of both."""
    return (log_probs.exp() * (log_probs - mediator_log_probs)).sum(-1)


class CoT(Game[SequenceGenerator]):
    """A game of a generator and a mediator."""

    def __init__(
        self, generator: SequenceGenerator, mediator: SequenceGenerator, method: CoTMethod
    ):
        super().__init__({"generator": generator, "mediator": mediator})
        self.method = method

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Draw rows of G, with the conditions of the batch's real rows."""
        return draw_written(self, n, batch, rng)

    def mediator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the mediator's negative log-likelihood per token, on as many real as generated rows."""
        rows, reads = [batch["real"]], self.method.mediator_reads
        if reads != "real":
            fake = self.draw(len(batch["real"]), batch, move.rng)
            rows = [fake] if reads == "generated" else [*rows, fake]
        mediator = cast(SequenceGenerator, self.players["mediator"])
        loss = negative_log_likelihood(mediator, torch.cat(rows))
        return Loss(loss, {"mediator_nll": loss})

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the mean over tokens of KL(G || M) of the next token, after prefixes that G writes."""
        generator = self.generator
        mediator = cast(SequenceGenerator, self.players["mediator"])
        rows = self.draw(len(batch["real"]), batch, move.rng)
        mask = generator.token_mask(rows)
        with torch.no_grad(), evaluating(mediator):
            wanted = mediator.logits(rows).log_softmax(-1)
        with without_dropout(generator):
            own = generator.logits(rows).log_softmax(-1)
        loss = (step_divergence(own, wanted) * mask).sum() / mask.sum()
        return Loss(loss, {"step_divergence": loss})


def build(generator: SequenceGenerator, mediator: SequenceGenerator, method: CoTMethod) -> CoT:
    """Build the game from its players and settings."""
    return CoT(generator, mediator, method)


def phases(method: CoTMethod) -> tuple[Phase, ...]:
    """Return one phase: updates of G and of the mediator in turn."""

    def optimizer(rate: float) -> Optimizer:
        return Optimizer(rate, betas=(0.9, method.second_moment), clip_norm=method.clip_norm)

    every = method.evaluate_every_rounds or spread_evenly(method.rounds)
    turns = (
        Turn(
            ("generator",),
            loss="generator_loss",
            optimizer=optimizer(method.generator_learning_rate),
            moves=method.generator_moves,
        ),
        Turn(
            ("mediator",),
            loss="mediator_loss",
            optimizer=optimizer(method.mediator_learning_rate),
            moves=method.mediator_moves,
        ),
    )
    return (
        Phase(
            "cooperative",
            turns,
            rounds=method.rounds,
            evaluate_every_rounds=every,
            sample_every_rounds=every,
        ),
    )
