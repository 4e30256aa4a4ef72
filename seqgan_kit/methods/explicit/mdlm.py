"""MDLM, masked diffusion language model (Sahoo, Arriola, Schiff, Gokaslan, Marroquin, Chiu, Rush, Kuleshov
2024: "Simple and Effective Masked Diffusion Language Models").

At time t of 0 to 1 each token is masked with probability t. A bidirectional network x fills in all masked
tokens M from the others:

    -log p(y) <= E over t of (1/t) sum_{i in M} -log x(y_i | y without M)
              = E over n of 1 .. T, M of n random places, of (T/n) sum_{i in M} -log x(y_i | y without M)
    samples: from time t to s < t, each masked token is drawn from x with probability (t - s) / t

Unmasked tokens stay as they are, and x gives the mask no probability. The second form has the same value,
with the number of masked tokens uniform in 1 to T: it is the mean over all orders in which the tokens can be
written one by one.

Differs from the paper: losses and bounds use the second form, which has less variance than random times; a
batch's numbers of masked tokens are spread evenly. Learned positions in place of rotary ones, torch's layers
in place of the paper's. No average of the weights (the authors' code has one with decay 0.9999). The bound
counts the PAD after EOS; the paper's text has none. The player ``baseline`` is an autoregressive LSTM, the
rival.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch

from seqgan_kit.core.bounds import Cap, Positive, Weight, bounded
from seqgan_kit.core.game import Batch, Epochs, Game, Loss, Move, Phase, Turn, spread_evenly
from seqgan_kit.core.optimizers import Optimizer, Schedule
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.masked_denoiser import MaskedDenoiser, random_places
from seqgan_kit.sequences.maximum_likelihood import mle_loss


@dataclass(frozen=True)
@bounded
class MDLMMethod:
    """Settings of masked diffusion."""

    batch_size: Positive = 512
    """Rows per batch (the paper: 512)."""
    mle_epochs: Weight = 120.0
    """Epochs of training; fractions are allowed (the paper counts a million updates)."""
    learning_rate: Weight = 3e-4
    """AdamW's learning rate of the denoiser (the paper: 3e-4)."""
    schedule: Schedule = "constant"
    """How both learning rates fall over training (the paper: constant after warm-up)."""
    warmup_moves: Positive = 2500
    """Updates in which the learning rate rises from 0 (the paper: 2,500)."""
    baseline_learning_rate: Weight = 3e-3
    """Adam's learning rate of the autoregressive baseline."""
    clip_norm: Cap = 1.0
    """Largest gradient norm; larger gradients are scaled down to it."""
    most_work: Weight = 0.0
    """Most work that training may take on your text, as a multiple of its work on the bundled captions;
    preset lengths are shortened to fit (0: never). Lengths given as flags are kept."""


class MDLM(Game[MaskedDenoiser]):
    """A game of a denoiser and an autoregressive baseline."""

    def __init__(self, generator: MaskedDenoiser, baseline: SequenceGenerator):
        super().__init__({"generator": generator, "baseline": baseline})

    def diffusion_loss(self, batch: Batch, move: Move) -> Loss:
        """Return an unbiased estimate of the bound of the negative log-likelihood, in nats per token.

        The one that is logged is in nats per row.
        """
        rows, generator = batch["real"], self.generator
        start = torch.rand(1, generator=move.rng, device=move.rng.device).to(rows.device)
        spread = torch.arange(len(rows), device=rows.device) / len(rows)
        count = ((start + spread) % 1 * generator.length).long() + 1
        hidden = random_places(count, generator.length, move.rng)
        found = generator.hidden_log_prob(rows, hidden).sum(1)
        loss = -(generator.length / count * found).mean()
        return Loss(loss / generator.length, {"diffusion_bound": loss})

    def baseline_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the negative log-likelihood per token of the autoregressive baseline."""
        loss = mle_loss(cast(SequenceGenerator, self.players["baseline"]), batch)
        return Loss(loss.total, {"baseline_nll": loss.total})


def build(generator: MaskedDenoiser, baseline: SequenceGenerator) -> MDLM:
    """Build the game from its players."""
    return MDLM(generator, baseline)


def phases(method: MDLMMethod) -> tuple[Phase, ...]:
    """Return one phase that trains both; a round is an epoch."""
    learn = Optimizer(
        method.learning_rate,
        "adamw",
        clip_norm=method.clip_norm,
        schedule=method.schedule,
        warmup_moves=method.warmup_moves,
    )
    beside = Optimizer(
        method.baseline_learning_rate, clip_norm=method.clip_norm, schedule=method.schedule
    )
    rounds = max(1, math.ceil(method.mle_epochs))
    moves = Epochs(method.mle_epochs / rounds)
    every = spread_evenly(rounds)
    turns = (
        Turn(("generator",), loss="diffusion_loss", optimizer=learn, moves=moves),
        Turn(("baseline",), loss="baseline_loss", optimizer=beside, moves=moves),
    )
    return (
        Phase(
            "diffusion",
            turns,
            rounds=rounds,
            evaluate_every_rounds=every,
            sample_every_rounds=every,
        ),
    )
