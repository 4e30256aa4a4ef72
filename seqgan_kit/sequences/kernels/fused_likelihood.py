"""Log-probabilities of tokens under a linear layer and a softmax, without storing all logits.

A plain implementation writes and reads [M,V] logits several times in each direction, which is most of the
cost of maximum likelihood. Here a few rows at a time are projected and exponentiated in a buffer that stays
in the cache. With p = softmax(W h + b) of a row and y its target:

    log p_y = W_y h + b_y - log sum_v exp(W_v h + b_v)
    d log p_y / dh = W_y - sum_v p_v W_v         d log p_y / dW_v = (1[v = y] - p_v) h

The first gradient is available once a row has been exponentiated. The second needs p and the row's weight in
the loss: if the weight is known in advance, it is computed at once, otherwise from recomputed logits. Results
are exact up to float32 rounding, and float32 also under autocast. Second derivatives are not supported.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from seqgan_kit.core.products import add_product, product
from seqgan_kit.errors import UsageError

# Exponentials are computed as powers of two, exp(x) = 2 ** (x log2 e): torch has its own kernel for exp2,
# while its exp is MKL's, which takes four times as long on AMD processors.
LOG2_E = math.log2(math.e)
# Exponentials held at once: 2 MB stay in a CPU's cache; a GPU needs few kernel launches.
_HELD_BY_CPU, _HELD_BY_GPU = 500_000, 64_000_000
# With fewer rows at a time, reading W and adding to its gradient would take longer than the arithmetic. Up to
# H rows, logits take no more memory than W.
_FEWEST_ROWS, _ENOUGH_ROWS = 64, 512
# If the sum of unshifted exponentials is outside this range, they have lost digits or may overflow.
_SMALLEST_SUM, _LARGEST_SUM = 1e-20, 1e30


def token_log_probs(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """Return log softmax(hidden @ weight.T + bias) [M] at the targets.

    Args:
        hidden: [M,H].
        weight: [V,H].
        bias: [V].
        targets: [M] int64.
    """
    with torch.autocast(hidden.device.type, enabled=False):
        log_probs: Tensor = _TokenLogProbs.apply(
            hidden.float(), weight, bias, targets, torch.is_grad_enabled()
        )
        return log_probs


def weighted_log_prob(
    hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, factors: Tensor
) -> Tensor:
    """Return sum_m factors[m] * token_log_probs(...)[m], a scalar, with fewer products than term by term.

    The factors [M] are constants without gradient.
    """
    if not torch.is_grad_enabled():
        return token_log_probs(hidden, weight, bias, targets) @ factors
    with torch.autocast(hidden.device.type, enabled=False):
        total: Tensor = _WeightedLogProb.apply(hidden.float(), weight, bias, targets, factors)
        return total


class _TokenLogProbs(Function):
    """Log-probabilities [M], whose weights in the loss are known only in the backward pass."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, learns: bool
    ) -> Tensor:
        rows, table = _with_bias(hidden, weight, bias)
        exponents = rows * LOG2_E
        normaliser, expected = hidden.new_empty(len(hidden)), torch.empty_like(hidden)
        for part, buffer in _parts(rows, table):
            powers, sums = _exponentials(exponents[part], table, buffer, normaliser[part])
            if learns:
                torch.div(product(powers, weight), sums, out=expected[part])
        own = weight[targets]
        ctx.save_for_backward(rows, table, targets, normaliser, own - expected)
        return (hidden * own).sum(1) + bias[targets] - normaliser / LOG2_E

    @staticmethod
    def backward(ctx: Any, factors: Tensor) -> tuple[Tensor | None, ...]:
        _refuse_second_derivatives()
        rows, table, targets, normaliser, to_hidden = ctx.saved_tensors
        gradient, scaled = torch.zeros_like(table), rows * factors.unsqueeze(1)
        # The normaliser is one more row of the product, so that the result is the log of a probability.
        exponents = torch.cat([rows * LOG2_E, -normaliser.unsqueeze(1)], 1)
        table = F.pad(table, (0, 0, 0, 1), value=1.0)
        with torch.autocast(rows.device.type, enabled=False):
            for part, buffer in _parts(rows, table):
                probabilities = product(exponents[part], table, buffer).exp2_()
                probabilities[_own(targets[part])] -= 1
                add_product(gradient, scaled[part].t(), probabilities, -1)
        return factors.unsqueeze(1) * to_hidden, gradient[:-1].t(), gradient[-1], None, None


