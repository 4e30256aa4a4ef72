"""Sample tokens by the inverse cumulative distribution, exact and fast on a CPU.

``torch.multinomial(p, 1)`` on a CPU draws one exponential per class and row. Here a row takes one uniform
number and one pass over its weights, which gives the same distribution with other random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from seqgan_kit.errors import TrainingError
from seqgan_kit.sequences.sampling.stepper import Stepper

Drawer = Callable[[Tensor, Tensor], Tensor]
"""(hidden [M,H], uniforms [M,N]) -> tokens [M,N]."""

# Logits held at once on a CPU: 10 MB, which stay in the last-level cache from the product to the draw. Half
# as many take 5 to 10 % longer, because operations become too small.
_CACHED_LOGITS = 2_560_000
# If a row's largest unshifted exponential is outside this range, it has lost digits or may overflow.
_SMALLEST_WEIGHT, _LARGEST_WEIGHT = 1e-20, 1e30


def draw_uniforms(shape: tuple[int, ...], rng: torch.Generator, device: torch.device) -> Tensor:
    """Draw float64 uniform numbers in [0, 1) on the device of ``rng``, and move them to ``device``."""
    return torch.rand(shape, generator=rng, device=rng.device, dtype=torch.float64).to(device)


def tokens_from_uniforms(logits: Tensor, uniforms: Tensor) -> Tensor:
    """Draw tokens by the inverse of each row's cumulative distribution at uniform numbers.

    Tokens of probability 0 are never returned; probabilities are exact up to float32 rounding.

    Args:
        logits: [M,V] float32, finite or -inf.
        uniforms: [M,N] float64 in [0, 1): N draws from every row.

    Returns:
        [M,N] int64.
    """
    weights = _shifted_exp(logits)
    return _tokens_from_weights(weights, _column_totals(weights), uniforms)


def next_token_drawer(stepper: Stepper, shape: Callable[[Tensor], Tensor] | None = None) -> Drawer:
    """Return a function that draws tokens directly from hidden states.

    On a CPU, logits are computed for as many rows as stay in the cache, and exponentiated in place without
    subtracting the maximum. Only rows whose weights would lose digits or overflow are computed again with the
    maximum subtracted.

    Args:
        stepper: the stepper, which projects hidden states to logits.
        shape: function applied to the logits before drawing (temperature, filters).
    """
    vocabulary = stepper.generator.vocabulary
    rows = max(1, _CACHED_LOGITS // vocabulary)
    buffer = torch.empty(0)

    def draw_in_cache(hidden: Tensor, uniforms: Tensor) -> Tensor:
        weights = stepper.powers(hidden, buffer[: len(hidden)])
        totals = _column_totals(weights)
        if not _keeps_digits(totals):
            # With this order of the comparison, nan counts as out of range.
            largest = totals.amax(1)
            lost = ~((largest > _SMALLEST_WEIGHT) & (largest < _LARGEST_WEIGHT))
            weights[lost] = _shifted_exp(stepper.project(hidden[lost]))
            totals = _column_totals(weights)
        return _tokens_from_weights(weights, totals, uniforms)

    def draw(hidden: Tensor, uniforms: Tensor) -> Tensor:
        nonlocal buffer
        if not len(hidden):
            return uniforms.long()
        if shape is not None or hidden.device.type != "cpu":
            logits = stepper.project(hidden)
            return tokens_from_uniforms(logits if shape is None else shape(logits), uniforms)
        if len(buffer) < min(rows, len(hidden)):
            buffer = hidden.new_empty(min(rows, len(hidden)), vocabulary)
        parts = zip(hidden.split(rows), uniforms.split(rows), strict=True)
        return torch.cat([draw_in_cache(*part) for part in parts])

    return draw


def _shifted_exp(logits: Tensor) -> Tensor:
    """Return exp(logits) [M,V] after subtracting each row's maximum."""
    largest = logits.amax(1, keepdim=True)
    if logits.device.type != "cpu":
        # A check here would wait for the device at every step, and an index out of range would end the
        # process. So diverged weights draw arbitrary tokens, and the loss on them stops the run.
        return (logits - largest).exp().nan_to_num(nan=1.0)
    if not largest.isfinite().all():
        raise TrainingError(
            "the generator's logits are not finite, so no token can be drawn: its weights have diverged. "
            "Go back to a checkpoint before that and lower the learning rate."
        )
    return (logits - largest).exp()


def _columns(vocabulary: int) -> int:
    """Return the number of columns of the table [rows, columns] that holds a row's V weights."""
    return max(1, math.isqrt(2 * vocabulary))


def _column_totals(weights: Tensor) -> Tensor:
    """Sum weights [M,V] over the table's rows: [M,columns]."""
    columns = _columns(weights.shape[1])
    full_rows, tail = divmod(weights.shape[1], columns)
    totals = weights[:, : full_rows * columns].unflatten(1, (full_rows, columns)).sum(1)
    totals[:, :tail] += weights[:, full_rows * columns :]
    return totals


def _keeps_digits(totals: Tensor) -> bool:
    """Return whether every row's largest total is well inside float32's range."""
    smallest, largest = totals.amax(1).aminmax()
    return smallest.item() > _SMALLEST_WEIGHT and largest.item() < _LARGEST_WEIGHT


def _tokens_from_weights(weights: Tensor, totals: Tensor, uniforms: Tensor) -> Tensor:
    """Draw a column by the columns' totals, then an entry in it, without a cumulative sum over V."""
    vocabulary, columns = weights.shape[1], totals.shape[1]
    column, rest = _pick_and_rest(totals, uniforms)
    steps = torch.arange(0, vocabulary, columns, device=weights.device)
    entries = column.unsqueeze(-1) + steps  # [M,N,rows of the table]
    if vocabulary % columns:
        # The table's last row may be incomplete; entries beyond the vocabulary have weight 0.
        beyond = entries >= vocabulary
        found = weights.gather(1, entries.masked_fill(beyond, 0).flatten(1)).view(entries.shape)
        found = found.masked_fill(beyond, 0)
    else:
        found = weights.gather(1, entries.flatten(1)).view(entries.shape)
    row, *_ = _pick(found.flatten(0, 1), rest.view(-1, 1))
    return column + row.view(column.shape) * columns


def _pick(weights: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Draw indices by cumulative weight.

    Args:
        weights: [M,K], 0 or more, with a positive total in each row.
        uniforms: [M,N] float64 in [0, 1), so that a target stays below the total.

    Returns:
        The indices [M,N], their targets on the cumulative scale [M,N], and cumulative weights [M,K].
    """
    cumulative = weights.cumsum(1, dtype=torch.float64)
    targets = uniforms * cumulative[:, -1:]
    # right=True finds the first cumulative weight above the target, so never a token of weight 0.
    index = torch.searchsorted(cumulative, targets, right=True)
    return index, targets, cumulative


def _pick_and_rest(weights: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """Return the indices [M,N], and the position [M,N] in [0, 1) of the uniform number within its
    interval."""
    index, targets, cumulative = _pick(weights, uniforms)
    missing = cumulative.gather(1, index) - targets
    return index, (1 - missing / weights.gather(1, index)).clamp(0, 1 - 2**-53)
