"""Measures of written lines: the user's functions, and those of the domain of the text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqgan_kit.data.text.text_corpus import TextCorpus
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.domains.domain import Domain
from seqgan_kit.evaluation.objectives.own_functions import OwnFunctions
from seqgan_kit.evaluation.objectives.row_objectives import TextFunction
from seqgan_kit.evaluation.score_tables import Column
from seqgan_kit.metrics.statistics.divergences import Estimate


@dataclass(frozen=True)
class LineMeasures:
    """What lines are measured by, beside n-grams and likelihoods.

    Attributes:
        corpus: training corpus; its held-out lines are the real ones.
        own: functions of the user.
        domain: the domain of the corpus, if it has one.
    """

    corpus: TextCorpus
    own: OwnFunctions
    domain: Domain | None = None

    def check(self, taken: Iterable[str]) -> None:
        """Refuse, before training, a missing package or a function that fails on real lines."""
        names = set(taken)
        if self.domain is not None:
            self.domain.require()
            names |= {c["key"] for c in self.domain.columns(0)}
        self.own.check(self.corpus.train_lines, names, self.corpus.sources.get("train"))

    def means(self, lines: Sequence[str], sources: Sequence[str] | None = None) -> dict[str, float]:
        """Return the measures of lines, for a curve."""
        return {name: estimate.value for name, estimate in self.estimates(lines, sources).items()}

    def estimates(
        self, lines: Sequence[str], sources: Sequence[str] | None = None
    ) -> dict[str, Estimate]:
        """Return the measures of lines."""
        of_domain = {} if self.domain is None else self.domain.estimates(lines)
        return of_domain | self.own.estimates(lines, sources)

    def real_estimates(
        self, lines: Sequence[str], sources: Sequence[str] | None, most: int
    ) -> dict[str, Estimate]:
        """Return the measures of real lines; those of a domain are of at most ``most`` held-out lines, since
        training lines are not novel."""
        held_out = self.corpus.test_lines or self.corpus.valid_lines
        of_domain = {} if self.domain is None else self.domain.estimates(held_out[:most])
        return of_domain | self.own.estimates(lines, sources)

    def columns(self, samples: int) -> list[Column]:
        """Return the columns of the measures."""
        of_domain = [] if self.domain is None else self.domain.columns(samples)
        return [*self.own.columns(samples), *of_domain]

    def objective(self, name: str) -> TextFunction | None:
        """Return the objective of sources and lines that a setting names; None for none and for bleu."""
        if name in ("", "bleu"):
            return None
        if self.own.objective is not None:
            own = self.own.objective
            return lambda sources, lines: own(lines, sources)
        offered = {} if self.domain is None else self.domain.objectives
        if name not in offered:
            raise UsageError(
                f"the objective {name} does not fit this text; for it there are: "
                f"{', '.join(['bleu', *offered])} and FILE.py:FUNCTION. Molecules are read with --tokenizer "
                "smiles or selfies, tunes with --tokenizer abc."
            )
        if self.domain is not None:
            self.domain.require()
        values = offered[name]
        return lambda sources, lines: values(lines)

    def draw(self, lines: Sequence[str], path: Path) -> None:
        """Draw lines as the domain shows them, into files beside ``path`` (given without a suffix)."""
        if self.domain is not None:
            self.domain.draw(lines, path)
