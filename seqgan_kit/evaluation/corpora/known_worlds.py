"""Worlds whose distribution is known, so that a generator of their rows is measured exactly.

The cat world is a grammar: what it never says has probability 0. The oracle of the SeqGAN paper is an LSTM:
it may say anything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqgan_kit.core.runs.runtime import mixed_seed
from seqgan_kit.data.catworld import CatWorld
from seqgan_kit.data.text.text_corpus import TextCorpus
from seqgan_kit.data.text.tokenizer import EOS, UNK
from seqgan_kit.evaluation.corpora.held_out import (
    has_likelihood,
    held_out_nll,
    likelihood_columns,
    row_log_probs,
)
from seqgan_kit.evaluation.score_tables import Column, column
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics import divergences as exact
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.statistics.nll import nll_estimates
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.worlds.oracle import oracle_entropy

HEAD = 1000
"""Captions in the head of the cat world's distribution."""
ENTROPY_ROWS = 2000
"""Rows along which an oracle's entropy is taken."""

Scores = dict[str, Estimate]
Rows = Sequence[Mapping[str, Any]]


class World(Protocol):
    """What the scorer asks of a known distribution."""

    @property
    def has_words(self) -> bool:
        """Whether its tokens are words, which BLEU could compare."""

    def scores(self, corpus: TextCorpus, generator: nn.Module, tokens: Tensor) -> Scores:
        """The exact measures of a generator and its samples [N,T]; those that it can have."""

    def curves(self, corpus: TextCorpus, generator: nn.Module, tokens: Tensor) -> Scores:
        """The measures that are followed during the run."""

    def real_scores(
        self, corpus: TextCorpus, count: int, rng: np.random.Generator
    ) -> tuple[Scores, list[str]]:
        """The same measures of the world itself, and lines of its own that are not the references."""

    def columns(self, samples: int, references: int) -> list[Column]:
        """The table's columns up to those of n-grams."""

    def notes(self, corpus: TextCorpus, rows: Rows) -> list[str]:
        """What a reader of these rows must know."""


