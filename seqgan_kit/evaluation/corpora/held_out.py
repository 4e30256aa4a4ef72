"""Held-out likelihood of a generator, per token and per sequence."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from seqgan_kit.data.text.text_corpus import TextCorpus
from seqgan_kit.evaluation.score_tables import Column, column
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.statistics.nll import nll_estimates
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.maximum_likelihood import sequence_log_probs

LOGITS_AT_ONCE = 1 << 22
"""Number of logits computed at once (16 MiB); more would wait for memory."""

Floats = NDArray[np.float64]


def has_likelihood(generator: nn.Module) -> bool:
    """Return whether the generator has a likelihood; generators of whole rows from noise have none."""
    return hasattr(generator, "sequence_log_prob")


def row_log_probs(generator: nn.Module, tokens: Tensor) -> Floats:
    """Return the log-probability [N] of each row of ``tokens`` [N,T]."""
    known = cast(SequenceGenerator, generator)
    chunk_rows = LOGITS_AT_ONCE // (known.vocabulary * tokens.shape[1])
    return np.asarray(sequence_log_probs(known, tokens, max(1, min(1024, chunk_rows))).numpy())


def held_out_nll(generator: nn.Module, rows: Tensor) -> tuple[Estimate, Estimate]:
    """Return the negative log-likelihood of real rows [N,T]: nats per token without PAD, and per sequence."""
    counts = cast(SequenceGenerator, generator).token_mask(rows).sum(1).double().cpu().numpy()
    return nll_estimates(row_log_probs(generator, rows), counts)


def likelihood_of_test(generator: nn.Module, corpus: TextCorpus) -> dict[str, Estimate]:
    """Return the likelihood scores of the test split; empty without a likelihood or a test split."""
    if len(corpus.test) < 2 or not has_likelihood(generator):
        return {}
    per_token, per_sequence = held_out_nll(generator, corpus.test)
    return {"nll_test_token": per_token, "nll_test": per_sequence}


def likelihood_columns(references: int) -> list[Column]:
    """Return the columns of :func:`likelihood_of_test`."""
    signature = Signature("nll|token", refs=references), Signature("nll|sentence", refs=references)
    return [
        column("nll_test_token", "NLL test/token", "lower", 3, signature[0]),
        column("nll_test", "NLL test", "lower", 2, signature[1]),
    ]
