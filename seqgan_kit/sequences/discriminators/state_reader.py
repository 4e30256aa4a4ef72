"""A discriminator that reads a generator's hidden states instead of tokens (Lamb et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqgan_kit.core.bounds import Share, Size, bounded
from seqgan_kit.core.recurrence import recurrent_precision
from seqgan_kit.sequences.discriminators.birnn import flip_within, take_states


@dataclass(frozen=True)
@bounded
class StateReaderConfig:
    """Settings of the reader of hidden states."""

    hidden: Size = 64
    """Width of the GRU, in each direction."""
    width: Size = 128
    """Width of the two fully connected layers that read each position."""
    dropout: Share = 0.0
    """Dropout rate before each fully connected layer."""


class StateReader(nn.Module):
    """A bidirectional GRU over hidden states, two ReLU layers at each position, and the mean over positions.

    The input holds one channel more than the states, which is 1 where there is a token and 0 on PAD. PAD has
    no influence.

    Args:
        config: widths.
        states: H, the width of the hidden states.
    """

    rows_are_independent = True

    def __init__(self, config: StateReaderConfig, states: int):
        super().__init__()
        self.config, self.features = config, config.width
        self.rightward = nn.GRU(states, config.hidden, batch_first=True)
        self.leftward = nn.GRU(states, config.hidden, batch_first=True)
        self.layers = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(2 * config.hidden, config.width),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.width, config.width),
            nn.ReLU(),
        )

    def forward(self, behaviour: Tensor) -> Tensor:
        """Map behaviours [B,T,H+1] to features [B,F]."""
        states, present = behaviour[..., :-1], behaviour[..., -1]
        flip = flip_within(present.sum(1).long(), present.shape[1])
        with recurrent_precision(states):
            right = self.rightward(states)[0]
            left = take_states(self.leftward(take_states(states, flip))[0], flip)
            read = self.layers(torch.cat([right, left], 2))
        share = present.unsqueeze(2)
        mean: Tensor = (read * share).sum(1) / share.sum(1).clamp(min=1)
        return mean


def behaviour(states: Tensor, mask: Tensor) -> Tensor:
    """Return states [B,T,H] with the presence of tokens [B,T] as the last channel; states of PAD are 0."""
    present = mask.to(states.dtype).unsqueeze(2)
    return torch.cat([states * present, present], 2)
