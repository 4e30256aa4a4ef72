"""The base class of autoregressive generators of token sequences.

A generator is a distribution over rows of T tokens. PAD and BOS have probability 0; after EOS, PAD has
probability 1. So the sequences are those that end with EOS within T tokens and unfinished ones of T tokens,
and their probabilities sum to 1. Without EOS and PAD (``eos=None, pad=None``), every id is an ordinary token
and every row has T tokens, as in the oracle of the SeqGAN paper, whose start token may also be written.

A conditional generator writes after S given tokens, such as a source sentence, a prompt or a class. They are
the first S of a row's S+T tokens, are never scored, and may be any ids, including PAD. Without a condition, S
is 0.

Generators without an order of tokens, which map noise to a whole row, are not of this class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.core.products import linear
from seqgan_kit.sequences.generators.given_tokens import (
    check_conditions,
    check_given,
    check_special,
)
from seqgan_kit.sequences.kernels.fused_likelihood import token_log_probs, weighted_log_prob
from seqgan_kit.sequences.sampling.drawing_tokens import sample_sequences
from seqgan_kit.sequences.sampling.rows_in_progress import State
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS, Stepper

# Finite, because 0 * -inf is nan in a gradient or an entropy; low enough that its exp() is exactly 0.
IMPOSSIBLE = -1e9


class SequenceGenerator(nn.Module, ABC):
    """Base class of generators that read a prefix and predict the next token.

    A subclass defines ``encode`` (whole sequences), ``start`` and ``advance`` (one step) with the same
    weights. This class has the linear layer to the vocabulary, masks, probabilities and sampling. A subclass
    that encodes its condition separately defines ``prefix_states`` in place of ``encode``.

    Args:
        vocabulary: V, including special tokens.
        length: T, the number of written tokens.
        hidden: width of the output of ``encode`` and ``advance``.
        bos: id of the first input.
        eos: id of the end of a sequence, or None if all sequences have T tokens.
        pad: id after EOS; None only if ``eos`` is None.
        given: S, the number of given tokens.
        source_vocabulary: number of further ids, from V on, that are given and never written.
        output: the layer to the vocabulary, with weight [V,H] and bias [V] (default: a new linear one).
    """

    impossible: Tensor

    def __init__(
        self,
        vocabulary: int,
        length: int,
        hidden: int,
        bos: int,
        eos: int | None,
        pad: int | None,
        given: int = 0,
        source_vocabulary: int = 0,
        output: nn.Module | None = None,
    ):
        super().__init__()
        check_special(vocabulary, length, bos, eos, pad)
        check_given(given, source_vocabulary)
        self.vocabulary, self.length, self.given = vocabulary, length, given
        self.readable = vocabulary + source_vocabulary
        self.bos, self.eos, self.pad = bos, eos, pad
        self.output: Any = nn.Linear(hidden, vocabulary) if output is None else output
        impossible = torch.zeros(vocabulary)
        if pad is not None:
            impossible[[pad, bos]] = IMPOSSIBLE
        # This is added to the output layer's bias, so that masking costs nothing per logit.
        self.register_buffer("impossible", impossible, persistent=False)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile ``encode``, which losses use; the class has no forward."""
        self.encode = torch.compile(self.encode, *args, **kwargs)  # type: ignore[method-assign]

    @abstractmethod
    def encode(self, inputs: Tensor) -> Tensor:
        """Map whole inputs, [B,T] ids or [B,T,V] soft one-hots, to hidden states [B,T,H]."""

    @abstractmethod
    def start(self, given: Tensor) -> State:
        """Return the state after the condition [B,S] and before the first input; only this reads the
        condition."""

    @abstractmethod
    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one input per row, [B] ids or [B,V] soft one-hots; return hidden states [B,H] and the next
        state."""

    def after(self, tokens: Tensor, state: State) -> State:
        """Return the state after reading ``tokens`` [B,n] one by one."""
        for column in tokens.t():
            state = self.advance(column, state)[1]
        return state

    def project(self, hidden: Tensor) -> Tensor:
        """Return next-token logits [...,V] of hidden states [...,H]; PAD and BOS are masked."""
        # In bfloat16, the largest logit would be off by up to a few per cent.
        with torch.autocast(hidden.device.type, enabled=False):
            return linear(hidden.to(self.output.weight.dtype), *self._projection())

    def step(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one input per row, [B] ids or [B,V] soft one-hots; return next-token logits [B,V] and the next
        state."""
        hidden, state = self.advance(inputs, state)
        logits = self.project(hidden)
        if self.eos is None or inputs.is_floating_point():
            return logits, state
        return self.force_pad(logits, (inputs == self.eos) | (inputs == self.pad)), state

    def logits(self, tokens: Tensor) -> Tensor:
        """Return logits [B,T,V] of every written token of rows [B,S+T], after all tokens before it."""
        logits = self.project(self.prefix_states(tokens))
        return logits if self.eos is None else self.force_pad(logits, ~self.token_mask(tokens))

    def log_probs(self, tokens: Tensor) -> Tensor:
        """Return the log-probability [B,T] of every written token of rows [B,S+T]; 0 on the PAD after EOS.

        An impossible token (BOS, PAD before EOS, anything but PAD after EOS) gets a large negative number.
        """
        mask = self.token_mask(tokens)
        hidden, targets, rows = self._rows_to_score(tokens, mask)
        log_probs = token_log_probs(hidden, *self._projection(), targets)
        if rows is not None:
            log_probs = log_probs.new_zeros(mask.numel()).index_copy(0, rows, log_probs)
        log_probs = log_probs.view(mask.shape)
        if self.eos is None or self.pad is None:
            return log_probs
        after_end = torch.full_like(log_probs, IMPOSSIBLE).masked_fill(
            self.written(tokens) == self.pad, 0.0
        )
        return torch.where(mask, log_probs, after_end)

    def weighted_log_prob(self, tokens: Tensor, factors: Tensor) -> Tensor:
        """Return the sum of ``log_probs`` times constant ``factors`` [B,T] over tokens up to EOS, as a
        scalar.

        Value and gradients equal those of the plain sum, but are faster to compute.
        """
        factors = factors.detach().float() * self.token_mask(tokens)
        hidden, targets, rows = self._rows_to_score(tokens, factors != 0)
        factors = factors.flatten() if rows is None else factors.flatten()[rows]
        return weighted_log_prob(hidden, *self._projection(), targets, factors)

    def sequence_log_prob(self, tokens: Tensor) -> Tensor:
        """Return the log-probability [B] of the written tokens of rows [B,S+T], given the given ones."""
        return self.log_probs(tokens).sum(1)

    def written(self, rows: Tensor) -> Tensor:
        """Return the written tokens [B,T] of rows [B,S+T]."""
        return rows[:, self.given :] if self.given else rows

    def token_mask(self, tokens: Tensor) -> Tensor:
        """Return True [B,T] on the written tokens of rows [B,S+T] up to and including their first EOS."""
        tokens = self.written(tokens)
        if self.eos is None:
            return torch.ones_like(tokens, dtype=torch.bool)
        is_end = (tokens == self.eos).long()
        return is_end.cumsum(1) == is_end

    def stepper(self) -> Stepper:
        """Return a stepper for many steps with the current weights, without gradients."""
        weight, bias = self._projection()
        return Stepper(self, self.advance, torch.cat([weight.t(), bias[None]]).detach())

    def sample(
        self,
        n: int,
        *,
        rng: torch.Generator,
        given: Tensor | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        chunk_rows: int = CHUNK_ROWS,
    ) -> Tensor:
        """Draw ``n`` rows [n,S+T], one for each condition ``given`` [n,S]; see ``sample_sequences``."""
        given = self.conditions(n, given)
        with torch.no_grad(), evaluating(self):
            return sample_sequences(
                self.stepper(),
                given,
                rng=rng,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                chunk_rows=chunk_rows,
            )

    def conditions(self, n: int, given: Tensor | None) -> Tensor:
        """Check and return ``given`` [n,S], or return [n,0] for an unconditional generator."""
        device = self.output.weight.device
        if given is None:
            given = torch.empty(n, 0, dtype=torch.int64, device=device)
        return check_conditions(given.to(device), n, self.given)

    def draw_groups(
        self, groups: int, per_group: int, rng: torch.Generator, given: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw M rows per condition [G,S]: rows [G,M,S+T] and their log-probabilities [G,M] with gradient.

        Without conditions, all groups are alike: every row is an independent sample of the generator.
        """
        given = self.conditions(groups, given).repeat_interleave(per_group, 0)
        tokens = self.sample(groups * per_group, rng=rng, given=given)
        log_probs = self.sequence_log_prob(tokens)
        return tokens.view(groups, per_group, -1), log_probs.view(groups, per_group)

    @torch.no_grad()
    def scale_logits(self, factor: float) -> None:
        """Multiply all logits by a factor, from now on."""
        self.output.weight.mul_(factor)
        self.output.bias.mul_(factor)

    def _projection(self) -> tuple[Tensor, Tensor]:
        """Return weight [V,H] and bias [V] of the layer to the vocabulary, with PAD and BOS masked."""
        return self.output.weight, self.output.bias + self.impossible

    def prefix_states(self, tokens: Tensor) -> Tensor:
        """Return hidden states [B,T,H] of rows [B,S+T]; the state at t is after all earlier tokens."""
        first = torch.full_like(tokens[:, :1], self.bos)
        parts = [tokens[:, : self.given], first, tokens[:, self.given : -1]]
        return self.encode(torch.cat(parts, dim=1))[:, self.given :]

    def _rows_to_score(
        self, tokens: Tensor, counted: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return hidden states [M,H] and targets [M] of the counted cells of [B,T], and the indices [M] of
        the cells.

        The indices are None for all cells. This is so on a GPU, where counting would wait for the device.
        """
        if counted.device.type != "cpu" or counted.all():
            return self.prefix_states(tokens).flatten(0, 1), self.written(tokens).flatten(), None
        row, column = counted.nonzero().unbind(1)
        # Columns after the last counted cell change nothing before them.
        last = int(column.max()) + 1 if len(column) else 1
        hidden = self.prefix_states(tokens[:, : self.given + last]).flatten(0, 1)
        hidden = hidden.index_select(0, row * last + column)
        return hidden, self.written(tokens)[row, column], row * counted.shape[1] + column

    def force_pad(self, logits: Tensor, ended: Tensor) -> Tensor:
        """Return logits [...,V] that allow only PAD where ``ended`` [...] is True."""
        only_pad = torch.full_like(self.impossible, IMPOSSIBLE)
        only_pad[self.pad] = 0
        return torch.where(ended.unsqueeze(-1), only_pad, logits)
