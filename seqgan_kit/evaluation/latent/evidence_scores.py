"""Scores of models whose likelihood has a bound; of sentence VAEs also the use of codes and the paths."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from seqgan_kit.core.game import Game
from seqgan_kit.core.gaussian_codes import divergence_from_prior
from seqgan_kit.core.runs.long_work import long_work
from seqgan_kit.data.text.tokenizer import UNK
from seqgan_kit.evaluation.corpora.held_out import has_likelihood, row_log_probs
from seqgan_kit.evaluation.corpora.known_worlds import CatCaptions
from seqgan_kit.evaluation.latent.sentence_paths import mixed_tokens, sentences_between
from seqgan_kit.evaluation.score_tables import Column, column, table_row
from seqgan_kit.evaluation.text_scores import TextScorer
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.sequences.generators.latent_lstm import LatentLSTM

USED_NATS = 0.01
"""Mean divergence from the prior above which a dimension of the code counts as used."""
DRAWS, BOUNDED = 50, 2000
"""K: codes per sentence in the bounds of the final table, and the most test sentences in them."""
PATHS, STEPS = 200, 8
_CHUNK = 500
_EVALUATED = 500


class BoundedGenerator(Protocol):
    """A generator whose likelihood has bounds."""

    output: nn.Linear

    def bounds(self, rows: Tensor, draws: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the ELBO and the importance-weighted bound [N] of rows [N,T]."""


