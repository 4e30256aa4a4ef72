"""Divergence from a reference policy, estimated token by token on replies of the policy.

With d_t = log G(y_t | x, y_<t) - log ref(y_t | x, y_<t) (Schulman 2020, "Approximating KL divergence"):

    k1 = d                     its mean over replies of G is KL(G || ref)
    k2 = d^2 / 2               the mean of its gradient is that of KL(G || ref), at given prefixes
    k3 = exp(-d) - 1 + d       its mean is KL(G || ref), and it is never negative; the mean of its gradient is
                               that of KL(ref || G), at given prefixes

So k1 belongs in the reward (the mean of its own gradient is 0), and k2 and k3 in the loss.
"""

from __future__ import annotations

import copy
from contextlib import nullcontext
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator

Divergence = Literal["k1_in_reward", "k2_in_loss", "k3_in_loss"]
DIVERGENCES: tuple[Divergence, ...] = ("k1_in_reward", "k2_in_loss", "k3_in_loss")
Reference = Literal["copy", "base"]
REFERENCES: tuple[Reference, ...] = ("copy", "base")


def k1(log_probs: Tensor, reference: Tensor) -> Tensor:
    """Return d [...] of log-probabilities [...] of the policy and of the reference."""
    return log_probs - reference


def k2(log_probs: Tensor, reference: Tensor) -> Tensor:
    """Return d^2 / 2 [...]."""
    return (log_probs - reference).square() / 2


def k3(log_probs: Tensor, reference: Tensor) -> Tensor:
    """Return exp(-d) - 1 + d [...]."""
    difference = log_probs - reference
    return torch.expm1(-difference) + difference


def divergence_loss(log_probs: Tensor, reference: Tensor, kind: Divergence) -> Tensor:
    """Return the term of the loss [...], of which k1 has none."""
    if kind == "k1_in_reward":
        return torch.zeros_like(log_probs)
    return (k2 if kind == "k2_in_loss" else k3)(log_probs, reference)


def frozen_copy(generator: SequenceGenerator) -> SequenceGenerator:
    """Return a copy of a generator that no optimizer changes, as the player ``reference``."""
    return copy.deepcopy(generator).requires_grad_(False)


def check_reference(generator: nn.Module, reference: Reference) -> None:
    """Raise UsageError if the model before training is not kept."""
    adapted = getattr(getattr(generator, "config", None), "lora_rank", 0)
    if reference == "base" and not adapted:
        raise UsageError(
            "the reference base is a language model with its adapters off, and this generator has none: use "
            "the reference copy, or --generator hf:MODEL with --hf.lora-rank 1 or more."
        )


@torch.no_grad()
def reference_log_probs(
    game: AdversarialGame[SequenceGenerator], rows: Tensor, chunk_rows: int
) -> Tensor:
    """Return log-probabilities [N,T] of rows [N,S+T] under the player ``reference``, or else under the
    generator with its adapters off."""
    has_copy = "reference" in game.players
    name = "reference" if has_copy else "generator"
    policy = cast(SequenceGenerator, game.players[name])
    context: Any = nullcontext() if has_copy else cast(Any, policy).base_policy()
    with context, evaluating(policy):
        return torch.cat([policy.log_probs(part) for part in rows.split(chunk_rows)])
