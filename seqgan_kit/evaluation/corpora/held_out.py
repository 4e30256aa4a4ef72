"""The likelihood of rows under a generator that has one: per token and per sequence."""

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
"""16 MiB of them: with more, memory is waited for."""

Floats = NDArray[np.float64]


def has_likelihood(generator: nn.Module) -> bool:
    """Whether a row's probability is known: not so where noise becomes a whole row at once."""
    return hasattr(generator, "sequence_log_prob")


def row_log_probs(generator: nn.Module, tokens: Tensor) -> Floats:
    """Log-probability [N] of each row of ``tokens`` [N,T]."""
    known = cast(SequenceGenerator, generator)
    chunk_rows = LOGITS_AT_ONCE // (known.vocabulary * tokens.shape[1])
    return np.asarray(sequence_log_probs(known, tokens, max(1, min(1024, chunk_rows))).numpy())


def held_out_nll(generator: nn.Module, rows: Tensor) -> tuple[Estimate, Estimate]:
    """Of real rows [N,T] under a generator: nats per token, PAD not counted, and per sequence."""
    counts = cast(SequenceGenerator, generator).token_mask(rows).sum(1).double().cpu().numpy()
    return nll_estimates(row_log_probs(generator, rows), counts)


def likelihood_of_test(generator: nn.Module, corpus: TextCorpus) -> dict[str, Estimate]:
    """The test split's; nothing without a likelihood or a test."""
    if len(corpus.test) < 2 or not has_likelihood(generator):
        return {}
    per_token, per_sequence = held_out_nll(generator, corpus.test)
    return {"nll_test_token": per_token, "nll_test": per_sequence}


def likelihood_columns(references: int) -> list[Column]:
    """The columns of :func:`likelihood_of_test`."""
    signature = Signature("nll|token", refs=references), Signature("nll|sentence", refs=references)
    return [
        column("nll_test_token", "NLL test/token", "lower", 3, signature[0]),
        column("nll_test", "NLL test", "lower", 2, signature[1]),
    ]
