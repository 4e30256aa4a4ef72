"""Scores of generators that write labels: accuracy, recall of each label, and log loss."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqgan_kit.core.bounds import Positive, bounded
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.core.game import Game
from seqgan_kit.core.training.alarms import Alarm
from seqgan_kit.data.text.encoding import pad_rows
from seqgan_kit.data.text.text_corpus import TextCorpus
from seqgan_kit.errors import DataError
from seqgan_kit.evaluation.corpora.held_out import row_log_probs
from seqgan_kit.evaluation.score_tables import Column, column, table_row
from seqgan_kit.evaluation.text_export import check_text_model, export_game
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.divergences import Estimate

MOST_LABELS = 20
"""Labels that a corpus may have; more of them look like texts."""
_SHOWN = 50

Floats = NDArray[np.float64]


@dataclass(frozen=True)
@bounded
class ClassifierScoreSettings:
    """Settings of the scores of a classifier."""

    evaluation_samples: Positive = 1000
    """Validation pairs of an evaluation during training."""
    score_samples: Positive = 2000
    """Test pairs of the final table."""


@dataclass(frozen=True)
class ClassifierScorer:
    """A scorer of generators that write a label after a source.

    A label's score is its share of the probability of all labels of the training split.
    """

    corpus: TextCorpus
    settings: ClassifierScoreSettings = field(default_factory=ClassifierScoreSettings)

    @cached_property
    def labels(self) -> list[str]:
        """Return all labels, sorted."""
        found = sorted(set(self.corpus.train_lines))
        if not 2 <= len(found) <= MOST_LABELS:
            raise DataError(
                f"the text has {len(found)} different labels; a classifier needs 2 to {MOST_LABELS}. Name "
                "the column of labels by --column and that of the two texts by --source-column."
            )
        strange = sorted({*self.corpus.valid_lines, *self.corpus.test_lines} - set(found))
        if strange:
            raise DataError(
                f"the held-out text has the label {strange[0]!r}, which no training pair has; the training "
                f"text has {', '.join(found)}."
            )
        return found

    def check(self, game: Game) -> None:
        """Refuse, before training, a text without labels or a generator that could not be saved."""
        check_text_model(game.generator)
        assert self.labels

    def log_shares(self, generator: nn.Module, rows: Tensor) -> Floats:
        """Return the log-probability of each label [N,L] after the sources of rows [N,S+T]."""
        corpus = self.corpus
        encoded = pad_rows([corpus.tokenizer.encode(x) for x in self.labels], corpus.length)
        given = rows[:, : corpus.given]
        each = given.repeat_interleave(len(encoded), 0), encoded.to(rows).repeat(len(given), 1)
        with evaluating(generator), torch.no_grad():
            joint = row_log_probs(generator, torch.cat(each, 1)).reshape(len(given), -1)
        return np.asarray(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Compute accuracy and log loss on validation pairs; the evaluation hook of a run."""
        rows, truth = self._held_out("valid", self.settings.evaluation_samples)
        scores = self._scores(self.log_shares(game.generator, rows), truth)
        return {name: scores[name].value for name in ("accuracy", "log_loss")}

    def draw_lines(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """Write test pairs with the label that was found, and the true one; the sampling hook of a run."""
        rows, truth = self._held_out("test", _SHOWN)
        found = self.log_shares(game.generator, rows).argmax(1)
        sources = self.corpus.sources[self._split("test")]
        lines = [
            f"{source} => {self.labels[mine]} ({self.labels[right]})\n"
            for source, mine, right in zip(sources, found, truth, strict=False)
        ]
        path.with_suffix(".txt").write_text("".join(lines), encoding="utf-8")

    def alarms(self) -> tuple[Alarm, ...]:
        """Return no alarms."""
        return ()

    def rows(
        self,
        generators: Mapping[str, nn.Module],
        seed: int,
        *,
        judge: nn.Module | None = None,
        quiet: bool = False,
    ) -> list[dict[str, Any]]:
        """Return the rows of the final table: each generator, then the most frequent label."""
        rows, truth = self._held_out("test", self.settings.score_samples)
        found = [
            table_row(name, self._scores(self.log_shares(generator, rows), truth))
            for name, generator in generators.items()
        ]
        counts = Counter(self.corpus.train_lines)
        shares = np.log([counts[label] / counts.total() for label in self.labels])
        blind = self._scores(np.tile(shares, (len(truth), 1)), truth)
        return [*found, table_row("frequencies of labels", blind)]

    def record(self, title: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the table of scores.json."""
        n = len(self._held_out("test", self.settings.score_samples)[1])
        note = (
            f"{n:,} {self._split('test')} pairs; ± is the standard error. The label with the highest "
            f"probability among {', '.join(self.labels)} counts. The last row knows the frequencies "
            "of labels only."
        )
        return {"title": title, "columns": self._columns(n), "rows": list(rows), "notes": [note]}

    def export(self, game: Game, folder: Path, about: Mapping[str, Any] | None = None) -> None:
        """Write the classifier."""
        corpus = self.corpus
        export_game(folder, game, corpus.tokenizer, about, corpus.source_vocabulary)

    def _scores(self, log_shares: Floats, truth: NDArray[np.int64]) -> dict[str, Estimate]:
        right = (log_shares.argmax(1) == truth).astype(float)
        scores = {
            "accuracy": _mean(right),
            "log_loss": _mean(-log_shares[np.arange(len(truth)), truth]),
        }
        for place, label in enumerate(self.labels):
            if (truth == place).any():
                scores[f"recall_{label}"] = _mean(right[truth == place])
        return scores

    def _columns(self, n: int) -> list[Column]:
        many = f"labels:{len(self.labels)}"
        columns = [
            column("accuracy", "accuracy", "higher", 3, Signature(f"accuracy|{many}", refs=n)),
            column("log_loss", "log loss", "lower", 3, Signature(f"log-loss|nats|{many}", refs=n)),
        ]
        return columns + [
            column(f"recall_{x}", f"recall, {x}", "higher", 3, Signature(f"recall|{x}", refs=n))
            for x in self.labels
        ]

    def _split(self, wanted: str) -> str:
        """Return the split, or another if it is empty."""
        splits = (wanted, "test", "valid", "train")
        return next(split for split in splits if len(getattr(self.corpus, split)))

    def _held_out(self, wanted: str, most: int) -> tuple[Tensor, NDArray[np.int64]]:
        split = self._split(wanted)
        place = {label: i for i, label in enumerate(self.labels)}
        lines = cast(list[str], getattr(self.corpus, f"{split}_lines"))[:most]
        return getattr(self.corpus, split)[:most], np.array([place[line] for line in lines])


def _mean(values: Floats) -> Estimate:
    error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return Estimate(float(values.mean()), error)
