"""Accuracy of a classifier under attack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from image_gans.attacks.attack_settings import GradientAttack
from image_gans.attacks.gradient_attacks import fgsm
from image_gans.attacks.local_search import Found, LocalSearch, local_search
from image_gans.attacks.perturbations import GREY_LEVEL
from seqgan_kit.core.techniques.virtual_adversary import Logits
from seqgan_kit.metrics.statistics.divergences import Estimate

_CHUNK = 128


@torch.no_grad()
def rightly_named(logits: Logits, x: Tensor, labels: Tensor) -> Tensor:
    """Return for each image [N,C,H,W] whether the most probable class is its own [N]."""
    named = [logits(part).argmax(1) for part in x.split(_CHUNK)]
    return torch.cat(named) == labels


def attacked_images(
    logits: Logits, x: Tensor, labels: Tensor, attack: GradientAttack, rng: torch.Generator
) -> Tensor:
    """Return the images [N,C,H,W] under attack, a few at a time."""
    parts = zip(x.split(_CHUNK), labels.split(_CHUNK), strict=True)
    return torch.cat([attack.perturb(logits, images, y, rng) for images, y in parts])


def fast_images(logits: Logits, x: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    """Return the images [N,C,H,W] after one signed step of ``epsilon`` grey levels."""
    parts = zip(x.split(_CHUNK), labels.split(_CHUNK), strict=True)
    return torch.cat([fgsm(logits, images, y, epsilon * GREY_LEVEL) for images, y in parts])


def robust_by_strength(
    logits: Logits,
    x: Tensor,
    labels: Tensor,
    attack: GradientAttack,
    epsilons: Sequence[float],
    rng: torch.Generator,
) -> list[Estimate]:
    """Return the accuracy under attacks of each strength, which must rise.

    A perturbation may be smaller than epsilon. So an image counts only if its class is also right without an
    attack and at all smaller strengths.
    """
    right, found = rightly_named(logits, x, labels), []
    for epsilon in epsilons:
        if epsilon:
            right = withstood(logits, x, labels, replace(attack, epsilon=epsilon), right, rng)
        found.append(share(right))
    return found


def withstood(
    logits: Logits,
    x: Tensor,
    labels: Tensor,
    attack: GradientAttack,
    right: Tensor,
    rng: torch.Generator,
) -> Tensor:
    """Return which of the images that are ``right`` [N] stay so under an attack; no other is attacked."""
    rows = right.nonzero().flatten()
    if not len(rows):
        return right
    attacked = attacked_images(logits, x[rows], labels[rows], attack, rng)
    return right.index_put((rows,), rightly_named(logits, attacked, labels[rows]))


def searched_images(
    logits: Logits, x: Tensor, labels: Tensor, search: LocalSearch, rng: torch.Generator
) -> list[Found]:
    """Return what greedy local search makes of each image [N,C,H,W]."""
    pairs: Iterable[tuple[Tensor, int]] = zip(x, labels.tolist(), strict=True)
    return [local_search(logits, image, label, search, rng) for image, label in pairs]


def share(right: Tensor) -> Estimate:
    """Return the share of true values [N] with its standard error."""
    mean, count = float(right.double().mean()), len(right)
    return Estimate(mean, (mean * (1 - mean) / count) ** 0.5)
