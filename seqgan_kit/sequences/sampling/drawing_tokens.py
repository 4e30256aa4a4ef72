"""Sample tokens and sequences from a generator: temperature, top-k, top-p, early end."""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.sampling.inverse_cdf import (
    Drawer,
    draw_uniforms,
    next_token_drawer,
    tokens_from_uniforms,
)
from seqgan_kit.sequences.sampling.rows_in_progress import Rows
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS, Stepper


def check_sampling_options(temperature: float, top_k: int | None, top_p: float | None) -> None:
    """Raise UsageError for invalid sampling options."""
    if not (temperature > 0 and math.isfinite(temperature)):
        raise UsageError(
            f"temperature is {temperature}; it must be above 0 "
            "(1 samples from the model as trained; for the most likely token every time use top_k=1)."
        )
    if top_k is not None and top_k < 1:
        raise UsageError(f"top_k is {top_k}; it must be at least 1. Raise it or leave it out.")
    if top_p is not None and not 0 < top_p <= 1:
        raise UsageError(
            f"top_p is {top_p}; it must be above 0 and at most 1. Change it or leave it out."
        )


def filter_logits(logits: Tensor, top_k: int | None = None, top_p: float | None = None) -> Tensor:
    """Set the logits that top-k and top-p (nucleus) sampling exclude to -inf.

    Top-k keeps the k most likely tokens. Top-p then keeps the most likely tokens up to and including the one
    with which their total probability reaches p, so at least one.

    Args:
        logits: [..., V].

    Returns:
        [..., V], a new tensor if anything was filtered.
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
    """Draw one token per row of ``logits`` [B,V]; return [B] int64."""
    check_sampling_options(temperature, top_k, top_p)
    uniforms = draw_uniforms((logits.shape[0], 1), rng, logits.device)
    shaped = _shape_logits(logits, temperature, top_k, top_p)
    return tokens_from_uniforms(shaped, uniforms).squeeze(1)


@torch.no_grad()
def sample_sequences(
    stepper: Stepper,
    given: Tensor,
    *,
    rng: torch.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> Tensor:
    """Draw a row [n,S+T] after each condition [n,S]; after EOS a row is PAD.

    Every row has its own T uniform numbers, so ``chunk_rows`` limits memory and does not change results
    (except for float32 rounding exactly at the border between two tokens). A chunk stops when all its rows
    have ended.
    """
    if len(given) < 1 or chunk_rows < 1:
        raise UsageError(
            f"cannot sample {len(given)} sequences in chunks of {chunk_rows}: both must be at least 1."
        )
    uniforms = draw_uniforms((len(given), stepper.generator.length), rng, stepper.table.device)
    draw = shaped_drawer(stepper, temperature, top_k, top_p)
    at_once = min(chunk_rows, stepper.most_rows)
    parts = zip(given.split(at_once), uniforms.split(at_once), strict=True)
    return torch.cat([_sample_chunk(stepper, draw, *part) for part in parts])


def shaped_drawer(
    stepper: Stepper, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Drawer:
    """Return the function that draws next tokens with these sampling options."""
    check_sampling_options(temperature, top_k, top_p)
    plain = temperature == 1 and top_k is None and top_p is None
    shape = partial(_shape_logits, temperature=temperature, top_k=top_k, top_p=top_p)
    return next_token_drawer(stepper, None if plain else shape)


def _sample_chunk(stepper: Stepper, draw: Drawer, given: Tensor, uniforms: Tensor) -> Tensor:
    """Return rows [M,S+T] after conditions [M,S], from uniform numbers [M,T]."""
    generator, device = stepper.generator, uniforms.device
    out = F.pad(given, (0, uniforms.shape[1]), value=generator.pad or 0)
    states = stepper.rows(given)
    hidden = states.read(torch.full((len(given),), generator.bos, device=device))
    first = draw(hidden, uniforms[:, :1]).squeeze(1)
    alive = torch.arange(len(given), device=device)
    finish_rows(stepper, draw, out, alive, first, states, uniforms)
    return out


def finish_rows(
    stepper: Stepper,
    draw: Drawer,
    out: Tensor,
    alive: Tensor,
    tokens: Tensor,
    states: Rows,
    uniforms: Tensor,
) -> None:
    """Complete the rows ``alive`` [A] of ``out`` [R,S+T] in place.

    Their next tokens are ``tokens`` [A], which have not been read; the others are drawn by ``uniforms``
    [R,m], with m the number of missing tokens.
    """
    generator, missing = stepper.generator, uniforms.shape[1]
    for time in range(missing):
        if time:
            hidden = states.read(tokens)
            tokens = draw(hidden, uniforms[alive, time, None]).squeeze(1)
        out[alive, out.shape[1] - missing + time] = tokens
        if generator.eos is not None:
            going = (tokens != generator.eos).nonzero().squeeze(1)
            if len(going) < len(alive):
                going = states.keep(going)
                alive, tokens = alive[going], tokens[going]
            if not alive.numel():
                return


def _shape_logits(
    logits: Tensor, temperature: float, top_k: int | None, top_p: float | None
) -> Tensor:
    return filter_logits(logits / temperature, top_k, top_p)
