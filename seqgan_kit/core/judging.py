"""Compute discriminator losses on real and fake samples, for any number of discriminators."""

from __future__ import annotations

import torch
from torch import Tensor

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Loss
from seqgan_kit.core.objectives import Objective


def judged(objective: Objective, discriminator: Discriminator, real: Tensor, fake: Tensor) -> Loss:
    """Return the objective's discriminator loss and its logged values.

    Args:
        objective: the losses of D and G.
        discriminator: D, any network with a score.
        real: [N,...] samples of the data.
        fake: [M,...] samples of a generator; without gradients if they are detached.
    """
    return judged_scores(objective, *scores_of_both(discriminator, real, fake))


def judged_scores(objective: Objective, real_score: Tensor, fake_score: Tensor) -> Loss:
    """Return the objective's discriminator loss of scores, and its logged values."""
    real_terms, fake_terms = objective.discriminator(real_score, fake_score)
    total = real_terms.mean() + fake_terms.mean()
    logs: dict[str, Tensor | float] = {"discriminator_loss": total}
    if objective.decision is not None and not objective.needs_real:
        logs["discriminator_accuracy"] = accuracy(real_score, fake_score, objective.decision)
    elif objective.compares_pairs:
        logs["discriminator_accuracy"] = pair_accuracy(real_score, fake_score)
    logs["score_gap"] = real_score.mean() - fake_score.mean()
    return Loss(total, logs)


def scores_of_both(
    discriminator: Discriminator, real: Tensor, fake: Tensor
) -> tuple[Tensor, Tensor]:
    """Return D's scores of real and fake samples, from one pass if rows do not affect each other."""
    alike = real.shape == fake.shape and real.dtype == fake.dtype
    if not (alike and getattr(discriminator.trunk, "rows_are_independent", False)):
        return discriminator(real).score, discriminator(fake).score
    real_score, fake_score = discriminator(torch.cat([real, fake])).score.chunk(2)
    return real_score, fake_score


def accuracy(real_score: Tensor, fake_score: Tensor, decision: float = 0.0) -> Tensor:
    """Return the balanced accuracy: the mean of the shares of real above and fake below the threshold."""
    right = (real_score > decision).float().mean() + (fake_score < decision).float().mean()
    return right / 2


def pair_accuracy(real_score: Tensor, fake_score: Tensor) -> Tensor:
    """Return the share of pairs with the higher score on the real sample; a tie counts as half."""
    return ((real_score > fake_score).float() + (real_score >= fake_score).float()).mean() / 2
