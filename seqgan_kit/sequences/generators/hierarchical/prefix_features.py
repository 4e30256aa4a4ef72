"""A TextCNN's features of a prefix with padding after it, updated token by token.

Running the network on every padded prefix of T tokens costs T times a whole row. Here a new token costs one
addition per filter and place, by two facts that are exact up to rounding. With fixed weights, the response to
a window is a sum of one table row per token. And a padded prefix has three kinds of windows: complete ones,
of which only the maximum counts, those that the next tokens complete, whose sums so far are kept, and empty
ones, whose response is the bias. The embedding of padding is zero and adds nothing to a sum.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from seqgan_kit.core.products import product
from seqgan_kit.sequences.discriminators.highway import prepared_highway
from seqgan_kit.sequences.discriminators.prefix_scorer import WindowTrunk


class PrefixFeatures:
    """Reader of prefixes with a trunk's current weights, without gradients and dropout.

    Its state is two tensors: ``sums`` [B,C] of windows that have begun, with C the sum of width * filters,
    and the largest responses ``best`` [B,F] to complete windows. Before anything is read, both are -inf. The
    first input that is read is the start token, which is not part of the row.

    Args:
        trunk: a TextCNN or another trunk with the same parts.
        length: T, the tokens of a whole row.
        words: ids [W] of the only tokens that will be read, by their index; None: all.
    """

    def __init__(self, trunk: WindowTrunk, length: int, words: Tensor | None = None):
        table = trunk.embedding.weight.detach()
        table = table if words is None else table[words]
        places = torch.arange(length + 1, device=table.device).unsqueeze(1)
        sums, openings = [], []
        self.banks: list[tuple[int, int]] = []
        for convolution in trunk.convolutions:
            weight, bias = (parameter.detach() for parameter in convolution.parameters())
            filters, _, width = weight.shape
            with torch.autocast(table.device.type, enabled=False):
                sums.append(product(table, weight.permute(1, 2, 0).flatten(1)))
            # A window that does not fit into the row is never the largest.
            openings.append(torch.where(places + width <= length, bias, -math.inf))
            self.banks.append((width, filters))
        self.table = torch.cat(sums, 1)
        self.openings = torch.cat(openings, 1)
        self.highway = prepared_highway(trunk.highway)

    def start(self, rows: int) -> tuple[Tensor, Tensor]:
        """Return ``sums`` and ``best`` before the start token."""
        return (
            self.table.new_full((rows, self.table.shape[1]), -math.inf),
            self.table.new_full((rows, self.openings.shape[1]), -math.inf),
        )

    def read(
        self, inputs: Tensor, place: Tensor, sums: Tensor, best: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Read one input [B] after ``place`` [B] others (0: the start token); return sums and best."""
        sums = sums + self.table.index_select(0, inputs)
        opened = self.openings.index_select(0, place).split([n for _, n in self.banks], 1)
        open_windows, complete = [], []
        for (_, filters), new, bank in zip(self.banks, opened, self._by_bank(sums), strict=True):
            open_windows += [new, bank[:, :-filters]]
            complete.append(bank[:, -filters:])
        return torch.cat(open_windows, 1), torch.maximum(best, torch.cat(complete, 1))

    def pooled(self, sums: Tensor, best: Tensor) -> Tensor:
        """Return the largest responses [B,F] over all windows of the padded prefix, after the relu."""
        of_open = [
            bank.unflatten(1, (width, filters)).amax(1)
            for (width, filters), bank in zip(self.banks, self._by_bank(sums), strict=True)
        ]
        return torch.maximum(best, torch.cat(of_open, 1)).relu_()

    def _by_bank(self, sums: Tensor) -> tuple[Tensor, ...]:
        return sums.split([width * filters for width, filters in self.banks], 1)


@torch.no_grad()
def prefix_features(trunk: WindowTrunk, inputs: Tensor, length: int) -> Tensor:
    """Return the features [B,n,F] of the padded prefixes that ``inputs`` [B,n] end, the start token first."""
    words, index = inputs.unique(return_inverse=True)
    reader = PrefixFeatures(trunk, length, words)
    sums, best = reader.start(len(inputs))
    found = []
    for place, column in enumerate(index.t()):
        sums, best = reader.read(column, torch.full_like(column, place), sums, best)
        found.append(reader.pooled(sums, best))
    return reader.highway(torch.stack(found, 1).flatten(0, 1)).unflatten(0, inputs.shape)
