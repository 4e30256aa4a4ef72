"""Exact scores of conditional generators on the tasks of the cat world."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from seqgan_kit.data.catworld.tasks.world_task import Task
from seqgan_kit.data.text.text_corpus import TextCorpus
from seqgan_kit.data.text.tokenizer import EOS, UNK
from seqgan_kit.evaluation.conditional.answer_scores import sources_of_rows
from seqgan_kit.evaluation.corpora.held_out import (
    has_likelihood,
    likelihood_columns,
    row_log_probs,
)
from seqgan_kit.evaluation.score_tables import Column, column
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics import divergences as exact
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.statistics.nll import nll_estimates

Scores = dict[str, Estimate]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class TaskWorld:
    """A task of the cat world as a known distribution of targets for each source.

    Samples and test pairs are compared source by source, and divergences are means over sources::

        forward KL = E_s KL(P(. | s) || G(. | s)),   reverse KL = E_s KL(G(. | s) || P(. | s))
    """

    task: Task
    has_words: bool = True

    def scores(self, corpus: TextCorpus, generator: nn.Module, tokens: Tensor) -> Scores:
        """Compute the scores of the rows of ``drawn_rows``; without a likelihood, no divergences."""
        written = tokens[:, corpus.given :]
        lines = [corpus.tokenizer.decode(row) for row in written.tolist()]
        # A row without an end is no sentence, whatever its words are.
        ended = written.eq(EOS).any(1).tolist()
        lines = [line if whole else "" for line, whole in zip(lines, ended, strict=True)]
        log_p = self.task.log_prob_many(lines, sources_of_rows(corpus, len(lines)))
        seen = self._of_lines(lines, log_p)
        if not has_likelihood(generator):
            return seen
        log_g = row_log_probs(generator, tokens)
        real_log_p, real_log_g = self._of_test(corpus, generator, len(lines))
        return seen | exact.all_divergences(log_g, log_p, real_log_p, real_log_g)

    def line_scores(self, lines: Sequence[str], sources: Sequence[str]) -> Scores:
        """Return validity and faithfulness of lines, one for each source."""
        return self._of_lines(lines, self.task.log_prob_many(lines, sources))

    def _of_lines(self, lines: Sequence[str], log_p: NDArray[np.float64]) -> Scores:
        known = [0.0 if self.task.is_target(line) else -math.inf for line in lines]
        return {"validity": exact.validity(known), "faithfulness": exact.validity(log_p)}

    def curves(self, corpus: TextCorpus, generator: nn.Module, tokens: Tensor) -> Scores:
        """Compute the same measures during training."""
        return self.scores(corpus, generator, tokens)

    def real_scores(
        self, corpus: TextCorpus, count: int, rng: np.random.Generator
    ) -> tuple[Scores, list[str]]:
        """Return the measures of new targets for the test sources, and these targets."""
        sources = sources_of_rows(corpus, count)
        lines = [self.task.sample(source, rng) for source in sources]
        log_p = self.task.log_prob_many(lines, sources)
        lengths = np.array([len(line.split()) + 1.0 for line in lines])  # with the end
        per_token, per_target = nll_estimates(log_p, lengths)
        scores = {"nll_test_token": per_token, "nll_test": per_target}
        return self._of_lines(lines, log_p) | scores, lines

    def columns(self, samples: int, references: int) -> list[Column]:
        """Return the columns of the table before those of BLEU."""
        n, refs = samples, references
        given = f"given:catworld:{self.task.name}"
        of_samples = (f"{name}|{given}" for name in ("reverse_kl|valid", "kl(g|.99p+.01g)"))
        reverse, skewed = (Signature(name, hyps=n) for name in of_samples)
        valid, faithful = (Signature(f"{x}|{given}", hyps=n) for x in ("validity", "faithfulness"))
        forward = Signature(f"forward_kl|{given}", refs=refs)
        shannon = Signature(f"js|{given}", refs=refs, hyps=n)
        return [
            column("reverse_kl", "reverse KL", "lower", 3, reverse),
            column("forward_kl", "forward KL", "lower", 3, forward),
            column("skewed_kl", "skewed KL", "lower", 3, skewed),
            column("jensen_shannon", "JS", "lower", 4, shannon),
            column("validity", "validity", "higher", 3, valid),
            column("faithfulness", "faithfulness", "higher", 3, faithful),
            *likelihood_columns(references),
        ]

    def notes(self, corpus: TextCorpus, rows: Rows) -> list[str]:
        """Return the notes below the table."""
        notes = [
            f"The task is {self.task.about}; P(target | source) is known, and divergences are means over the "
            "test sources. Validity is the share of outputs that are sentences of the task, faithfulness "
            "that of outputs which are also possible after their source: they say nothing false of it. "
            "Reverse KL measures the faithful outputs only, skewed KL and JS all outputs, forward KL what "
            "the generator misses. The NLL of real data is the entropy of the task, the minimum of NLL test."
        ]
        if unknown := int((~_known(corpus)).sum()):
            notes.append(
                f"{unknown} of {len(corpus.test)} test pairs contain a word that the training pairs lack. "
                "Forward KL leaves them out."
            )
        return notes

    def _of_test(
        self, corpus: TextCorpus, generator: nn.Module, most: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return log P and log G of the first test pairs that have no unknown word."""
        count = min(most, len(corpus.test_lines))
        known = _known(corpus)[:count]
        log_p = self.task.log_prob_many(corpus.test_lines[:count], corpus.sources["test"][:count])
        return log_p[known], row_log_probs(generator, corpus.test[:count])[known]


def _known(corpus: TextCorpus) -> NDArray[np.bool_]:
    return ~corpus.test.eq(UNK).any(1).numpy()
