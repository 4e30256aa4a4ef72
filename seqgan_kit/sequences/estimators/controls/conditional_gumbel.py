"""Gumbel noise given the tokens that it chose, and its derivative in the tokens' probabilities.

A token is y = argmax_v (log p_v + n_v) with Gumbel noise n. Given y, the largest key log p_v + n_v has the
law of a standard Gumbel variable, whatever p, and the others are Gumbel variables truncated there (Maddison
et al. 2014, "A* sampling"; Tucker et al. 2017, appendix). With standard Gumbel variables g, one per token,

    z_y = g_y,    z_v = -log(exp(-g_y) + exp(-(log p_v + g_v))),    n = z - log p

n depends on p, and the law of (y, n) is that of noise n and its token.
"""

from __future__ import annotations

import torch
from torch import Tensor


def conditional_noise(log_probs: Tensor, tokens: Tensor, gumbels: Tensor) -> Tensor:
    """Return noise n [...,V] for which argmax (log_probs + n) is the token.

    Args:
        log_probs: log p [...,V], normalised.
        tokens: y [...].
        gumbels: g [...,V], standard Gumbel variables.
    """
    chosen = tokens.unsqueeze(-1)
    largest = gumbels.gather(-1, chosen)
    keys = -torch.logaddexp(-largest, -(log_probs + gumbels))
    return keys.scatter(-1, chosen, largest) - log_probs


def noise_slopes(log_probs: Tensor, tokens: Tensor, gumbels: Tensor) -> Tensor:
    """Return d n_v / d log p_v [...,V] of :func:`conditional_noise`; n_v reads no other probability.

    -1 for v = y,   -exp(-g_y) / (exp(-g_y) + exp(-(log p_v + g_v))) for the others
    """
    chosen = tokens.unsqueeze(-1)
    largest = gumbels.gather(-1, chosen)
    return (-(log_probs + gumbels - largest).sigmoid()).scatter(-1, chosen, -1.0)
