"""Completions of all prefixes by a generator with a large state, such as a Transformer's cache.

All sequences are read at once. Then a few rows at a time, as many as keep their states in the processor's
cache, are completed from their prefixes; rows with the same prefix share its part of the cache. Rows of
neighbouring prefixes advance together, although they are at different positions. The random numbers are those
of the sweep over time (``rollout.py``), so both return the same completions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqgan_kit.sequences.sampling.inverse_cdf import draw_uniforms, next_token_drawer
from seqgan_kit.sequences.sampling.stepper import Stepper


@torch.no_grad()
def complete_beginnings(
    stepper: Stepper, tokens: Tensor, rollouts: int, rng: torch.Generator, chunk_rows: int
) -> Tensor:
    """See :func:`seqgan_kit.sequences.sampling.rollout.complete_prefixes`."""
    assert stepper.beginnings is not None
    generator, given = stepper.generator, stepper.generator.given
    length = tokens.shape[1] - given
    out = repeated_prefixes(tokens, rollouts, generator.pad or 0, given)
    numbers = sweep_uniforms(len(tokens), length, rollouts, rng, tokens.device)
    beginnings = stepper.beginnings(tokens[:, :-1])
    draw = next_token_drawer(stepper)
    tries = torch.arange(rollouts, device=tokens.device)
    # Cells (tokens kept - 1, sequence) are ordered by the length of the prefix.
    cells = generator.token_mask(tokens)[:, 1:].t().nonzero()
    at_once = max(1, min(chunk_rows, stepper.most_rows) // rollouts)
    # As many of every sequence where it can be: such rows lie in the order of their sequences, without gaps.
    at_once -= at_once % len(tokens) if at_once > len(tokens) else 0
    for some in cells.split(at_once):
        some = some[some[:, 1].argsort(stable=True)]
        cell_kept, cell_owner = some[:, 0] + 1, some[:, 1]
        # The first tokens of a prefix's N completions come from the same distribution.
        first = _number(cell_kept, cell_kept, rollouts).unsqueeze(1) + tries
        hidden = beginnings.hidden[cell_owner, cell_kept]
        drawn = draw(hidden, numbers[cell_owner.unsqueeze(1), first]).flatten()
        owner, kept = (part.repeat_interleave(rollouts) for part in (cell_owner, cell_kept))
        tried = tries.repeat(len(some))
        states, place = beginnings.rows(owner, kept), kept
        while True:
            out[kept - 1, owner, tried, given + place] = drawn
            going = place < length - 1
            if generator.eos is not None:
                going &= drawn != generator.eos
            order = going.nonzero().squeeze(1)
            if not len(order):
                break
            if len(order) < len(going):
                order = states.keep(order)
                kept, owner, tried, place, drawn = (
                    part[order] for part in (kept, owner, tried, place, drawn)
                )
            place = place + 1
            number = _number(place, kept, rollouts) + tried
            drawn = draw(states.read(drawn), numbers[owner, number].unsqueeze(1)).squeeze(1)
    return out


def repeated_prefixes(tokens: Tensor, rollouts: int, pad: int, given: int) -> Tensor:
    """Return [T-1,G,N,S+T]: entry s-1 has the condition and s written tokens, then PAD."""
    shape = (tokens.shape[1] - given - 1, tokens.shape[1])
    kept = torch.ones(shape, dtype=torch.bool, device=tokens.device).tril(given)
    prefixes = torch.where(kept[:, None, None], tokens[:, None], pad)
    return prefixes.repeat(1, 1, rollouts, 1)


def sweep_uniforms(
    sequences: int, length: int, rollouts: int, rng: torch.Generator, device: torch.device
) -> Tensor:
    """Draw uniform numbers [G,N*T(T-1)/2]: for each position p = 1 ... T-1, one per completion of a prefix of
    1 ... p tokens, ordered by p, prefix and completion.

    They are drawn sequence by sequence, so they do not depend on how sequences are grouped.
    """
    count = rollouts * (length - 1) * length // 2
    return torch.stack([draw_uniforms((count,), rng, device) for _ in range(sequences)])


def _number(place: Tensor, kept: Tensor, rollouts: int) -> Tensor:
    """Return the index of the uniform number of a prefix's first completion at a position."""
    return rollouts * (place * (place - 1) // 2 + kept - 1)
