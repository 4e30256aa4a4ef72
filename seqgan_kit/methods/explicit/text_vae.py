"""Variational autoencoder of sentences (Bowman, Vilnis, Vinyals, Dai, Jozefowicz, Bengio 2016, "Generating
sentences from a continuous space").

With q(z|y) = N(mean(y), diag exp(log variance(y))), p(z) = N(0, I) and p(y|z) an LSTM, in nats:

    log p(y) >= ELBO(y) = E_q[log p(y|z)] - KL(q(z|y) || p(z))
    encoder and decoder minimise  -E_data[E_q[log p(y|z, y')] - beta KL(q(z|y) || p(z))]
    beta rises from 0 to 1 (KL annealing); y' is y with words replaced by UNK (word dropout)
    log p(y) >= log (1/K) sum_k p(y|z_k) p(z_k) / q(z_k|y) >= ELBO in the mean, for z_k drawn from q

The last line is the importance-weighted bound (Burda, Grosse, Salakhutdinov 2016). A decoder that predicts
well without the code makes KL 0 and ignores it (posterior collapse); annealing and word dropout work against
that. The player ``baseline`` is an LSTM of the decoder's size without a code, whose likelihood is exact.

Differs from the paper: sentences are written from left to right, in the paper's model of books from right to
left. Of that model the paper gives 512 units and 75 % of dropped words; the other sizes, Adam, its learning
rate and the schedule of beta are ours (the paper tunes them on validation text). The baseline drops no words.
Annealing ends at a share of the run, where beta is exactly 1. The code gives hidden and cell state, through
tanh. A dropped word is read as UNK, which the decoder may also write if the training text has it. An optional
extra: free nats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor

from seqgan_kit.core.bounds import Cap, Positive, UpTo1, Weight, bounded
from seqgan_kit.core.game import Batch, Epochs, Game, Loss, Move, Phase, Turn, spread_evenly
from seqgan_kit.core.gaussian_codes import divergence_from_prior, drawn_code
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.latent_lstm import LatentLSTM
from seqgan_kit.sequences.maximum_likelihood import mle_loss

ROUNDS_AN_EPOCH = 4
"""Rounds, in which beta is constant, in an epoch."""
REMEDY = "Keep fewer words (--kept-words), anneal longer (--annealed-share) or give --free-nats."
"""Advice of the alarm for a collapsed posterior."""
_STEEPNESS = 12.0


@dataclass(frozen=True)
@bounded
class TextVAEMethod:
    """Settings of the sentence VAE."""

    batch_size: Positive = 64
    """Sentences per batch."""
    mle_epochs: Weight = 120.0
    """Epochs of training; fractions are allowed."""
    learning_rate: Weight = 1e-3
    """Adam's learning rate of encoder and decoder, and of the baseline (the paper does not state it)."""
    clip_norm: Cap = 5.0
    """Largest gradient norm; larger gradients are scaled down to it."""
    annealing: Literal["sigmoid", "linear", "none"] = "sigmoid"
    """Way in which beta, the weight of the KL term, rises (the paper: sigmoid). none: 1 from the start."""
    annealed_share: UpTo1 = 0.5
    """Share of training after which beta is 1."""
    kept_words: UpTo1 = 0.25
    """Share of the words that the decoder reads in training; the others are UNK. 1: no word dropout; 0: a
    decoder without inputs (the paper: 0.25 for its model of books)."""
    free_nats: Weight = 0.0
    """Divergence of the codes, in nats a sentence, below which the KL term has no gradient (Kingma et al.
    2016: free bits); against collapse. 0: none, as in the paper."""
    most_work: Weight = 0.0
    """Most work that training may take on your text, as a multiple of its work on the bundled captions;
    preset lengths are shortened to fit (0: never). Lengths given as flags are kept."""


def annealed(progress: float, share: float, way: str) -> float:
    """Return beta: 0 at the start, exactly 1 from ``share`` of the run on; sigmoid or linear between."""
    done = min(1.0, progress / share) if share else 1.0
    if way == "none":
        return 1.0
    if way == "linear":
        return done
    edge = 1 / (1 + math.exp(_STEEPNESS / 2))
    rise = 1 / (1 + math.exp(-_STEEPNESS * (done - 0.5)))
    return (rise - edge) / (1 - 2 * edge) if done < 1 else 1.0


def dropped_words(rows: Tensor, kept: float, unknown: int, rng: torch.Generator) -> Tensor:
    """Return rows [N,T] in which each token is ``unknown`` with probability 1 - kept."""
    drawn = torch.rand(rows.shape, generator=rng, device=rng.device).to(rows.device)
    return torch.where(drawn < kept, rows, unknown)


class TextVAE(Game[LatentLSTM]):
    """A game of a sentence VAE and an LSTM without a code."""

    def __init__(
        self,
        generator: LatentLSTM,
        baseline: SequenceGenerator,
        method: TextVAEMethod,
        unknown: int,
    ):
        super().__init__({"generator": generator, "baseline": baseline})
        self.method, self.unknown = method, unknown

    def evidence_loss(self, batch: Batch, move: Move) -> Loss:
        """Return minus the ELBO in nats per sentence, its KL term weighted by beta."""
        rows, generator = batch["real"], self.generator
        mean, log_variance = generator.posterior(rows)
        codes = drawn_code(mean, log_variance, move.rng)
        shown = dropped_words(rows, self.method.kept_words, self.unknown, move.rng)
        decoder = generator.decoder.reading(codes, shown)
        mask = generator.token_mask(rows)
        likelihood = decoder.weighted_log_prob(decoder.numbered(rows), mask) / len(rows)
        divergence = divergence_from_prior(mean, log_variance).sum(1).mean()
        beta = annealed(move.progress, self.method.annealed_share, self.method.annealing)
        logs: dict[str, Tensor | float] = {
            "reconstruction": likelihood,
            "sentence_divergence": divergence,
            "sentence_elbo": likelihood - divergence,
            "beta": beta,
        }
        costly = divergence.clamp(min=self.method.free_nats)
        return Loss(beta * costly - likelihood, logs)

    def baseline_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the negative log-likelihood per token of the LSTM without a code."""
        loss = mle_loss(cast(SequenceGenerator, self.players["baseline"]), batch)
        return Loss(loss.total, {"baseline_nll": loss.total})


def build(
    generator: LatentLSTM, baseline: SequenceGenerator, method: TextVAEMethod, unknown: int
) -> TextVAE:
    """Return the game; ``unknown`` is the id that stands for dropped words."""
    return TextVAE(generator, baseline, method, unknown)


def phases(method: TextVAEMethod) -> tuple[Phase, ...]:
    """Return one phase that trains both; a round is a quarter of an epoch."""
    optimizer = Optimizer(method.learning_rate, clip_norm=method.clip_norm)
    rounds = max(1, math.ceil(method.mle_epochs * ROUNDS_AN_EPOCH))
    moves = Epochs(method.mle_epochs / rounds)
    every = spread_evenly(rounds)
    turns = (
        Turn(("generator",), loss="evidence_loss", optimizer=optimizer, moves=moves),
        Turn(("baseline",), loss="baseline_loss", optimizer=optimizer, moves=moves),
    )
    return (
        Phase(
            "evidence", turns, rounds=rounds, evaluate_every_rounds=every, sample_every_rounds=every
        ),
    )
