"""What a text generator is measured by: during the run, and in the table at its end.

In the cat world probabilities are known on both sides, so divergences, validity and coverage are exact up to
sampling error; on other text the held-out likelihood and the n-gram scores remain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqgan_kit.core.game import Game
from seqgan_kit.data.catworld import CatWorld
from seqgan_kit.data.text import TextCorpus
from seqgan_kit.data.tokenizers import UNK
from seqgan_kit.metrics import divergences as exact
from seqgan_kit.metrics.bleu import bleu, self_bleu
from seqgan_kit.metrics.divergences import Estimate
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.sequences.autoregressive import SequenceGenerator
from seqgan_kit.sequences.likelihood import sequence_log_probs

ORDERS = (2, 3, 4, 5)
HEAD = 1000
"""Captions in the head of the cat world's distribution."""


@dataclass(frozen=True)
class ScoreSettings:
    """How much is drawn for scoring."""

    score_samples: int = 5000
    """Samples for each row of the final table."""
    evaluation_samples: int = 1000
    """Samples for each evaluation during the run."""


def text_scorer(source: str, corpus: TextCorpus, settings: ScoreSettings) -> TextScorer:
    """The scorer that fits a text source: the bundled cat world's distribution is known."""
    world = CatWorld() if source == "catworld" else None
    return TextScorer(corpus, world, settings)