class _WeightedLogProb(Function):
    """The sum [] of log-probabilities times factors [M]; the forward pass also computes the gradients."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, factors: Tensor
    ) -> Tensor:
        rows, table = _with_bias(hidden, weight, bias)
        normaliser, expected = hidden.new_empty(len(hidden)), torch.empty_like(hidden)
        gradient, scaled = torch.zeros_like(table), rows * factors.unsqueeze(1)
        exponents = rows * LOG2_E
        for part, buffer in _parts(rows, table):
            powers, sums = _exponentials(exponents[part], table, buffer, normaliser[part])
            torch.div(product(powers, weight), sums, out=expected[part])
            powers[_own(targets[part])] -= sums.squeeze(1)
            add_product(gradient, (scaled[part] / sums).t(), powers, -1)
        own = weight[targets]
        ctx.save_for_backward(factors.unsqueeze(1) * (own - expected), gradient)
        return ((hidden * own).sum(1) + bias[targets] - normaliser / LOG2_E) @ factors

    @staticmethod
    def backward(ctx: Any, factor: Tensor) -> tuple[Tensor | None, ...]:
        _refuse_second_derivatives()
        to_hidden, gradient = ctx.saved_tensors
        gradient = gradient * factor
        return to_hidden * factor, gradient[:-1].t(), gradient[-1], None, None


def _with_bias(hidden: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return [M,H+1] and [H+1,V], whose product is the logits; torch.addmm would copy the bias to all
    rows."""
    return F.pad(hidden, (0, 1), value=1.0), torch.cat([weight.t(), bias.unsqueeze(0)])


def _parts(rows: Tensor, table: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield slices of a few rows and a buffer for their logits, which the next slice overwrites."""
    count, vocabulary = len(rows), table.shape[1]
    held = _HELD_BY_CPU if rows.device.type == "cpu" else _HELD_BY_GPU
    fewest = max(_FEWEST_ROWS, min(len(table), _ENOUGH_ROWS))
    most = max(fewest, held // vocabulary)
    buffer = rows.new_empty(min(most, count), vocabulary)
    for first in range(0, count, most):
        part = slice(first, min(first + most, count))
        yield part, buffer[: part.stop - first]


def _exponentials(
    rows: Tensor, table: Tensor, out: Tensor, normaliser: Tensor
) -> tuple[Tensor, Tensor]:
    """Return 2 ** (rows @ table - shift) [rows,V] and its sums [rows,1]; write log2(sums) + shift to
    ``normaliser``.

    The shift is the largest exponent; on a CPU it is left out where the sums show that it is not needed.
    """
    if rows.device.type == "cpu":
        powers = product(rows, table, out).exp2_()
        sums = powers.sum(1, keepdim=True)
        smallest, largest = sums.aminmax()
        # With this order of the comparison, nan counts as out of range.
        if smallest.item() > _SMALLEST_SUM and largest.item() < _LARGEST_SUM:
            torch.log2(sums.squeeze(1), out=normaliser)
            return powers, sums
    exponents = product(rows, table, out)
    shift = exponents.amax(1, keepdim=True)
    powers = exponents.sub_(shift).exp2_()
    sums = powers.sum(1, keepdim=True)
    torch.add(sums.log2(), shift, out=normaliser.unsqueeze(1))
    return powers, sums


def _refuse_second_derivatives() -> None:
    # Without this error, autograd would silently treat these gradients as constants.
    if torch.is_grad_enabled():
        raise UsageError(
            "log-probabilities have no second derivatives (create_graph=True): "
            "take them of logits(tokens).log_softmax(-1) instead."
        )


def _own(targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the indices of the targets in [rows,V]."""
    return torch.arange(len(targets), device=targets.device), targets
