"""Returns: the rewards of a step and of all later ones, discounted."""

from __future__ import annotations

import torch
from torch import Tensor


def discounted_returns(rewards: Tensor, discount: float) -> Tensor:
    """Return R_t = sum_{s >= t} discount^(s-t) r_s, [B,T] from rewards [B,T]."""
    later, returns = torch.zeros_like(rewards[:, 0]), []
    for reward in rewards.flip(1).unbind(1):
        later = reward + discount * later
        returns.append(later)
    return torch.stack(returns[::-1], 1)
