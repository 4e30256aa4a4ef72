"""Beam search for the most likely rows after each of many conditions."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.autoregressive import IMPOSSIBLE, SequenceGenerator
from seqgan_kit.sequences.generators.given_tokens import source_mask
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS, Stepper

_LOGITS_AT_ONCE = 1 << 21
_BLOCK = 64


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
    EOS. A row that has ended stays in the beam while it is among the best, and is not stepped any more. A
    condition is done when no open row can still reach the ``n_best`` best, which are returned.

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
    # Conditions of similar length share a chunk, so that encoders read little padding.
    lengths = (
        source_mask(given, generator.pad).sum(1) if generator.given else given.new_zeros(len(given))
    )
    order = lengths.argsort(stable=True)
    with evaluating(generator):
        stepper = generator.stepper()
        found = [
            _Search(stepper, part, beam, length_penalty, n_best).run()
            for part in given[order].split(max(1, min(chunk_rows, stepper.most_rows) // beam))
        ]
    place = order.argsort()
    rows = torch.cat([part.rows for part in found])[place, :n_best]
    return BestRows(rows, torch.cat([part.log_probs for part in found])[place, :n_best])


class _Search:
    """The beams of n conditions; beam k of condition i is row i*K + k."""

    def __init__(self, stepper: Stepper, given: Tensor, beam: int, alpha: float, n_best: int):
        n, device = len(given), given.device
        self.stepper, self.given, self.beam, self.alpha, self.n_best = (
            stepper,
            given,
            beam,
            alpha,
            n_best,
        )
        self.rows = torch.full(
            (n, beam, stepper.generator.length), stepper.generator.pad or 0, device=device
        )
        self.log_probs = torch.full((n, beam), IMPOSSIBLE, device=device)
        self.log_probs[:, 0] = 0.0
        self.lengths = torch.zeros(n, beam, device=device)
        self.is_open = self.log_probs == 0

    def run(self) -> BestRows:
        """Search to the end; return all K rows, best first."""
        generator, device = self.stepper.generator, self.given.device
        states = self.stepper.rows(self.given)
        alive = self.is_open.flatten().nonzero().squeeze(1)
        last = torch.full((len(alive),), generator.bos, device=device)
        for time in range(generator.length):
            values, words = self._likeliest(states.read(last))
            parents = self._step(time, alive, values, words)
            alive = (self.is_open & self._may_win().unsqueeze(1)).flatten().nonzero().squeeze(1)
            if not len(alive) or time == generator.length - 1:
                break
            states.follow(parents[alive])
            last = self.rows.flatten(0, 1)[alive, time]
        return self._best()

    def _likeliest(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-probabilities and ids [A,K] of the likeliest next tokens after hidden states [A,H]."""
        words = self.stepper.generator.vocabulary
        parts = []
        for part in hidden.split(max(1, _LOGITS_AT_ONCE // words)):
            logits = self.stepper.project(part)
            values, ids = largest(logits, min(self.beam, words))
            most = values[:, :1].clone()
            values -= most + logits.sub_(most).exp_().sum(1, keepdim=True).log_()
            parts.append((values, ids))
        return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])

    def _step(self, time: int, alive: Tensor, values: Tensor, words: Tensor) -> Tensor:
        """Replace the beams by the best of their continuations; return which of the rows [A] each of the n*K
        continues."""
        n, beam, generator = len(self.given), self.beam, self.stepper.generator
        # Candidate 0 of a row that has ended is the row itself; nothing else continues it.
        totals = torch.full((n * beam, values.shape[1]), 2 * IMPOSSIBLE, device=values.device)
        totals[:, 0] = self.log_probs.flatten()
        totals[alive] = self.log_probs.flatten()[alive].unsqueeze(1) + values
        tokens = torch.full_like(totals, generator.pad or 0, dtype=torch.int64)
        tokens[alive] = words
        lengths = (self.lengths + self.is_open).unsqueeze(2)
        totals = totals.view(n, beam, -1)
        best = (totals / penalty(lengths, self.alpha)).flatten(1).topk(beam, dim=1).indices
        parent = best // values.shape[1]
        token = tokens.view(n, -1).gather(1, best)
        was_open = self.is_open.gather(1, parent)
        self.log_probs = totals.flatten(1).gather(1, best).clamp(min=IMPOSSIBLE)
        self.lengths = lengths.squeeze(2).gather(1, parent)
        self.rows = self.rows.gather(1, parent.unsqueeze(2).expand_as(self.rows))
        self.rows[:, :, time] = token
        self.is_open = was_open & (self.log_probs > IMPOSSIBLE / 2)
        if generator.eos is not None:
            self.is_open &= token != generator.eos
        index = torch.zeros(n * beam, dtype=torch.int64, device=values.device)
        index[alive] = torch.arange(len(alive), device=values.device)
        first = torch.arange(n, device=values.device).unsqueeze(1) * beam
        return index[(first + parent).flatten()]

    def _may_win(self) -> Tensor:
        """Return for which conditions [n] an open row may still become one of the ``n_best`` best.

        Longer rows are less likely, and the penalty is largest at the last length.
        """
        last = torch.tensor(float(self.stepper.generator.length), device=self.given.device)
        bounds = self.log_probs / penalty(last, self.alpha)
        ended = (self.log_probs / penalty(self.lengths, self.alpha)).masked_fill(
            self.is_open, -torch.inf
        )
        worst = ended.topk(self.n_best, dim=1).values[:, -1]
        return bounds.masked_fill(~self.is_open, -torch.inf).amax(1) > worst

    def _best(self) -> BestRows:
        scores = self.log_probs / penalty(self.lengths, self.alpha)
        best = scores.argsort(dim=1, descending=True, stable=True)
        rows = self.rows.gather(1, best.unsqueeze(2).expand_as(self.rows))
        whole = torch.cat([self.given.unsqueeze(1).expand(-1, self.beam, -1), rows], 2)
        return BestRows(whole, self.log_probs.gather(1, best))


def largest(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the k largest values and their columns of [A,V], in descending order.

    The k largest lie in the k blocks of columns with the largest maxima, so only these are sorted.
    """
    width = logits.shape[1]
    whole = width // _BLOCK * _BLOCK
    blocks = -(-width // _BLOCK)
    if blocks <= k:
        found = logits.topk(k, dim=1)
        return found.values, found.indices
    maxima = logits[:, :whole].unflatten(1, (-1, _BLOCK)).amax(2)
    if whole < width:
        maxima = torch.cat([maxima, logits[:, whole:].amax(1, keepdim=True)], 1)
    chosen = maxima.topk(k, dim=1).indices
    columns = (chosen.unsqueeze(2) * _BLOCK + torch.arange(_BLOCK, device=logits.device)).flatten(1)
    values = logits.gather(1, columns.clamp(max=width - 1)).masked_fill(
        columns >= width, -torch.inf
    )
    found = values.topk(k, dim=1)
    return found.values, columns.gather(1, found.indices)


def penalty(lengths: Tensor, alpha: float) -> Tensor:
    """Return ((5 + length) / 6) ** alpha."""
    return ((5 + lengths) / 6) ** alpha
