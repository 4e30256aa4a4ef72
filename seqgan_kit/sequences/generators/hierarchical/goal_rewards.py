"""Rewards of goals and of those who follow them, in the space of D's features (Guo et al. 2018)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def goals_reached(features: Tensor, goals: Tensor, step: int) -> Tensor:
    """Return cos(f_t+c - f_t, g_t) [B,T] for t = 0 ... T-1.

    Args:
        features: f_0 ... f_T [B,T+1,F]; beyond T, f_T counts.
        goals: g_0 ... g_T-1 [B,T,F].
        step: c.
    """
    length = goals.shape[1]
    ends = (torch.arange(length, device=goals.device) + step).clamp(max=length)
    return F.cosine_similarity(features[:, ends] - features[:, :-1], goals, dim=-1)


def intrinsic_rewards(features: Tensor, goals: Tensor, step: int) -> Tensor:
    """Return the mean of cos(f_t - f_t-i, g_t-i) over i = 1 ... min(c, t), for t = 1 ... T: [B,T].

    Cell t-1 belongs to the t-th token, after which the features are f_t. Arguments as those of
    :func:`goals_reached`.
    """
    length = goals.shape[1]
    total = goals.new_zeros(goals.shape[:2])
    for i in range(1, min(step, length) + 1):
        moved = features[:, i:] - features[:, :-i]
        total[:, i - 1 :] += F.cosine_similarity(moved, goals[:, : length + 1 - i], dim=-1)
    return total / torch.arange(1, length + 1, device=goals.device).clamp(max=step)


def rank_rewards(values: Tensor, mask: Tensor, sharpness: float) -> Tensor:
    """Return sigma(delta (0.5 - rank / B)) [B,T] of values [B,T].

    In each column, rank 1 is the highest value, equal values share their mean rank, and B counts the cells of
    ``mask`` [B,T]. Other cells are 0.
    """
    present = mask.unsqueeze(0)
    above = ((values.unsqueeze(0) > values.unsqueeze(1)) & present).sum(1)
    equal = ((values.unsqueeze(0) == values.unsqueeze(1)) & present).sum(1)
    ranks = above + (equal + 1) / 2
    return (sharpness * (0.5 - ranks / mask.sum(0).clamp(min=1))).sigmoid() * mask
