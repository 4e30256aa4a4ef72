"""Score lines by how anomalous they are under a trained run, beside simple baselines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from seqgan_kit.core.discriminator import Discriminator, evaluating, mean_scores
from seqgan_kit.data.text.encoding import clean_line
from seqgan_kit.data.text.tokenizer import UNK
from seqgan_kit.errors import SeqganKitError, UsageError, unknown
from seqgan_kit.evaluation.detection.likelihood_scores import likelihood_scores
from seqgan_kit.evaluation.detection.line_rows import cut_rows, shown_tokens, word_number
from seqgan_kit.evaluation.discriminator_export import WEIGHTS, load_discriminator
from seqgan_kit.evaluation.evaluate_run import GivenText, corpus_of_run
from seqgan_kit.evaluation.text_export import TextModel
from seqgan_kit.metrics.text.language_model import KneserNey

BY_DEFAULT = ("largest_surprise", "largest_reconstruction", "bound", "discriminator")
"""The score that ranks the lines: the first of these that the run has."""
MODEL_SCORES = {
    "surprise",
    "mean_surprise",
    "largest_surprise",
    "bound",
    "reconstruction",
    "mean_reconstruction",
    "largest_reconstruction",
    "discriminator",
}
_LINES_AT_ONCE = 256
_HELD_OUT = 2_000


@dataclass(frozen=True)
class LineAnomaly:
    """A line and how anomalous it is."""

    line: int
    """Its number in the input, from 1."""
    text: str
    scores: dict[str, float]
    """Name -> value, higher for more anomalous lines."""
    p_value: float | None
    """Share of held-out lines at least as anomalous by the score that ranks, this one included; None without
    held-out lines."""
    tokens: tuple[str, ...]
    """The tokens that were read and, where there is room, the end."""
    surprises: tuple[float, ...]
    """Surprise of each token in nats; empty if the model has none."""
    word: int | None
    """Number, from 1, of the word with the most surprising token."""
    cut: bool
    """Whether the line has more tokens than the model reads."""

    @property
    def worst(self) -> int | None:
        """Index of the most surprising token."""
        return int(np.argmax(self.surprises)) if self.surprises else None


@dataclass(frozen=True, eq=False)
class LineDetector:
    """Scores of lines under a generator, a discriminator and baselines."""

    model: TextModel
    discriminator: Discriminator | None = None
    training: Sequence[str] = ()
    """Training lines of the baseline; none: no baseline of n-grams."""
    held_out: Sequence[str] = ()
    """Lines without anomalies that no model was trained on, for p-values."""
    by: str = ""
    """The score that ranks; "": the first of ``BY_DEFAULT`` that the run has."""
    notes: list[str] = field(default_factory=list)
    """What the run lacks."""

    def __call__(self, lines: Iterable[tuple[int, str]]) -> Iterator[LineAnomaly]:
        """Score numbered lines, a few at a time, in their order."""
        remaining = iter(lines)
        while part := list(islice(remaining, _LINES_AT_ONCE)):
            yield from self._scored(part)

    @cached_property
    def ranking(self) -> str:
        """The name of the score that ranks.

        Raises:
            UsageError: the run has no such score, or none at all.
        """
        (sample,) = self._values(["x"])[0]
        if not MODEL_SCORES & sample.keys():
            raise UsageError(
                "this run scores no lines: its generator maps noise to whole lines and no discriminator was "
                "saved. Give a run with a likelihood, such as seqgan, mle or text_vae."
            )
        if self.by and self.by not in sample:
            raise unknown("score", self.by, sample)
        return self.by or next(name for name in BY_DEFAULT if name in sample)

    @cached_property
    def _usual(self) -> list[float]:
        """Return the sorted ranking scores of the held-out lines."""
        lines = self.held_out[:_HELD_OUT]
        parts = [lines[i : i + _LINES_AT_ONCE] for i in range(0, len(lines), _LINES_AT_ONCE)]
        return sorted(scores[self.ranking] for part in parts for scores in self._values(part)[0])

    @cached_property
    def _ngrams(self) -> KneserNey | None:
        words = [self.model.tokenizer.words(line) for line in self.training]
        return KneserNey(words) if words else None

    @cached_property
    def _known(self) -> set[str]:
        return set() if self._ngrams is None else set(self._ngrams.words)

    def _scored(self, part: list[tuple[int, str]]) -> Iterator[LineAnomaly]:
        values, rows, surprises = self._values([text for _, text in part])
        for i, ((number, text), scores) in enumerate(zip(part, values, strict=True)):
            length = min(len(rows[i]) + self._ends, self.model.generator.length)
            found = () if surprises is None else tuple(surprises[i, :length].tolist())
            tokenizer, read = self.model.tokenizer, rows[i]
            yield LineAnomaly(
                line=number,
                text=text,
                scores=scores,
                p_value=self._p_value(scores),
                tokens=tuple(shown_tokens(tokenizer, text, read)[:length]),
                surprises=found,
                word=word_number(tokenizer, read, int(np.argmax(found))) if found else None,
                cut=len(read) > self.model.generator.length,
            )

    def _p_value(self, scores: dict[str, float]) -> float | None:
        if not self._usual:
            return None
        above = len(self._usual) - int(np.searchsorted(self._usual, scores[self.ranking]))
        return (1 + above) / (1 + len(self._usual))

    @property
    def _ends(self) -> int:
        return int(getattr(self.model.generator, "eos", None) is not None)

    def _values(
        self, lines: Sequence[str]
    ) -> tuple[list[dict[str, float]], list[list[int]], Tensor | None]:
        """Return the scores and ids of each line, and the surprises [N,T] of the tokens."""
        tokenizer, generator = self.model.tokenizer, self.model.generator
        ids = [tokenizer.encode(clean_line(line)) for line in lines]
        rows = cut_rows(ids, generator.length, ends=bool(self._ends))
        # Equal lines in equal places get equal bounds.
        found = likelihood_scores(generator, rows, torch.Generator().manual_seed(0))
        columns = {name: value.tolist() for name, value in found.scores.items()}
        if self.discriminator is not None:
            columns["discriminator"] = _verdicts(self.discriminator, rows)
        words = [tokenizer.words(clean_line(line)) for line in lines]
        if self._ngrams is not None:
            logs = self._ngrams.token_log_probs(words)
            columns["kneser_ney"] = [-float(x.sum()) for x in logs]
            columns["mean_kneser_ney"] = [-float(x.mean()) for x in logs]
            columns["largest_kneser_ney"] = [-float(x.min()) for x in logs]
            columns["unknown_words"] = [float(sum(w not in self._known for w in x)) for x in words]
        else:
            columns["unknown_tokens"] = [float(x.count(UNK)) for x in ids]
        columns["words"] = [float(len(x)) for x in words]
        table = [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
        return table, ids, found.tokens


@torch.no_grad()
def _verdicts(discriminator: Discriminator, rows: Tensor) -> list[float]:
    """Return the negative score of each row, the mean where a row has several."""
    with evaluating(discriminator):
        return [-float(score) for score in mean_scores(discriminator, rows)]


def line_detector(
    run_dir: Path,
    model: TextModel,
    by: str = "",
    discriminator: Discriminator | None = None,
) -> LineDetector:
    """Return the detector of a run, with the baseline of its training text if that can be read.

    Args:
        run_dir: the run's directory.
        model: its model.
        by: name of the score that ranks.
        discriminator: the run's, if it is loaded already.
    """
    if getattr(model.generator, "given", 0):
        raise UsageError(
            f"{run_dir} writes after sources, and a file of lines has none: give a run that writes without "
            "sources, such as seqgan, mle or text_vae."
        )
    notes, training, held_out = [], [], []
    if discriminator is None and (run_dir / "model" / WEIGHTS).is_file():
        try:
            discriminator = load_discriminator(run_dir)
        except UsageError as error:
            notes.append(f"no score of the discriminator: {error}")
    try:
        corpus, _ = corpus_of_run(run_dir, model, GivenText())
        training, held_out = corpus.train_lines, corpus.valid_lines
    except (SeqganKitError, OSError) as error:
        notes.append(f"no Kneser-Ney baseline and no p-values: {error}")
    detector = LineDetector(model, discriminator, training, held_out, by, notes)
    _ = detector.ranking
    return detector
