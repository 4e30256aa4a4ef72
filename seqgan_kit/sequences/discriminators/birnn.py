"""A discriminator with a bidirectional GRU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.bounds import Share, Size, bounded
from seqgan_kit.core.recurrence import recurrent_precision
from seqgan_kit.sequences.kernels.hyperbolic import tanh
from seqgan_kit.sequences.soft_tokens import embed, presence


@dataclass(frozen=True)
@bounded
class BiRNNConfig:
    """Settings of a bidirectional GRU."""

    embedding: Size = 64
    """Width of the token embeddings."""
    hidden: Size = 64
    """Width of the GRU, in each direction."""
    layers: Size = 1
    """Number of GRU layers."""
    pooling: Literal["final", "mean", "max"] = "final"
    """Pooling of the states: the last state of each direction, or the mean or maximum over the tokens."""
    dropout: Share = 0.25
    """Dropout rate between layers and on the features."""


class BiRNN(nn.Module):
    """Embedding, GRU layers in both directions (Cho et al. 2014), pooling over the tokens, dropout.

    PAD does not change the states, so a row's features do not depend on the amount of padding. Ids go through
    torch's layers. Soft one-hots are read step by step, because cuDNN's layers have no second derivative and
    cannot read a token that is partly PAD; there the change of a state is scaled by the token's presence.

    Args:
        config: widths, layers, pooling, dropout.
        vocabulary: V.
        length: T; rows of other lengths are read as well.
        pad: the padding token, or None.
    """

    def __init__(self, config: BiRNNConfig, vocabulary: int, length: int, *, pad: int | None):
        super().__init__()
        self.config, self.length, self.pad = config, length, pad
        self.features = 2 * config.hidden
        self.embedding = nn.Embedding(vocabulary, config.embedding, padding_idx=pad)
        widths = [config.embedding] + [self.features] * (config.layers - 1)
        self.rightward = nn.ModuleList(nn.GRU(w, config.hidden, batch_first=True) for w in widths)
        self.leftward = nn.ModuleList(nn.GRU(w, config.hidden, batch_first=True) for w in widths)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [B,T] ids or [B,T,V] soft one-hots to features [B,2H]."""
        read = self._read_soft if tokens.is_floating_point() else self._read_ids
        with recurrent_precision(tokens):
            return self.dropout(read(tokens))

    def _read_ids(self, tokens: Tensor) -> Tensor:
        present = presence(tokens, self.pad)
        # Move PAD to the end, since a generator of whole rows may put PAD between tokens.
        order = (present == 0).byte().argsort(dim=1, stable=True)
        states, present = embed(self.embedding, tokens.gather(1, order)), present.gather(1, order)
        flip = flip_within(present.sum(1).long(), tokens.shape[1])
        for layer, pair in enumerate(zip(self.rightward, self.leftward, strict=True)):
            states = self.dropout(states) if layer else states
            right, left = pair[0](states)[0], pair[1](take_states(states, flip))[0]
            states = torch.cat([right, take_states(left, flip)], dim=2)
        if self.config.pooling != "final":
            return pool_states(states, present, self.config.pooling)
        last = (present.sum(1).long() - 1).clamp(min=0)[:, None]
        return (
            torch.cat([take_states(right, last), take_states(left, last)], dim=2).squeeze(1)
            * (present[:, :1])
        )

    def _read_soft(self, tokens: Tensor) -> Tensor:
        present, states = presence(tokens, self.pad), embed(self.embedding, tokens)
        for layer, pair in enumerate(zip(self.rightward, self.leftward, strict=True)):
            states = self.dropout(states) if layer else states
            right, left = cast(tuple[nn.GRU, nn.GRU], pair)
            states = soft_gru(states, present, right, left)
        if self.config.pooling != "final":
            return pool_states(states, present, self.config.pooling)
        hidden = self.config.hidden
        return torch.cat([states[:, -1, :hidden], states[:, 0, hidden:]], dim=1)


def soft_gru(inputs: Tensor, present: Tensor, rightward: nn.GRU, leftward: nn.GRU) -> Tensor:
    """Return the states [B,T,2H] of both directions for inputs [B,T,E], weighted by ``present``.

    h_t = h_(t-1) + present_t * (GRU(x_t, h_(t-1)) - h_(t-1)), with both directions in one batched product.
    """
    weights = [rightward.all_weights[0], leftward.all_weights[0]]
    seen = (inputs, inputs.flip(1))
    # [T,2,B,3H] and [T,2,B,1]: one slice per step.
    gates = torch.stack([F.linear(x, w[0], w[2]) for x, w in zip(seen, weights, strict=True)])
    gates = gates.permute(2, 0, 1, 3)
    shares = torch.stack([present, present.flip(1)]).permute(2, 0, 1).unsqueeze(3)
    weight = torch.stack([w[1].t() for w in weights])
    bias = torch.stack([w[3] for w in weights]).unsqueeze(1)
    state = inputs.new_zeros(2, len(inputs), rightward.hidden_size)
    states = []
    for gate, share in zip(gates, shares, strict=True):
        following = _gru_cell(gate, torch.baddbmm(bias, state, weight), state)
        # torch.lerp needs a single dtype, but under autocast the products have lower precision.
        state = state + share * (following - state)
        states.append(state)
    right, left = torch.stack(states, dim=2)
    return torch.cat([right, left.flip(1)], dim=2)


def _gru_cell(from_input: Tensor, from_state: Tensor, state: Tensor) -> Tensor:
    """Return the next state [...,H] from both products [...,3H], in torch's order reset, update, new."""
    reset_in, update_in, new_in = from_input.chunk(3, dim=-1)
    reset_state, update_state, new_state = from_state.chunk(3, dim=-1)
    new = tanh(new_in + (reset_in + reset_state).sigmoid() * new_state)
    return new + (update_in + update_state).sigmoid() * (state - new)


def flip_within(lengths: Tensor, columns: int) -> Tensor:
    """Return positions [B,T] that reverse the first ``lengths`` [B] of each row and keep the others."""
    position = torch.arange(columns, device=lengths.device)
    mirrored = lengths[:, None] - 1 - position
    return torch.where(mirrored >= 0, mirrored, position)


def take_states(states: Tensor, positions: Tensor) -> Tensor:
    """Return states [B,T,H] at positions [B,K]: [B,K,H]."""
    return states.gather(1, positions.unsqueeze(2).expand(-1, -1, states.shape[2]))


def pool_states(states: Tensor, present: Tensor, pooling: str) -> Tensor:
    """Return the mean or maximum [B,H] of states [B,T,H] in (-1, 1), over the present tokens [B,T]."""
    share = present.unsqueeze(2)
    if pooling == "mean":
        # An empty row has no mean; the small lower bound of the divisor makes it zeros.
        return (states * share).sum(1) / share.sum(1).clamp(min=1e-6)
    # -1 is a lower bound of all GRU states.
    return (states * share + share - 1).amax(1)
