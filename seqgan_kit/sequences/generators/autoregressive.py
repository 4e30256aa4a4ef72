"""What every autoregressive generator of token sequences is and can do.

A generator is a distribution over rows of T tokens. PAD and BOS have probability 0; after EOS the row is PAD
with probability 1. So its sequences are those that end by EOS within T and unfinished ones of T tokens, and
their probabilities sum to 1. Without EOS and PAD (``eos=None, pad=None``) every id is an ordinary token and
every row is full, as in the oracle world of the SeqGAN paper, whose start token may also be emitted.

A conditional generator writes after S given tokens: a source sentence, a prompt, a class. They are the first
S of a row's S+T tokens, are never scored, and may be any ids, PAD among them. Without a condition S is 0.

A generator that has no order of tokens (one that maps noise to a whole row) is none of these.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.core.products import linear
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.given_tokens import check_conditions, check_given_length
from seqgan_kit.sequences.kernels.fused_likelihood import token_log_probs, weighted_log_prob
from seqgan_kit.sequences.sampling.drawing_tokens import check_sampling_options, sample_sequences
from seqgan_kit.sequences.sampling.rows_in_progress import State
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS, Stepper

# Finite, because 0 * -inf in a gradient or an entropy is nan; far enough that exp() of it is exactly 0.
IMPOSSIBLE = -1e9


class SequenceGenerator(nn.Module, ABC):
    """Base of generators that read a prefix and score the next token.

    A kind of generator defines ``encode`` (whole sequences), ``start`` and ``advance`` (one step) on the
    same weights; the linear layer to the vocabulary, masks, probabilities and sampling are here. One that
    encodes its condition apart defines ``prefix_states`` in place of ``encode``.

    Args:
        vocabulary: V, special tokens included.
        length: T, of written tokens.
        hidden: width of what ``encode`` and ``advance`` return.
        bos: first input.
        eos: end of a sequence, or None where all sequences have T tokens.
        pad: what follows EOS; None only where ``eos`` is.
        given: S.
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
    ):
        super().__init__()
        _check_tokens(vocabulary, length, bos, eos, pad)
        self.vocabulary, self.length, self.given = vocabulary, length, check_given_length(given)
        self.bos, self.eos, self.pad = bos, eos, pad
        self.output = nn.Linear(hidden, vocabulary)
        impossible = torch.zeros(vocabulary)
        if pad is not None:
            impossible[[pad, bos]] = IMPOSSIBLE
        # Added to the output layer's bias, so that masking costs nothing per logit.
        self.register_buffer("impossible", impossible, persistent=False)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile the reading of whole sequences, which losses go through; there is no forward."""
        self.encode = torch.compile(self.encode, *args, **kwargs)  # type: ignore[method-assign]

    @abstractmethod
    def encode(self, inputs: Tensor) -> Tensor:
        """Read whole inputs, [B,T] ids or [B,T,V] soft one-hots, from the start: [B,T,H]."""

    @abstractmethod
    def start(self, given: Tensor) -> State:
        """Return the state after the condition [B,S], which nobody else reads, and before the first input."""

    @abstractmethod
    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one input per row, [B] ids or [B,V] soft one-hots: ([B,H], next state)."""

    def after(self, tokens: Tensor, state: State) -> State:
        """Return the state once ``tokens`` [B,n] have been read too, one by one."""
        for column in tokens.t():
            state = self.advance(column, state)[1]
        return state

    def project(self, hidden: Tensor) -> Tensor:
        """Next-token logits [...,V] of hidden states [...,H]; PAD and BOS are impossible."""
        # In bfloat16 the likeliest token's logit would be off by up to a few per cent.
        with torch.autocast(hidden.device.type, enabled=False):
            return linear(hidden.to(self.output.weight.dtype), *self._projection())

    def step(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """One input per row, [B] ids or [B,V] soft one-hots: (logits [B,V] of the next, next state)."""
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

        A token that cannot stand where it stands (BOS, PAD before EOS, anything but PAD after it) gets a
        large negative number.
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
        """Return the sum, a scalar, of ``log_probs`` times constant ``factors`` [B,T] over tokens up to EOS.

        Its value and gradients are those of the sum written out; they come faster.
        """
        factors = factors.detach().float() * self.token_mask(tokens)
        hidden, targets, rows = self._rows_to_score(tokens, factors != 0)
        factors = factors.flatten() if rows is None else factors.flatten()[rows]
        return weighted_log_prob(hidden, *self._projection(), targets, factors)

    def sequence_log_prob(self, tokens: Tensor) -> Tensor:
        """Return the log-probability [B] of what rows [B,S+T] write after what they are given."""
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
        """Stepping prepared for many steps with the present weights, without gradients."""
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
        """Return ``given`` [n,S], checked; [n,0] where there is nothing to be given."""
        device = self.output.weight.device
        if given is None:
            given = torch.empty(n, 0, dtype=torch.int64, device=device)
        return check_conditions(given.to(device), n, self.given)

    def draw_groups(
        self, groups: int, per_group: int, rng: torch.Generator, given: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw rows [G,M,S+T] and their log-probabilities [G,M] with gradient, M for each condition [G,S].

        Without a condition, and without noise, all groups are alike: every row is drawn from the generator.
        """
        given = self.conditions(groups, given).repeat_interleave(per_group, 0)
        tokens = self.sample(groups * per_group, rng=rng, given=given)
        log_probs = self.sequence_log_prob(tokens)
        return tokens.view(groups, per_group, -1), log_probs.view(groups, per_group)

    def _projection(self) -> tuple[Tensor, Tensor]:
        """Weight [V,H] and bias [V] of the layer to the vocabulary, with PAD and BOS impossible."""
        return self.output.weight, self.output.bias + self.impossible

    def prefix_states(self, tokens: Tensor) -> Tensor:
        """Return hidden states [B,T,H] of rows [B,S+T]: at t, after all that comes before it."""
        first = torch.full_like(tokens[:, :1], self.bos)
        parts = [tokens[:, : self.given], first, tokens[:, self.given : -1]]
        return self.encode(torch.cat(parts, dim=1))[:, self.given :]

    def _rows_to_score(
        self, tokens: Tensor, counted: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Hidden states [M,H] and targets [M] of the counted cells of [B,T], and which cells they are [M].

        None stands for all. So it is on a GPU, where counting would make every step wait for the device.
        """
        hidden, targets = self.prefix_states(tokens).flatten(0, 1), self.written(tokens).flatten()
        if counted.device.type != "cpu" or counted.all():
            return hidden, targets, None
        rows = counted.flatten().nonzero().squeeze(1)
        return hidden.index_select(0, rows), targets[rows], rows

    def force_pad(self, logits: Tensor, ended: Tensor) -> Tensor:
        """Logits [...,V] that leave PAD alone possible where ``ended`` [...]."""
        only_pad = torch.full_like(self.impossible, IMPOSSIBLE)
        only_pad[self.pad] = 0
        return torch.where(ended.unsqueeze(-1), only_pad, logits)


@torch.no_grad()
def tempered(generator: SequenceGenerator, temperature: float) -> SequenceGenerator:
    """A copy whose distribution is the generator's at a temperature: its logits, divided by it.

    What it samples is what the generator samples at that temperature, and its probabilities are those.
    """
    check_sampling_options(temperature, None, None)
    copied = copy.deepcopy(generator)
    copied.output.weight.div_(temperature)
    copied.output.bias.div_(temperature)
    return copied


def _check_tokens(vocabulary: int, length: int, bos: int, eos: int | None, pad: int | None) -> None:
    if length < 1 or vocabulary < 2:
        raise UsageError(
            f"a generator needs at least 2 tokens and 1 position, not {vocabulary} and {length}."
        )
    if eos is not None and pad is None:
        raise UsageError("a generator with EOS needs PAD for what follows it: give pad as well.")
    special = [token for token in (bos, eos, pad) if token is not None]
    if len(set(special)) < len(special) or not all(0 <= token < vocabulary for token in special):
        raise UsageError(
            f"bos={bos}, eos={eos}, pad={pad} must be different ids below {vocabulary}."
        )
