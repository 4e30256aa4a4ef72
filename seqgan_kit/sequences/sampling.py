"""Drawing tokens and whole sequences from a generator: exact, cheap on a CPU, reproducible.

``torch.multinomial(p, 1)`` on a CPU draws one exponential per class and row. Here a row costs one uniform
number and one pass over its weights (inverse of the cumulative distribution, in two levels), which gives the
same distribution from other random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from seqgan_kit.errors import UsageError

if TYPE_CHECKING:
    from seqgan_kit.sequences.autoregressive import SequenceGenerator, Stepper

# Rows whose logits are handled at once: large enough for the matrix product, small enough for the cache.
CHUNK_ROWS = 512
# A row whose largest unshifted exponential lies outside has lost digits, or is about to overflow.
_SMALLEST_WEIGHT, _LARGEST_WEIGHT = 1e-20, 1e30


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Runs modules in evaluation mode, then gives every sub-module the mode it had."""
    modes = [(child, child.training) for module in modules for child in module.modules()]
    for child, _ in modes:
        child.training = False
    try:
        yield
    finally:
        for child, training in modes:
            child.training = training


def check_sampling_options(temperature: float, top_k: int | None, top_p: float | None) -> None:
    """Raises UsageError for options that describe no distribution."""
    if not (temperature > 0 and math.isfinite(temperature)):
        raise UsageError(
            f"temperature {temperature} is not possible: give a number above 0 "
            "(1 samples from the model as trained; for the most likely token every time use top_k=1)."
        )
    if top_k is not None and top_k < 1:
        raise UsageError(
            f"top_k {top_k} keeps no token: give a whole number of at least 1, or leave it out."
        )
    if top_p is not None and not 0 < top_p <= 1:
        raise UsageError(f"top_p {top_p} is no share: give a number in (0, 1], or leave it out.")


def filter_logits(logits: Tensor, top_k: int | None = None, top_p: float | None = None) -> Tensor:
    """Sets to -inf what top-k and top-p (nucleus) sampling leave out.

    Top-k keeps the k likeliest tokens. Top-p then keeps the likeliest tokens up to and including the one
    with which their joint probability reaches p, so at least one.

    Args:
        logits: [..., V].

    Returns:
        [..., V], a new tensor where anything was filtered.
    """
    if top_k is not None and top_k < logits.shape[-1]:
        kept = logits.topk(top_k, dim=-1).indices
        allowed = torch.zeros_like(logits, dtype=torch.bool).scatter_(-1, kept, True)
        logits = logits.masked_fill(~allowed, -math.inf)
    if top_p is not None and top_p < 1:
        ordered, order = logits.sort(dim=-1, descending=True, stable=True)
        probabilities = ordered.softmax(-1)
        before = probabilities.cumsum(-1) - probabilities
        dropped = torch.zeros_like(logits, dtype=torch.bool).scatter_(-1, order, before >= top_p)
        logits = logits.masked_fill(dropped, -math.inf)
    return logits