@dataclass(frozen=True)
class CatCaptions:
    """The captions of the bundled cat world: validity, coverage, and divergences of whole sentences."""

    world: CatWorld
    has_words: bool = True

    def scores(self, corpus: TextCorpus, generator: nn.Module, tokens: Tensor) -> Scores:
        lines = [corpus.tokenizer.decode(row) for row in tokens.tolist()]
        log_p = self.world.log_prob_many(lines)
        # A row that never ended is no caption, whatever its words say.
        log_p = np.where(tokens.eq(EOS).any(1).cpu().numpy(), log_p, -np.inf)
        seen = {"validity": exact.validity(log_p), "coverage": self._coverage(lines)}
        if not has_likelihood(generator):
            return seen
        log_g = row_log_probs(generator, tokens)
        real_log_p, real_log_g = self._real_log_probs(corpus, generator, len(lines))
        reverse = exact.reverse_kl(log_g, log_p)
        return {
            **seen,
            "forward_kl": exact.forward_kl(real_log_p, real_log_g),
            "jensen_shannon": exact.jensen_shannon(log_g, log_p, real_log_p, real_log_g),
            "skewed_kl": exact.skewed_reverse_kl(log_g, log_p),
            # Without one valid sentence there is no law of valid ones: as far from the world as can be.
            "reverse_kl": reverse or Estimate(math.inf, 0.0),
        }

    def curves(self, corpus: TextCorpus, generator: nn.Module, tokens: Tensor) -> Scores:
        scores = self.scores(corpus, generator, tokens)
        del scores["coverage"]  # it grows with the sample, so it fits no curve beside the table
        return scores

    def real_scores(
        self, corpus: TextCorpus, count: int, rng: np.random.Generator
    ) -> tuple[Scores, list[str]]:
        lines = self.world.sample_many(count, rng)
        head = [log_p for _, log_p in self.world.head(HEAD)]
        coverage = exact.expected_head_coverage(head, count)
        validity = exact.validity(self.world.log_prob_many(lines))
        return {"validity": validity, "coverage": coverage}, lines

    def columns(self, samples: int, references: int) -> list[Column]:
        n, refs = samples, references
        return [
            column("reverse_kl", "reverse KL", "lower", 2, Signature("reverse_kl|valid", hyps=n)),
            column("forward_kl", "forward KL", "lower", 2, Signature("forward_kl", refs=refs)),
            column("skewed_kl", "skewed KL", "lower", 3, Signature("kl(g|.99p+.01g)", hyps=n)),
            column("jensen_shannon", "JS", "lower", 4, Signature("js", refs=refs, hyps=n)),
            column("validity", "validity", "higher", 3, Signature("validity", hyps=n)),
            column("coverage", "coverage", "higher", 3, Signature(f"head{HEAD}", hyps=n)),
            *likelihood_columns(references),
        ]

    def notes(self, corpus: TextCorpus, rows: Rows) -> list[str]:
        notes = [
            f"The world's own entropy is {self.world.entropy():.2f} nats a sentence: the floor of the "
            "test likelihood. Skewed KL, JS and validity judge all that a generator writes, reverse KL "
            "its valid sentences alone; forward KL and coverage tell what it no longer says. Coverage "
            "grows with the sample, so compare it with the real row."
        ]
        if unknown := int((~_known(corpus)).sum()):
            notes.append(
                f"{unknown} of {len(corpus.test)} test sentences hold a word that the training text "
                "lacks. Forward KL leaves them out: with them it would be infinite for any generator."
            )
        return notes

    def _real_log_probs(
        self, corpus: TextCorpus, generator: nn.Module, most: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        count = min(most, len(corpus.test_lines))
        known = _known(corpus)[:count]
        log_p = self.world.log_prob_many(corpus.test_lines[:count])
        return log_p[known], row_log_probs(generator, corpus.test[:count])[known]

    def _coverage(self, lines: Sequence[str]) -> Estimate:
        head = self.world.head(HEAD)
        counts = exact.head_counts(lines, [caption for caption, _ in head])
        return exact.head_coverage([log_p for _, log_p in head], counts, len(lines))


def _known(corpus: TextCorpus) -> NDArray[np.bool_]:
    """Which test sentences G could write: those without a word outside its vocabulary."""
    return ~corpus.test.eq(UNK).any(1).numpy()


@dataclass(frozen=True)
class OracleWorld:
    """The oracle of the SeqGAN paper: NLL_oracle beside its own entropy, and divergences per token."""

    oracle: SequenceGenerator
    has_words: bool = False

    @cached_property
    def entropy(self) -> Estimate:
        """The oracle's own, in nats per token: what NLL_oracle would be of perfect samples."""
        rng = torch.Generator().manual_seed(mixed_seed(*b"entropy"))
        return Estimate(*oracle_entropy(self.oracle, ENTROPY_ROWS, rng, chunk_rows=32))

    def scores(self, corpus: TextCorpus, generator: nn.Module, tokens: Tensor) -> Scores:
        log_p = self._judge(tokens)
        scores = self._nll(log_p)
        if not has_likelihood(generator) or not len(corpus.test):
            return scores
        of_test = row_log_probs(self.oracle, corpus.test), row_log_probs(generator, corpus.test)
        forward = exact.forward_kl(*of_test)
        reverse = exact.reverse_kl(row_log_probs(generator, tokens), log_p)
        assert reverse is not None  # the oracle may say anything
        return {
            **scores,
            "forward_kl": self._a_token(forward),
            "reverse_kl": self._a_token(reverse),
        }

    def curves(self, corpus: TextCorpus, generator: nn.Module, tokens: Tensor) -> Scores:
        return {"nll_oracle": self._nll(self._judge(tokens))["nll_oracle"]}

    def real_scores(
        self, corpus: TextCorpus, count: int, rng: np.random.Generator
    ) -> tuple[Scores, list[str]]:
        length = self.oracle.length
        whole = Estimate(self.entropy.value * length, self.entropy.standard_error * length)
        scores = {"nll_oracle": self.entropy, "nll_oracle_sequence": whole}
        if len(corpus.test) > 1:
            token, sequence = held_out_nll(self.oracle, corpus.test)
            scores |= {"nll_test_token": token, "nll_test": sequence}
        return scores, corpus.valid_lines[:count]

    def columns(self, samples: int, references: int) -> list[Column]:
        n, refs = samples, references
        per_token, per_sequence = likelihood_columns(references)
        oracle = [Signature(f"nll_oracle|{unit}", hyps=n) for unit in ("token", "sequence")]
        return [
            column("nll_oracle", "NLL oracle/token", "lower", 3, oracle[0]),
            per_token,
            column("nll_oracle_sequence", "NLL oracle", "lower", 2, oracle[1]),
            per_sequence,
            column("reverse_kl", "reverse KL/token", "lower", 3, Signature("reverse_kl", hyps=n)),
            column(
                "forward_kl", "forward KL/token", "lower", 3, Signature("forward_kl", refs=refs)
            ),
        ]

    def notes(self, corpus: TextCorpus, rows: Rows) -> list[str]:
        own = self.entropy
        notes = [
            f"The oracle's own entropy is {own.value:.3f} ± {own.standard_error:.3f} nats a token, "
            f"{own.value * self.oracle.length:.2f} a sequence: NLL oracle of perfect samples, and the floor "
            "of NLL test. NLL oracle alone rewards saying likely rows over and over, so read it beside NLL "
            "test; reverse KL counts what it forgives, the entropy that a generator lost."
        ]
        return [*notes, *(self._warning(row) for row in rows if self._too_sharp(row))]

    def _too_sharp(self, row: Mapping[str, Any]) -> bool:
        value = row["values"].get("nll_oracle", math.inf)
        error = math.hypot(
            row.get("errors", {}).get("nll_oracle", 0.0), self.entropy.standard_error
        )
        return bool(value < self.entropy.value - 2 * error)

    def _warning(self, row: Mapping[str, Any]) -> str:
        value = row["values"]["nll_oracle"]
        return (
            f"{row['name']} has an NLL oracle of {value:.3f} a token, below the oracle's own entropy: "
            "sharper than the data, see NLL test."
        )

    def _judge(self, tokens: Tensor) -> NDArray[np.float64]:
        # Where the samples are: an oracle left on the CPU would be waited for.
        return row_log_probs(self.oracle.to(tokens.device), tokens)

    def _nll(self, log_p: NDArray[np.float64]) -> Scores:
        lengths = np.full(len(log_p), float(self.oracle.length))
        token, sequence = nll_estimates(log_p, lengths)
        return {"nll_oracle": token, "nll_oracle_sequence": sequence}

    def _a_token(self, whole: Estimate) -> Estimate:
        length = self.oracle.length
        return Estimate(whole.value / length, whole.standard_error / length)


def sampling_seed(world: World | None, seed: int) -> int:
    """The seed of the samples that are scored.

    An oracle's rows and a generator's samples are drawn alike. From the same random numbers a generator
    would write, as far as it has learnt them, the very rows that it was trained on.
    """
    return mixed_seed(seed, *b"scored samples") if isinstance(world, OracleWorld) else seed
