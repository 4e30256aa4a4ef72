"""Worlds with a known distribution, in which generators are scored exactly.

The cat world is a grammar, so sentences outside it have probability 0. The oracle of the SeqGAN paper is an
LSTM, so every sequence has some probability.
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
"""Number of captions in the head of the cat world's distribution."""
ENTROPY_ROWS = 2000
"""Rows over which an oracle's entropy is averaged."""

Scores = dict[str, Estimate]
Rows = Sequence[Mapping[str, Any]]


class World(Protocol):
    """Interface of a known distribution for the scorer."""

    @property
    def has_words(self) -> bool:
        """Return whether the tokens are words, for BLEU."""

    def scores(self, corpus: TextCorpus, generator: nn.Module, tokens: Tensor) -> Scores:
        """Compute the exact measures of a generator and its samples [N,T], as far as they exist."""

    def curves(self, corpus: TextCorpus, generator: nn.Module, tokens: Tensor) -> Scores:
        """Compute the measures that are logged during training."""

    def real_scores(
        self, corpus: TextCorpus, count: int, rng: np.random.Generator
    ) -> tuple[Scores, list[str]]:
        """Return the same measures of the world itself, and sentences of it that are not the references."""

    def columns(self, samples: int, references: int) -> list[Column]:
        """Return the columns of the table before those of n-grams."""

    def notes(self, corpus: TextCorpus, rows: Rows) -> list[str]:
        """Return the notes below the table."""


@dataclass(frozen=True)
class CatCaptions:
    """Captions of the bundled cat world: validity, coverage, and divergences of whole sentences."""

    world: CatWorld
    has_words: bool = True

    def scores(self, corpus: TextCorpus, generator: nn.Module, tokens: Tensor) -> Scores:
        lines = [corpus.tokenizer.decode(row) for row in tokens.tolist()]
        log_p = self.world.log_prob_many(lines)
        # A row without an end is not a caption, whatever its words are.
        log_p = np.where(tokens.eq(EOS).any(1).cpu().numpy(), log_p, -np.inf)
        seen = {"validity": exact.validity(log_p), "coverage": self._coverage(lines)}
        if not has_likelihood(generator):
            return seen
        log_g = row_log_probs(generator, tokens)
        real_log_p, real_log_g = self._real_log_probs(corpus, generator, len(lines))
        return seen | exact.all_divergences(log_g, log_p, real_log_p, real_log_g)

    def curves(self, corpus: TextCorpus, generator: nn.Module, tokens: Tensor) -> Scores:
        scores = self.scores(corpus, generator, tokens)
        del scores[
            "coverage"
        ]  # Coverage grows with the sample, so a curve would not agree with the table.
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
            f"The entropy of the world is {self.world.entropy():.2f} nats per sentence, the "
            "minimum of NLL test. Skewed KL, JS and validity measure all samples, reverse "
            "KL the valid samples only. Forward KL and coverage measure what the generator "
            "misses. Coverage grows with the sample, so compare it with the real row."
        ]
        if unknown := int((~_known(corpus)).sum()):
            notes.append(
                f"{unknown} of {len(corpus.test)} test sentences contain a word that the "
                "training text lacks. Forward KL leaves them out, because with them it "
                "would be infinite for every generator."
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
    """Return which test sentences the generator can write: those without unknown words."""
    return ~corpus.test.eq(UNK).any(1).numpy()


@dataclass(frozen=True)
class OracleWorld:
    """Oracle of the SeqGAN paper: NLL_oracle beside its entropy, and divergences per token."""

    oracle: SequenceGenerator
    has_words: bool = False

    @cached_property
    def entropy(self) -> Estimate:
        """Return the oracle's entropy in nats per token, the NLL_oracle of perfect samples."""
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
        assert reverse is not None  # Every sequence has some probability under the oracle.
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
            f"The oracle's entropy is {own.value:.3f} ± {own.standard_error:.3f} nats per token, "
            f"{own.value * self.oracle.length:.2f} per sequence: the NLL oracle of perfect "
            "samples and the minimum of NLL test. NLL oracle rewards collapse, so read it "
            "beside NLL test or reverse KL, which counts the generator's lost entropy."
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
            f"{row['name']} has an NLL oracle of {value:.3f} per token, below the oracle's "
            "entropy: its samples are sharper than the data; see NLL test."
        )

    def _judge(self, tokens: Tensor) -> NDArray[np.float64]:
        # Move the oracle to the samples' device, because on the CPU it would be slow.
        return row_log_probs(self.oracle.to(tokens.device), tokens)

    def _nll(self, log_p: NDArray[np.float64]) -> Scores:
        lengths = np.full(len(log_p), float(self.oracle.length))
        token, sequence = nll_estimates(log_p, lengths)
        return {"nll_oracle": token, "nll_oracle_sequence": sequence}

    def _a_token(self, whole: Estimate) -> Estimate:
        length = self.oracle.length
        return Estimate(whole.value / length, whole.standard_error / length)


def sampling_seed(world: World | None, seed: int) -> int:
    """Return the seed of the scored samples.

    An oracle's rows and a generator's samples are drawn alike. With the same random numbers, a trained
    generator would reproduce its own training rows.
    """
    return mixed_seed(seed, *b"scored samples") if isinstance(world, OracleWorld) else seed