def sample_tokens(
    logits: Tensor,
    rng: torch.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Tensor:
    """Draws one token per row of ``logits`` [B,V]; returns [B] int64."""
    check_sampling_options(temperature, top_k, top_p)
    uniforms = draw_uniforms((logits.shape[0], 1), rng, logits.device)
    shaped = _shape_logits(logits, temperature, top_k, top_p)
    return tokens_from_uniforms(shaped, uniforms).squeeze(1)


def sample_sequences(
    generator: SequenceGenerator,
    n: int,
    *,
    rng: torch.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> Tensor:
    """Draws ``n`` sequences [n,T]; rows that end are PAD to the right, and a chunk stops when all have.

    Every row has its own T uniform numbers, so ``chunk_rows`` bounds memory and does not change results
    (other than by a float32 rounding that falls exactly on the border between two tokens).
    """
    check_sampling_options(temperature, top_k, top_p)
    if n < 1 or chunk_rows < 1:
        raise UsageError(f"cannot sample {n} sequences {chunk_rows} at a time: give at least 1.")
    device = generator.output.weight.device
    uniforms = draw_uniforms((n, generator.length), rng, device)
    with torch.no_grad(), evaluating(generator):
        stepper = generator.stepper()

        def draw(logits: Tensor, uniform: Tensor) -> Tensor:
            return tokens_from_uniforms(_shape_logits(logits, temperature, top_k, top_p), uniform)

        return torch.cat(
            [_sample_chunk(stepper, draw, rows) for rows in uniforms.split(chunk_rows)]
        )


def _sample_chunk(
    stepper: Stepper, draw: Callable[[Tensor, Tensor], Tensor], uniforms: Tensor
) -> Tensor:
    """Sequences [M,T] from uniform numbers [M,T]."""
    generator = stepper.generator
    rows, length = uniforms.shape
    out = torch.full((rows, length), generator.pad or 0, device=uniforms.device)
    alive = torch.arange(rows, device=uniforms.device)
    tokens = torch.full((rows,), generator.bos, device=uniforms.device)
    state = generator.start(rows, uniforms.device)
    for time in range(length):
        hidden, state = stepper.advance(tokens, state)
        tokens = draw(stepper.project(hidden), uniforms[alive, time, None]).squeeze(1)
        out[alive, time] = tokens
        if generator.eos is not None:
            going = (tokens != generator.eos).nonzero().squeeze(1)
            alive, tokens, state = alive[going], tokens[going], tuple(part[going] for part in state)
            if not alive.numel():
                break
    return out


def draw_uniforms(shape: tuple[int, ...], rng: torch.Generator, device: torch.device) -> Tensor:
    """Float64 uniform numbers in [0, 1), drawn where ``rng`` lives and brought to ``device``."""
    return torch.rand(shape, generator=rng, device=rng.device, dtype=torch.float64).to(device)


def tokens_from_uniforms(logits: Tensor, uniforms: Tensor, buffer: Tensor | None = None) -> Tensor:
    """The inverse of each row's cumulative distribution, read at uniform numbers.

    A row's V weights are laid out as a table; a column is picked by the columns' totals, then an entry
    within the column, so that no cumulative sum over V is needed. Tokens of weight 0 are never returned;
    probabilities are exact up to the float32 rounding of the weights.

    Args:
        logits: [M,V] float32, finite or -inf.
        uniforms: [M,N] float64 in [0, 1): N draws from every row.
        buffer: [M,V] to write the weights into, if memory is to be reused.

    Returns:
        [M,N] int64.
    """
    weights = _weights(logits, buffer)
    vocabulary = logits.shape[1]
    columns = max(1, math.isqrt(2 * vocabulary))
    full_rows, tail = divmod(vocabulary, columns)
    totals = weights[:, : full_rows * columns].unflatten(1, (full_rows, columns)).sum(1)
    totals[:, :tail] += weights[:, full_rows * columns :]
    column, rest = _pick(totals, uniforms)
    steps = torch.arange(full_rows + (tail > 0), device=logits.device) * columns
    entries = column.unsqueeze(-1) + steps  # [M,N,rows of the table]
    found = weights.gather(1, entries.clamp(max=vocabulary - 1).flatten(1)).view(entries.shape)
    # The table's last row may be cut short: what lies beyond the vocabulary weighs nothing.
    row, _ = _pick((found * (entries < vocabulary)).flatten(0, 1), rest.view(-1, 1))
    return column + row.view(column.shape) * columns


def _weights(logits: Tensor, buffer: Tensor | None = None) -> Tensor:
    """exp(logits) [M,V] in float32, shifted by the row's maximum wherever that makes a difference.

    On a CPU two passes over the logits are saved by exponentiating them as they are and shifting only rows
    whose total left the range in which float32 keeps all its digits.
    """
    if logits.device.type != "cpu":
        return (logits - logits.amax(1, keepdim=True)).exp()
    weights = torch.exp(logits, out=buffer)
    largest = weights.amax(1)
    out_of_range = ~((largest > _SMALLEST_WEIGHT) & (largest < _LARGEST_WEIGHT))
    if out_of_range.any():
        rows = logits[out_of_range]
        weights[out_of_range] = (rows - rows.amax(1, keepdim=True)).exp()
    return weights


def _pick(weights: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """Picks an index by cumulative weight.

    Args:
        weights: [M,K], none negative, each row with a positive total.
        uniforms: [M,N] float64 in [0, 1).

    Returns:
        The index picked [M,N], and where in its interval the uniform number fell, again in [0, 1) [M,N].
    """
    cumulative = weights.cumsum(1, dtype=torch.float64)
    targets = uniforms * cumulative[:, -1:]
    # right=True finds the first cumulative weight above the target, hence never a token of weight 0.
    index = torch.searchsorted(cumulative, targets, right=True).clamp(max=weights.shape[1] - 1)
    chosen = weights.gather(1, index)
    start = cumulative.gather(1, index) - chosen
    return index, ((targets - start) / chosen).clamp(0, 1 - 2**-53)


def _shape_logits(
    logits: Tensor, temperature: float, top_k: int | None, top_p: float | None
) -> Tensor:
    scaled = logits if temperature == 1 else logits / temperature
    return filter_logits(scaled, top_k, top_p)
