"""Complete all prefixes of sampled sequences in one sweep over time, and compute their rewards.

Every prefix of every sequence is completed N times. At time s, the N completions of each prefix of s tokens
join those already running, and all advance by one step. Rows stay in the same chunk, so that a large state (a
Transformer's cache) is not copied. No prefix is read twice, and the distribution of the first tokens of a
prefix's N completions is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from seqgan_kit.sequences.sampling.completions import (
    complete_beginnings,
    repeated_prefixes,
    sweep_uniforms,
)
from seqgan_kit.sequences.sampling.inverse_cdf import Drawer, next_token_drawer
from seqgan_kit.sequences.sampling.rows_in_progress import State, join_rows, take_rows
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS, Stepper

RowReward = Callable[[Tensor], Tensor]
"""Whole rows [M,S+T] -> rewards [M]."""


@runtime_checkable
class CompletionReward(Protocol):
    """A reward that can share computations between rows that complete the same prefix."""

    def __call__(self, tokens: Tensor) -> Tensor:
        """Return rewards [M] of whole rows [M,S+T]."""

    def for_originals(self, originals: Tensor) -> Callable[[Tensor, Tensor, int], Tensor]:
        """Return, for rows [G,S+T], a function of completions [J,N,S+T], original [J] and kept tokens ->
        [J,N]."""


@torch.no_grad()
def score_completions(
    reward: RowReward,
    tokens: Tensor,
    completions: Tensor,
    is_open: Tensor,
    chunk_rows: int = CHUNK_ROWS,
) -> Tensor:
    """Return rewards [cells,N] of ``completions[is_open]``, with ``completions`` [T-1,G,N,S+T]."""
    rollouts, given = completions.shape[2], tokens.shape[1] - 1 - len(completions)
    if not isinstance(reward, CompletionReward):
        rows = completions[is_open].flatten(0, 1)
        return _in_chunks(reward, rows, chunk_rows).view(-1, rollouts)
    score = reward.for_originals(tokens)
    scored = [
        score(completions[kept - 1, owner], owner, given + kept).float()
        for kept, row in enumerate(is_open, start=1)
        for owner in row.nonzero().squeeze(1).split(max(1, chunk_rows // rollouts))
        if len(owner)
    ]
    return torch.cat(scored) if scored else torch.zeros(0, rollouts, device=tokens.device)


def _in_chunks(reward: RowReward, rows: Tensor, chunk_rows: int) -> Tensor:
    scored = [reward(chunk).float() for chunk in rows.split(chunk_rows) if len(chunk)]
    return torch.cat(scored) if scored else torch.zeros(0, device=rows.device)


@torch.no_grad()
def complete_prefixes(
    stepper: Stepper,
    tokens: Tensor,
    rollouts: int,
    rng: torch.Generator,
    chunk_rows: int,
    shortest: int = 1,
    every: int = 1,
) -> Tensor:
    """Complete every open prefix of rows [G,S+T] with at least ``shortest`` written tokens N times.

    Returns:
        [T-1,G,N,S+T]: entry [s-1,b,n] starts with ``tokens[b, :S+s]``. The rest is PAD if the prefix already
        contains EOS, has fewer than ``shortest`` tokens, or not a multiple of ``every``.
    """
    generator, given = stepper.generator, stepper.generator.given
    length = tokens.shape[1] - given
    if stepper.beginnings is not None and length > 1:
        return complete_beginnings(stepper, tokens, rollouts, rng, chunk_rows)
    out = repeated_prefixes(tokens, rollouts, generator.pad or 0, given)
    rows = out.view(-1, tokens.shape[1])
    is_open = generator.token_mask(tokens)
    draw = next_token_drawer(stepper)
    bos = torch.full_like(tokens[:, 0], generator.bos)
    _, state = stepper.advance(bos, generator.start(tokens[:, :given]))
    running: list[_Running] = []
    numbers_of = sweep_uniforms(len(tokens), length, rollouts, rng, tokens.device)
    sizes = [rollouts * position for position in range(1, length)]
    for time, part in enumerate(numbers_of.split(sizes, dim=1), start=1):
        uniforms = part.view(len(tokens), -1, rollouts).transpose(0, 1)  # [time,G,N]
        hidden, state = stepper.advance(tokens[:, given + time - 1], state)
        numbers = uniforms.flatten()
        running = [_advance(stepper, draw, chunk, numbers[chunk.ids]) for chunk in running]
        wanted = time >= shortest and time % every == 0
        joining = (is_open[:, time] & wanted).nonzero().squeeze(1)
        # The N first tokens of a prefix's completions come from one distribution.
        first = draw(hidden[joining], uniforms[-1, joining])
        per_chunk = max(1, chunk_rows // rollouts)
        for some, drawn in zip(joining.split(per_chunk), first.split(per_chunk), strict=True):
            prefixes = (time - 1) * len(tokens) + some
            running.append(_join_in(drawn, take_rows(state, some), prefixes))
        for chunk in running:
            rows[chunk.ids, given + time] = chunk.tokens
        running = _packed((_unfinished(chunk, generator.eos) for chunk in running), chunk_rows)
    return out


@dataclass(frozen=True)
class _Running:
    """A chunk of unfinished completions, all at the same position."""

    ids: Tensor
    """Indices [A] of the rows in the flattened [T-1,G,N] completions."""
    tokens: Tensor
    """The last drawn token [A], which has not been read."""
    state: State
    """State after all tokens before that one."""


def _join_in(tokens: Tensor, state: State, prefixes: Tensor) -> _Running:
    """Begin N completions of each of J prefixes [J], with their first tokens [J,N] and the prefixes'
    state."""
    rollouts = tokens.shape[1]
    ids = prefixes.unsqueeze(1) * rollouts + torch.arange(rollouts, device=tokens.device)
    copies = tuple(part.repeat_interleave(rollouts, dim=0) for part in state)
    return _Running(ids.flatten(), tokens.flatten(), copies)


def _advance(stepper: Stepper, draw: Drawer, running: _Running, uniforms: Tensor) -> _Running:
    """Read every row's last token and draw the next one by uniform numbers [A]."""
    hidden, state = stepper.advance(running.tokens, running.state)
    return _Running(running.ids, draw(hidden, uniforms.unsqueeze(1)).squeeze(1), state)


def _packed(chunks: Iterable[_Running], most_rows: int) -> list[_Running]:
    """Join neighbouring chunks while they fit, so that full chunks are not copied and small ones stay few."""
    packed: list[_Running] = []
    for chunk in chunks:
        if not len(chunk.ids):
            continue
        if packed and len(packed[-1].ids) + len(chunk.ids) <= most_rows:
            packed[-1] = _join(packed[-1], chunk)
        else:
            packed.append(chunk)
    return packed


def _join(first: _Running, second: _Running) -> _Running:
    return _Running(
        torch.cat([first.ids, second.ids]),
        torch.cat([first.tokens, second.tokens]),
        join_rows(first.state, second.state),
    )


def _unfinished(running: _Running, eos: int | None) -> _Running:
    """Return the chunk without the completions that have just ended."""
    if eos is None:
        return running
    going = (running.tokens != eos).nonzero().squeeze(1)
    return _Running(running.ids[going], running.tokens[going], take_rows(running.state, going))
