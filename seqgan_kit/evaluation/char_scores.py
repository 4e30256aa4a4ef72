"""Scores of generators of character rows: Jensen-Shannon divergences of n-grams.

(Gulrajani et al. 2017, "Improved Training of Wasserstein GANs".) JS-n compares the n-gram frequencies of
generated rows and of held-out rows, in bits: 0 for equal frequencies, 1 if no n-gram is common. It falls
with the number of rows, so two rows of the table give its range. The floor is the same score for as many
real rows that are not references. The control is the score of rows whose characters depend on their
position only.

EOS and PAD count as characters, because the paper counts the padding of its lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seqgan_kit.core.bounds import Positive, bounded
from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.long_work import long_work
from seqgan_kit.core.training.alarms import Alarm, LostDiversity
from seqgan_kit.data.text.load_text import TextCorpus
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.score_tables import AS_REAL, Column, column, table_row
from seqgan_kit.evaluation.text_export import check_text_model, export_game
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.text.ngram_divergence import NgramShares, js_divergences

ORDERS = (1, 2, 3, 4)


def row_length(corpus: TextCorpus, length: int) -> int:
    """Return ``length`` if the corpus has rows of that many characters, including EOS."""
    if not 1 <= length <= corpus.length:
        raise UsageError(
            f"--length {length} is longer than the longest line, which has {corpus.length} "
            f"characters including its end. Give 1 to {corpus.length}."
        )
    return length


@dataclass(frozen=True)
@bounded
class CharScoreSettings:
    """Number of samples for scoring."""

    score_samples: Positive = 640
    """Rows for each score, both generated and real (Gulrajani et al. 2017: 640); fewer if the validation
    text has fewer.
    """


@dataclass(frozen=True)
class CharScorer:
    """A scorer of row generators against the first characters of held-out lines.

    Attributes:
        corpus: training corpus. The test rows are the references (the training rows if there are none), the
            validation rows give the floor.
        length: T, characters per row.
        settings: number of rows for each score.
    """

    corpus: TextCorpus
    length: int
    settings: CharScoreSettings = CharScoreSettings()

    def check(self, game: Game) -> None:
        """Refuse, before training, a generator that could not be saved."""
        check_text_model(game.generator)

    def export(self, game: Game, folder: Path, about: Mapping[str, Any] | None = None) -> None:
        """Write the game's generator and discriminator into a run's ``model`` folder."""
        export_game(folder, game, self.corpus.tokenizer, about)

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Compute JS-1 to JS-4 and diversity; the evaluation hook of a run."""
        return self.scores(game.sample(self.count, rng=rng))

    @property
    def count(self) -> int:
        """Rows for each score; generated and real rows are equally many."""
        return min(self.settings.score_samples, len(self.corpus.valid) or len(self.corpus.train))

    def scores(self, rows: Tensor) -> dict[str, float]:
        """Compute JS-n of ids [N,T] against the references, and the share of distinct rows."""
        found = js_divergences(rows.tolist(), self._reference_shares, ORDERS)
        return {**{f"js{n}": value for n, value in found.items()}, "diversity": diversity(rows)}

    def draw_lines(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """Write a few rows as text; the sampling hook of a run."""
        rows = game.sample(50, rng=rng).tolist()
        lines = (f"{self.corpus.tokenizer.decode(row)}\n" for row in rows)
        path.with_suffix(".txt").write_text("".join(lines), encoding="utf-8")

    def real_diversity(self) -> float:
        """Return the diversity of equally many real rows."""
        return diversity(self.corpus.train[: self.count, : self.length])

    def alarms(self) -> tuple[Alarm, ...]:
        """Return the alarms of every run on characters."""
        return (LostDiversity(self.real_diversity()),)

    def rows(
        self,
        generators: Mapping[str, nn.Module],
        seed: int,
        *,
        judge: nn.Module | None = None,
        quiet: bool = False,
    ) -> list[dict[str, Any]]:
        """Return the rows of the final table: each generator, independent characters, real rows."""
        table = []
        with long_work("scoring", quiet=quiet):
            for name, generator in generators.items():
                rng = torch.Generator(device_of(generator)).manual_seed(seed)
                drawn = generator.sample(self.count, rng=rng)  # type: ignore[operator]
                table.append(self._row(name, drawn))
            alone = self._positions_alone(seed)
            table.append(self._row("independent characters", alone))
            if len(self.corpus.valid):
                table.append(self._row("real data", self.corpus.valid[: self.count, : self.length]))
        return table

    def record(self, title: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the table of scores.json."""
        notes = [
            f"{self.count} samples of {self.length} characters a row, against {self._reference_name()}; "
            "JS in bits, 0 to 1. Real data are held-out lines: the floor at this number of "
            "samples. Independent characters are drawn from the training text separately at "
            "each position: a control without context."
        ]
        return {"title": title, "columns": self._columns(), "rows": list(rows), "notes": notes}

    def _row(self, name: str, rows: Tensor) -> dict[str, Any]:
        unknown = float(
            "nan"
        )  # The standard error of a divergence between counts has no simple form.
        return table_row(name, {k: Estimate(v, unknown) for k, v in self.scores(rows).items()})

    def _references(self) -> Tensor:
        rows = self.corpus.test if len(self.corpus.test) else self.corpus.train
        return rows[:, : self.length]

    @cached_property
    def _reference_shares(self) -> NgramShares:
        return NgramShares(self._references().tolist(), ORDERS)

    def _reference_name(self) -> str:
        return f"{len(self._references())} lines of {'test' if len(self.corpus.test) else 'training'} text"

    def _positions_alone(self, seed: int) -> Tensor:
        """Return rows in which each character comes from another random training row."""
        rng = torch.Generator().manual_seed(seed)
        train = self.corpus.train[:, : self.length]
        chosen = torch.randint(len(train), (self.count, self.length), generator=rng)
        return train.gather(0, chosen)

    def _columns(self) -> list[Column]:
        refs, tok = self._reference_name(), f"{self.corpus.tokenizer.kind}|first:{self.length}"
        columns = [
            column(
                f"js{n}", f"JS-{n}", "lower", 4, Signature("js", (n,), None, refs, self.count, tok)
            )
            for n in ORDERS
        ]
        sign = Signature("distinct_rows", hyps=self.count, tok=tok)
        return [*columns, column("diversity", "distinct rows", AS_REAL, 3, sign)]


def diversity(rows: Tensor) -> float:
    """Return the share of distinct rows."""
    return len(set(map(tuple, rows.tolist()))) / len(rows) if len(rows) else 0.0
