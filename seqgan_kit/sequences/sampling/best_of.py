"""The best of several samples by a discriminator."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqgan_kit.core.discriminator import Discriminator, evaluating, mean_scores
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator

_MOST_ROWS = 4096


class BestOf(nn.Module):
    """A generator that draws several rows for each and keeps the one with D's highest score.

    With G's probability of a score below D(y), G(D < D(y)), and up to it, the best of k samples is y with
    probability

        G(D <= D(y))^k - G(D < D(y))^k

    where no other row has the score of y. There are samples and no likelihood.

    Args:
        generator: G.
        discriminator: D of whole rows; several scores of a row are averaged.
        tries: k.
    """

    def __init__(self, generator: SequenceGenerator, discriminator: Discriminator, tries: int):
        super().__init__()
        check_tries(tries)
        self.generator, self.discriminator, self.tries = generator, discriminator, tries

    @property
    def given(self) -> int:
        """S."""
        return self.generator.given

    def written(self, rows: Tensor) -> Tensor:
        """Return the written tokens [N,T] of rows [N,S+T]."""
        return self.generator.written(rows)

    @torch.no_grad()
    def sample(
        self,
        n: int,
        *,
        rng: torch.Generator,
        given: Tensor | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> Tensor:
        """Draw ``n`` token rows [n,S+T] after conditions [n,S]; the options are those of each sample."""
        parts = []
        for start in range(0, n, max(1, _MOST_ROWS // self.tries)):
            stop = min(n, start + max(1, _MOST_ROWS // self.tries))
            conditions = None
            if given is not None:
                conditions = given[start:stop].repeat_interleave(self.tries, 0)
            rows = self.generator.sample(
                (stop - start) * self.tries,
                rng=rng,
                given=conditions,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
            )
            parts.append(self._best(rows.view(stop - start, self.tries, -1)))
        return torch.cat(parts)

    def _best(self, rows: Tensor) -> Tensor:
        """Return the best [n,S+T] of rows [n,k,S+T]."""
        with evaluating(self.discriminator):
            scores = mean_scores(self.discriminator, rows.flatten(0, 1))
        best = scores.view(rows.shape[:2]).argmax(1)
        return rows[torch.arange(len(rows), device=rows.device), best]


def check_tries(tries: int) -> None:
    """Raise UsageError if there are too few samples to choose from."""
    if tries < 2:
        raise UsageError(f"the best of {tries} samples is no choice: give 2 or more.")
