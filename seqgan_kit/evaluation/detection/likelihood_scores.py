r"""Anomaly scores of token rows by what a generator knows of likelihoods, in nats.

    surprise of a token        - log p(y_t | y_<t)                         autoregressive generators
    surprise                   the sum over the line and its end: - log p(y)
    reconstruction             - log p(y | z), z the mean code of y          sentence VAEs
    bound                      the negative importance-weighted bound from 10 draws

with ``mean_`` and ``largest_`` over tokens. The sum grows with the length of the line, the mean hides one
wrong token among many right ones, and the largest is that token alone. The bound of a model without
an order of tokens has no tokens.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.evaluation.saved.generator_description import TextGenerator
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.latent_lstm import LatentLSTM
from seqgan_kit.sequences.generators.masked_denoiser import MaskedDenoiser

DRAWS = 10


class RowScores(NamedTuple):
    """Scores of rows, higher for more anomalous ones."""

    scores: dict[str, Tensor]
    """Name -> values [N]."""
    tokens: Tensor | None
    """Surprises [N,T] of the tokens, 0 after the end; None if the model has none."""


@torch.no_grad()
def likelihood_scores(generator: TextGenerator, rows: Tensor, rng: torch.Generator) -> RowScores:
    """Return the scores of rows [N,T]; empty for a generator that maps noise to whole rows."""
    with evaluating(generator):
        if isinstance(generator, SequenceGenerator):
            surprises = -generator.log_probs(rows)
            return RowScores(
                _over_tokens("surprise", surprises, generator.token_mask(rows)), surprises
            )
        if not isinstance(generator, LatentLSTM | MaskedDenoiser):
            return RowScores({}, None)
        bound = {"bound": -generator.bounds(rows, DRAWS, rng)[1]}
        if not isinstance(generator, LatentLSTM):
            return RowScores(bound, None)
        decoder = generator.decoder.reading(generator.posterior(rows)[0])
        surprises = -decoder.log_probs(decoder.numbered(rows))
        mask = generator.token_mask(rows)
        return RowScores(bound | _over_tokens("reconstruction", surprises, mask), surprises)


def _over_tokens(name: str, surprises: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Return sum, mean and maximum [N] of the surprises [N,T] of the tokens of a mask [N,T]."""
    total = (surprises * mask).sum(1)
    return {
        name: total,
        f"mean_{name}": total / mask.sum(1),
        f"largest_{name}": surprises.masked_fill(~mask, 0.0).amax(1),
    }
