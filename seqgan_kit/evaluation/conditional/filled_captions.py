"""Exact scores of fills: the cat world's distribution of captions that agree with a caption with blanks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from seqgan_kit.data.catworld import CatWorld
from seqgan_kit.data.text.source_vocabulary import BLANK
from seqgan_kit.data.text.text_corpus import TextCorpus
from seqgan_kit.data.text.tokenizer import EOS, UNK
from seqgan_kit.evaluation.conditional.answer_scores import source_lines
from seqgan_kit.evaluation.corpora.held_out import likelihood_columns, row_log_probs
from seqgan_kit.evaluation.score_tables import Column, column
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics import divergences as exact
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.statistics.nll import nll_estimates

Scores = dict[str, Estimate]


@dataclass(frozen=True)
class FilledCaptions:
    """Captions of the cat world with blanks; P(x | m) = P(x) / P(captions that agree with m) is known.

    Divergences are means over texts with blanks, as for the world's other tasks.
    """

    world: CatWorld
    has_words: bool = True

    def scores(self, corpus: TextCorpus, generator: nn.Module, tokens: Tensor) -> Scores:
        """Compute the scores of filled rows [N,2T]."""
        log_p = self._log_prob(corpus, tokens)
        log_g = row_log_probs(generator, tokens)
        test = corpus.test[: len(tokens)]
        test = test[~test.eq(UNK).any(1)]
        of_test = self._log_prob(corpus, test), row_log_probs(generator, test)
        divergences = exact.all_divergences(log_g, log_p, *of_test)
        return {"validity": exact.validity(log_p), **divergences}

    def curves(self, corpus: TextCorpus, generator: nn.Module, tokens: Tensor) -> Scores:
        """Compute the same measures during training."""
        return self.scores(corpus, generator, tokens)

    def real_scores(
        self, corpus: TextCorpus, count: int, rng: np.random.Generator
    ) -> tuple[Scores, list[str]]:
        """Return validity and likelihood of the test captions themselves, and new captions."""
        test = corpus.test[~corpus.test.eq(UNK).any(1)][:count]
        log_p = self._log_prob(corpus, test)
        blanks = [line.split().count(BLANK) for line in source_lines(corpus, test)]
        per_blank, per_text = nll_estimates(log_p, np.array(blanks, dtype=np.float64))
        scores = {"nll_test_token": per_blank, "nll_test": per_text}
        return {"validity": exact.validity(log_p), **scores}, self.world.sample_many(count, rng)

    def columns(self, samples: int, references: int) -> list[Column]:
        """Return the columns of the table before those of n-grams."""
        n, refs = samples, references
        return [
            column("reverse_kl", "reverse KL", "lower", 3, Signature("reverse_kl|fill", hyps=n)),
            column("forward_kl", "forward KL", "lower", 3, Signature("forward_kl|fill", refs=refs)),
            column("skewed_kl", "skewed KL", "lower", 3, Signature("kl(g|.99p+.01g)|fill", hyps=n)),
            column("jensen_shannon", "JS", "lower", 4, Signature("js|fill", refs=refs, hyps=n)),
            column("validity", "validity", "higher", 3, Signature("validity|fill", hyps=n)),
            *likelihood_columns(references),
        ]

    def notes(self, corpus: TextCorpus, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return the notes below the table."""
        return [
            "NLL is that of the blanks of test captions; exp(NLL test/token) is the perplexity of a blank. "
            "That of real data is exact, the minimum over all generators. Validity is the share of filled "
            "captions that the world can write; divergences are means over captions with blanks."
        ]

    def _log_prob(self, corpus: TextCorpus, rows: Tensor) -> NDArray[np.float64]:
        """Return log P(x | m) [N] of rows [N,2T]; -inf for texts that are no captions or have no end."""
        written = rows[:, corpus.given :]
        lines = [corpus.tokenizer.decode(row) for row in written.tolist()]
        log_p = np.where(written.eq(EOS).any(1).cpu(), self.world.log_prob_many(lines), -np.inf)
        agreeing = [_agreeing(self.world, line) for line in source_lines(corpus, rows.cpu())]
        return np.asarray(log_p - np.array(agreeing))


# Samples and test captions have the same blanks, in every evaluation.
@lru_cache(maxsize=50_000)
def _agreeing(world: CatWorld, source: str) -> float:
    words = [None if word == BLANK else word for word in source.split()]
    nothing = not any(words)  # The end is open, so captions of all lengths agree.
    return 0.0 if nothing else world.log_prob_with_blanks(words)