@dataclass(frozen=True)
class BoundedTextScorer(TextScorer):
    """The scorer of text, with the bounds of a model without an exact likelihood, and the use of its codes.

    Attributes:
        importance: whether the model has an importance-weighted bound beside its ELBO.
    """

    importance: bool = True

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Return also the ELBO of held-out sentences and how much the code is used."""
        values, rows = super().__call__(game, rng), self.corpus.valid[:_EVALUATED]
        if not len(rows):
            return values
        generator = game.generator
        known = cast(BoundedGenerator, generator)
        rows = rows.to(known.output.weight.device)
        elbo, _ = known.bounds(rows, 1, rng)
        values["elbo_valid"] = float(elbo.mean())
        if not isinstance(generator, LatentLSTM):
            return values
        used = code_use(generator, rows)
        return {
            **values,
            "divergence_valid": float(used.sum()),
            "codes_in_use": float((used > USED_NATS).sum()),
        }

    def row(self, name: str, generator: nn.Module, seed: int) -> dict[str, Any]:
        """Return the row of a generator; with bounds and paths for one with codes."""
        row = super().row(name, generator, seed)
        if len(self._bounded) < 2:
            return row
        if hasattr(generator, "bounds"):
            known = cast(BoundedGenerator, generator)
            rng = torch.Generator(known.output.weight.device).manual_seed(seed)
            scores = self._bounds(known, rng)
            if isinstance(generator, LatentLSTM):
                scores |= {**self._use(generator), **self._paths(generator)}
        elif not has_likelihood(generator):
            return row
        else:
            exact = torch.as_tensor(row_log_probs(generator, self._bounded))
            scores = self._bound_scores(exact, exact)
        found = table_row(name, scores)
        return {"name": name, **{k: row[k] | found[k] for k in ("values", "errors")}}

    def rows(
        self,
        generators: Mapping[str, nn.Module],
        seed: int,
        *,
        judge: nn.Module | None = None,
        quiet: bool = False,
    ) -> list[dict[str, Any]]:
        """Return the rows of the table, and a control for the paths between sentences."""
        rows = super().rows(generators, seed, judge=judge, quiet=quiet)
        coded = any(isinstance(model, LatentLSTM) for model in generators.values())
        if len(self._bounded) < 2 or not coded:
            return rows
        with long_work("scoring", quiet=quiet):
            mixed = mixed_tokens(*self._ends, STEPS, torch.Generator().manual_seed(seed))
            control = table_row("tokens of both mixed", self._path_scores(mixed))
        return [*rows[:-1], control, rows[-1]]

    @cached_property
    def _bounded(self) -> Tensor:
        """Return the test sentences whose likelihood is bounded."""
        return self.corpus.test[: min(BOUNDED, self.settings.score_samples)]

    def _bounds(self, generator: BoundedGenerator, rng: torch.Generator) -> dict[str, Estimate]:
        """Return the bounds of the negative log-likelihood of test sentences."""
        rows = self._bounded.to(generator.output.weight.device)
        parts = [generator.bounds(part, DRAWS, rng) for part in rows.split(_CHUNK)]
        elbo, weighted = (torch.cat(part).double().cpu() for part in zip(*parts, strict=True))
        return self._bound_scores(elbo, weighted)

    def _use(self, generator: LatentLSTM) -> dict[str, Estimate]:
        """Return how much of the code test sentences use."""
        used = code_use(generator, self._bounded.to(generator.output.weight.device))
        return {
            "code_divergence": Estimate(float(used.sum()), math.nan),
            "codes_in_use": Estimate(float((used > USED_NATS).sum()), math.nan),
        }

    def _bound_scores(self, elbo: Tensor, weighted: Tensor) -> dict[str, Estimate]:
        """Return both bounds, and the upper bound of the divergence from a known world."""
        scores = {"nll_elbo": mean_of(-elbo)}
        if self.importance:
            scores["nll_iw"] = mean_of(-weighted)
        if isinstance(self.world, CatCaptions):
            log_p = self.world.world.log_prob_many(self.corpus.test_lines[: len(elbo)])
            known = ~self._bounded.eq(UNK).any(1)
            scores["forward_kl_bound"] = mean_of((torch.as_tensor(log_p) - weighted)[known])
        return scores

    @cached_property
    def _ends(self) -> tuple[Tensor, Tensor]:
        """Return the ends [R,T] of the paths: neighbouring test sentences."""
        count = min(PATHS, len(self.corpus.test) // 2)
        rows = self.corpus.test[: 2 * count]
        return rows[0::2], rows[1::2]

    def _paths(self, generator: LatentLSTM) -> dict[str, Estimate]:
        first, second = (end.to(generator.output.weight.device) for end in self._ends)
        found = sentences_between(generator, first, second, STEPS).cpu()
        ends = torch.cat([found[:, 0], found[:, -1]])
        real = torch.cat(self._ends)
        mask = generator.token_mask(real)
        kept = ((ends == real) & mask).sum(1) / mask.sum(1)
        return {**self._path_scores(found), "words_rebuilt": mean_of(kept.double())}

    def _path_scores(self, rows: Tensor) -> dict[str, Estimate]:
        """Return scores of rows [R,steps,T]: distinct sentences a path, and validity between the ends."""
        lines = [self.lines(path) for path in rows]
        distinct = torch.tensor([float(len(set(path))) for path in lines])
        scores = {"path_distinct": mean_of(distinct)}
        if self.world is not None and self.world.has_words:
            inner = self.world.scores(self.corpus, nn.Identity(), rows[:, 1:-1].flatten(0, 1))
            scores["path_validity"] = inner["validity"]
        return scores

    def record(self, title: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the table of scores.json, with a note on the bounds."""
        table = super().record(title, rows)
        if not any("path_validity" in row["values"] for row in rows):
            table["notes"].append(
                f"ELBO: upper bound of the NLL of {len(self._bounded)} test sentences in nats, from {DRAWS} "
                "draws each; the LSTM's value is exact."
            )
            return table
        table["notes"].append(
            f"ELBO and IW: upper bounds of the NLL of {len(self._bounded)} test sentences in nats, from "
            f"{DRAWS} codes each; the LSTM's value is exact. Paths: {STEPS} greedy decodings between the "
            f"codes of {len(self._ends[0])} pairs of test sentences; validity of those between the ends. A "
            "collapsed code has few distinct sentences a path, so read both."
        )
        return table

    def _known_columns(self) -> list[Column]:
        refs = len(self._bounded)
        bounds = [Signature(f"nll|{kind}|K:{DRAWS}", refs=refs) for kind in ("elbo", "iw")]
        path = Signature(f"path|greedy|steps:{STEPS}", refs=PATHS)
        return [
            *super()._known_columns(),
            column("nll_elbo", "NLL test <= ELBO", "lower", 2, bounds[0]),
            column("nll_iw", "NLL test <= IW", "lower", 2, bounds[1]),
            column("forward_kl_bound", "forward KL <= bound", "lower", 2, bounds[self.importance]),
            column("code_divergence", "KL of codes", "", 2, bounds[0]),
            column("codes_in_use", "codes in use", "", 0, bounds[0]),
            column("words_rebuilt", "words rebuilt", "higher", 3, path),
            column("path_validity", "validity on paths", "higher", 3, path),
            column("path_distinct", "distinct on a path", "", 2, path),
        ]


@torch.no_grad()
def code_use(generator: LatentLSTM, rows: Tensor) -> Tensor:
    """Return the mean divergence from the prior of each dimension of the code [d], over rows [N,T]."""
    parts = [generator.posterior(part) for part in rows.split(_CHUNK)]
    return torch.cat([divergence_from_prior(*part) for part in parts]).mean(0).cpu()


def mean_of(values: Tensor) -> Estimate:
    """Return the mean of independent values [N] with its standard error."""
    found = np.asarray(values, dtype=np.float64)
    return Estimate(float(found.mean()), float(found.std(ddof=1) / len(found) ** 0.5))
