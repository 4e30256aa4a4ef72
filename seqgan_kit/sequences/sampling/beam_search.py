"""Beam search for the most likely rows after each of many conditions."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.autoregressive import IMPOSSIBLE, SequenceGenerator
from seqgan_kit.sequences.sampling.rows_in_progress import State, take_rows
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS


@dataclass(frozen=True)
class BestRows:
    """The best rows found for each of n conditions, best first."""

    rows: Tensor
    """[n,B,S+T]."""
    log_probs: Tensor
    """[n,B]: log-probabilities of the written tokens; impossible rows have a large negative number."""


def check_beam(beam: int, n_best: int, length_penalty: float) -> None:
    """Raise UsageError for impossible settings of a beam search."""
    if beam < 1:
        raise UsageError(f"the beam is {beam}; it must be at least 1 (1 is greedy search).")
    if not 1 <= n_best <= beam:
        raise UsageError(
            f"n_best is {n_best}; with a beam of {beam} it must be 1 to {beam}. Use fewer, or a larger beam."
        )
    if not 0 <= length_penalty <= 10:
        raise UsageError(f"the length penalty is {length_penalty}; it must be from 0 to 10.")


@torch.no_grad()
def beam_search(
    generator: SequenceGenerator,
    given: Tensor,
    beam: int = 5,
    *,
    length_penalty: float = 0.0,
    n_best: int = 1,
    chunk_rows: int = CHUNK_ROWS,
) -> BestRows:
    """Search for the best rows after each condition, keeping the ``beam`` best beginnings at every step.

    Rows are ordered by log-probability / ((5 + length) / 6) ** penalty (Wu et al. 2016); the length includes
    EOS. A row that has ended stays in the beam while it is among the best. A condition is done when all its
    rows have ended.

    Args:
        generator: the generator; its modes and gradients do not change.
        given: conditions [n,S].
        beam: K; 1 is greedy search.
        length_penalty: 0 orders by log-probability; 1 is nearly the log-probability per token.
        n_best: number of rows to return, at most K.
        chunk_rows: rows that are stepped together; limits memory and does not change results.
    """
    check_beam(beam, n_best, length_penalty)
    given = generator.conditions(len(given), given)
    with evaluating(generator):
        found = [
            _search(generator, part, beam, length_penalty)
            for part in given.split(max(1, chunk_rows // beam))
        ]
    rows = torch.cat([part.rows for part in found])[:, :n_best]
    return BestRows(rows, torch.cat([part.log_probs for part in found])[:, :n_best])


def _search(
    generator: SequenceGenerator, given: Tensor, beam: int, length_penalty: float
) -> BestRows:
    """Return all K rows after each condition [n,S], best first."""
    n, device = len(given), given.device
    rows = torch.full((n, beam, generator.length), generator.pad or 0, device=device)
    log_probs = torch.full((n, beam), IMPOSSIBLE, device=device)
    log_probs[:, 0] = 0.0
    lengths = torch.zeros(n, beam, device=device)
    ended = torch.zeros(n, beam, dtype=torch.bool, device=device)
    state = _repeated(generator.start(given), beam)
    last = torch.full((n * beam,), generator.bos, device=device)
    going = torch.arange(n, device=device)
    for time in range(generator.length):
        logits, state = generator.step(last, state)
        steps = logits.float().log_softmax(-1).view(len(going), beam, -1)
        words = steps.shape[2]
        totals = log_probs[going].unsqueeze(2) + steps  # [g,K,V]
        longer = lengths[going] + ~ended[going]
        order = (totals / _penalty(longer, length_penalty).unsqueeze(2)).flatten(1)
        best = order.topk(beam, dim=1).indices
        parent, token = best // words, best % words
        log_probs[going] = totals.flatten(1).gather(1, best)
        lengths[going] = longer.gather(1, parent)
        written = rows[going].gather(1, parent.unsqueeze(2).expand(-1, -1, rows.shape[2]))
        written[:, :, time] = token
        rows[going] = written
        over = ended[going].gather(1, parent)
        if generator.eos is not None:
            over |= token == generator.eos
        ended[going] = over
        open_ = (~over).any(1).nonzero().squeeze(1)
        if not len(open_):
            break
        chosen = (open_.unsqueeze(1) * beam + parent[open_]).flatten()
        state, last, going = take_rows(state, chosen), token[open_].flatten(), going[open_]
    best = (log_probs / _penalty(lengths, length_penalty)).argsort(
        dim=1, descending=True, stable=True
    )
    rows = rows.gather(1, best.unsqueeze(2).expand_as(rows))
    whole = torch.cat([given.unsqueeze(1).expand(-1, beam, -1), rows], 2)
    return BestRows(whole, log_probs.gather(1, best))


def _penalty(lengths: Tensor, alpha: float) -> Tensor:
    return ((5 + lengths) / 6) ** alpha


def _repeated(state: State, beam: int) -> State:
    return tuple(part.repeat_interleave(beam, 0) for part in state)
