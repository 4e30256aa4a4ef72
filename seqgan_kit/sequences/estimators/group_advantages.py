"""Advantages of several replies to one condition, compared with each other.

    group          A_m = (r_m - mean r) / (std r + epsilon)     over the M replies to one condition
    leave_one_out  A_m = r_m - mean of the other M - 1 rewards
    batch          A_m = (r_m - mean r) / (std r + epsilon)     over all replies of the batch

``group`` is GRPO (Shao et al. 2024, "DeepSeekMath"), ``leave_one_out`` RLOO (Ahmadian et al. 2024, "Back to
basics"). Only the second keeps the policy gradient unbiased: a standard deviation weights conditions whose
rewards are close together more.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from seqgan_kit.errors import UsageError, unknown
from seqgan_kit.sequences.estimators.leave_one_out import compared_with_others

Comparison = Literal["group", "leave_one_out", "batch"]
COMPARISONS: tuple[Comparison, ...] = ("group", "leave_one_out", "batch")
EPSILON = 1e-4
"""Added to standard deviations, so that equal rewards give advantages of 0."""


def standardised(rewards: Tensor, epsilon: float = EPSILON) -> Tensor:
    """Return (r - mean) / (std + epsilon) along the last dimension [...,M]; std divides by M - 1."""
    centred = rewards - rewards.mean(-1, keepdim=True)
    return centred / (rewards.std(-1, keepdim=True) + epsilon)


def advantages_of(rewards: Tensor, comparison: Comparison) -> Tensor:
    """Return advantages [G,M] of rewards [G,M], of M replies to each of G conditions."""
    if comparison == "batch":
        return standardised(rewards.flatten()).view_as(rewards)
    return standardised(rewards) if comparison == "group" else compared_with_others(rewards)


def check_comparison(comparison: str, replies: int) -> None:
    """Raise UsageError if the name is unknown, or if there is nothing to compare a reply with."""
    if comparison not in COMPARISONS:
        raise unknown("advantage", comparison, COMPARISONS)
    if comparison != "batch" and replies < 2:
        raise UsageError(
            f"the advantage {comparison} compares the replies to one condition, and there is {replies}: use "
            "2 replies or more, or the advantage batch."
        )