@dataclass(frozen=True)
class TextScorer:
    """Scores generators against a corpus, and against the cat world if that is where the corpus is from.

    Attributes:
        corpus: what the generator was trained on; its test split is the reference.
        world: the known distribution, if there is one.
        settings: how many samples each score uses.
    """

    corpus: TextCorpus
    world: CatWorld | None = None
    settings: ScoreSettings = ScoreSettings()

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """The evaluation hook: held-out likelihood, exact measures, diversity."""
        generator = cast(SequenceGenerator, game.players["generator"])
        tokens = generator.sample(self.settings.evaluation_samples, rng=rng)
        scores = self.exact_scores(generator, tokens)
        scores.pop(
            "coverage", None
        )  # it grows with the sample, so it fits no curve beside the table
        values = {name: estimate.value for name, estimate in scores.items()}
        if len(self.corpus.valid):
            count = generator.token_mask(self.corpus.valid).sum()
            nll = -sequence_log_probs(generator, self.corpus.valid).sum() / count
            values = {"nll_valid": nll.item(), **values}
        return {**values, "diversity": diversity(self._words(tokens))}

    def draw_lines(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """The sampling hook: a few lines as text."""
        tokens = cast(SequenceGenerator, game.players["generator"]).sample(50, rng=rng)
        lines = (f"{line}\n" for line in self.lines(tokens))
        path.with_suffix(".txt").write_text("".join(lines), encoding="utf-8")

    def real_diversity(self) -> float:
        """The diversity of as many real sentences."""
        words = [self.corpus.tokenizer.words(line) for line in self.corpus.train_lines]
        return diversity(words[: self.settings.evaluation_samples])

    def rows(self, generators: Mapping[str, nn.Module], seed: int) -> list[dict[str, Any]]:
        """The final table's rows: each generator, then real data."""
        rows = [self.row(name, cast(SequenceGenerator, g), seed) for name, g in generators.items()]
        return [*rows, self.real_row(np.random.default_rng(seed))]

    def row(self, name: str, generator: SequenceGenerator, seed: int) -> dict[str, Any]:
        """A generator's row."""
        rng = torch.Generator(next(generator.parameters()).device).manual_seed(seed)
        tokens = generator.sample(self.settings.score_samples, rng=rng)
        scores = self.exact_scores(generator, tokens) | self._likelihood(generator)
        return _row(name, scores | self._ngram_scores(self._words(tokens)))

    def real_row(self, rng: np.random.Generator) -> dict[str, Any]:
        """The same scores for real sentences that are not the references: what could be reached."""
        if self.world is None:
            lines = self.corpus.valid_lines[: self.settings.score_samples]
            return _row("real data", self._ngram_scores(self._split(lines)))
        lines = self.world.sample_many(self.settings.score_samples, rng)
        log_p = self.world.log_prob_many(lines)
        head = [log_p for _, log_p in self.world.head(HEAD)]
        coverage = exact.expected_head_coverage(head, len(lines))
        scores = {"validity": exact.validity(log_p), "coverage": coverage}
        return _row("real data", scores | self._ngram_scores(self._split(lines)))

    def exact_scores(self, generator: SequenceGenerator, tokens: Tensor) -> dict[str, Estimate]:
        """Validity, both divergences and coverage, where the world is known."""
        if self.world is None:
            return {}
        lines = self.lines(tokens)
        log_p = self.world.log_prob_many(lines)
        # A row that never ended is no caption, whatever its words say.
        ended = tokens.eq(cast(int, generator.eos)).any(1).cpu().numpy()
        log_p = np.where(ended, log_p, -np.inf)
        log_g = sequence_log_probs(generator, tokens).numpy()
        real_log_p, real_log_g = self._real_log_probs(generator, len(lines))
        reverse = exact.reverse_kl(log_g, log_p)
        return {
            "validity": exact.validity(log_p),
            "coverage": self._coverage(lines),
            "forward_kl": exact.forward_kl(real_log_p, real_log_g),
            "jensen_shannon": exact.jensen_shannon(log_g, log_p, real_log_p, real_log_g),
            "skewed_kl": exact.skewed_reverse_kl(log_g, log_p),
            # Without one valid sentence there is no law of valid ones: as far from the world as can be.
            "reverse_kl": reverse or Estimate(math.inf, 0.0),
        }

    def lines(self, tokens: Tensor) -> list[str]:
        """Token rows as text."""
        return [self.corpus.tokenizer.decode(row) for row in tokens.tolist()]

    def record(self, title: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The table of scores.json."""
        notes = [
            f"{self.settings.score_samples} samples a row; ± is the standard error of the sampling."
        ]
        if self.world is not None:
            notes.append(
                f"The world's own entropy is {self.world.entropy():.2f} nats a sentence: the floor of the "
                "test likelihood. Skewed KL, JS and validity judge all that a generator writes, reverse KL "
                "its valid sentences alone; forward KL and coverage tell what it no longer says. Coverage "
                "grows with the sample, so compare it with the real row."
            )
            if unknown := int((~self._known()).sum()):
                notes.append(
                    f"{unknown} of {len(self.corpus.test)} test sentences hold a word that the training text "
                    "lacks. Forward KL leaves them out: with them it would be infinite for any generator."
                )
        if self.corpus.tokenizer.kind in ("unigram", "bpe"):
            notes.append(
                "Likelihoods are those of one segmentation into pieces, so they bound the text's from below."
            )
        shown = [c for c in self._columns() if any(c["key"] in row["values"] for row in rows)]
        return {"title": title, "columns": shown, "rows": list(rows), "notes": notes}

    def _real_log_probs(self, generator: SequenceGenerator, most: int) -> tuple[Any, Any]:
        assert self.world is not None
        count = min(most, len(self.corpus.test_lines))
        log_p = self.world.log_prob_many(self.corpus.test_lines[:count])
        log_g = sequence_log_probs(generator, self.corpus.test[:count]).numpy()
        known = self._known()[:count]
        return log_p[known], log_g[known]

    def _known(self) -> NDArray[np.bool_]:
        """Which test sentences G could write: those without a word outside its vocabulary."""
        return ~self.corpus.test.eq(UNK).any(1).numpy()

    def _likelihood(self, generator: SequenceGenerator) -> dict[str, Estimate]:
        """Mean negative log-probability of a test sentence, nats a sentence; nothing without a test."""
        if len(self.corpus.test) < 2:
            return {}
        nll = -sequence_log_probs(generator, self.corpus.test).numpy()
        error = float(nll.std(ddof=1) / np.sqrt(len(nll)))
        return {"nll_test": Estimate(float(nll.mean()), error)}

    def _coverage(self, lines: Sequence[str]) -> Estimate:
        assert self.world is not None
        head = self.world.head(HEAD)
        counts = exact.head_counts(lines, [caption for caption, _ in head])
        return exact.head_coverage([log_p for _, log_p in head], counts, len(lines))

    def _ngram_scores(self, sentences: Sequence[Sequence[str]]) -> dict[str, Estimate]:
        """BLEU against the test split and Self-BLEU, each where there is enough to compute it from."""
        references = self._split(self.corpus.test_lines)
        scores: dict[str, float] = {}
        if references and sentences:
            scores |= {f"bleu{n}": v for n, v in bleu(sentences, references, ORDERS).items()}
        if len(sentences) > 1:
            scores |= {f"self_bleu{n}": v for n, v in self_bleu(sentences, ORDERS).items()}
        return {name: Estimate(value, float("nan")) for name, value in scores.items()}

    def _words(self, tokens: Tensor) -> list[list[str]]:
        return self._split(self.lines(tokens))

    def _split(self, lines: Sequence[str]) -> list[list[str]]:
        return [self.corpus.tokenizer.words(line) for line in lines]

    def _columns(self) -> list[dict[str, Any]]:
        n, refs = self.settings.score_samples, len(self.corpus.test_lines)
        tok = self.corpus.tokenizer.kind
        columns = [
            _column("reverse_kl", "reverse KL", "lower", 2, Signature("reverse_kl|valid", hyps=n)),
            _column("forward_kl", "forward KL", "lower", 2, Signature("forward_kl", refs=n)),
            _column("skewed_kl", "skewed KL", "lower", 3, Signature("kl(g|.99p+.01g)", hyps=n)),
            _column("jensen_shannon", "JS", "lower", 4, Signature("js", refs=n, hyps=n)),
            _column("validity", "validity", "higher", 3, Signature("validity", hyps=n)),
            _column("coverage", "coverage", "higher", 3, Signature(f"head{HEAD}", hyps=n)),
            _column("nll_test", "NLL test", "lower", 2, Signature("nll|sentence", refs=refs)),
        ]
        for order in ORDERS:
            sign = Signature("bleu", (order,), "method1", refs, n, tok)
            columns.append(_column(f"bleu{order}", f"BLEU-{order}", "higher", 3, sign))
        for order in ORDERS:
            sign = Signature("self-bleu", (order,), "method1", "leave-one-out", n, tok)
            columns.append(_column(f"self_bleu{order}", f"S-BLEU-{order}", "lower", 3, sign))
        return columns


def diversity(sentences: Sequence[Sequence[str]]) -> float:
    """Distinct trigrams as a share of all: near 0 when a generator says one thing over and over."""
    trigrams = [tuple(s[i : i + 3]) for s in sentences for i in range(len(s) - 2)]
    return len(set(trigrams)) / len(trigrams) if trigrams else 0.0


def _column(key: str, label: str, better: str, digits: int, signature: Signature) -> dict[str, Any]:
    return {
        "key": key, "label": label, "better": better, "digits": digits, "signature": str(signature)
    }  # fmt: skip


def _row(name: str, scores: Mapping[str, Estimate]) -> dict[str, Any]:
    errors = {
        k: e.standard_error for k, e in scores.items() if e.standard_error == e.standard_error
    }
    return {"name": name, "values": {k: e.value for k, e in scores.items()}, "errors": errors}
