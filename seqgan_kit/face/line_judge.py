"""A trained discriminator of text, as part of a model that ``sk.load`` returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqgan_kit.core.discriminator import Discriminator, evaluating, mean_scores

_CHUNK_ROWS = 512


class LineJudge:
    """A discriminator that reads lines of text.

    Args:
        network: the discriminator.
        rows_of: function that converts lines, and their sources if it reads any, to its input.
    """

    def __init__(
        self,
        network: Discriminator,
        rows_of: Callable[[Sequence[str], Sequence[str] | None], Tensor],
    ):
        self.network, self._rows_of = network, rows_of

    @torch.no_grad()
    def score(
        self, lines: Sequence[str], sources: Sequence[str] | None = None
    ) -> NDArray[np.float32]:
        """Return the score [N] of each line: a logit or a critic's value, higher for real text.

        For a discriminator with several scores per line, this is the mean of those of its tokens. One of a
        conditional model reads the ``sources`` of the lines, one for each.
        """
        rows = self._rows_of(lines, sources)
        with evaluating(self.network):
            scores = [mean_scores(self.network, part) for part in rows.split(_CHUNK_ROWS)]
        return cast(NDArray[np.float32], torch.cat(scores).cpu().numpy())
