"""Put an augmentation in front of a discriminator's trunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from image_gans.augmentations.ada_transforms import ada_transform
from image_gans.augmentations.diffaugment import diffaugment, shifted, uniform
from seqgan_kit.core.adversarial import Estimator
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.objectives import Objective
from seqgan_kit.core.techniques.augmentation import (
    AdaptiveProbability,
    AugmentedInput,
    ScheduledProbability,
    Transform,
    WithAugmentation,
)
from seqgan_kit.core.techniques.consistency import Consistency

Augmentation = Literal["none", "diffaugment", "ada", "scheduled"]
ADAPTIVE = "augmentation"
"""Name of the player that holds ADA's probability."""


@dataclass(frozen=True)
class Augmented:
    """The parts of a game with augmentation."""

    estimator: Estimator
    objective: Objective
    player: AdaptiveProbability | None = None
    """State of adaptive augmentation."""


def augmented(
    discriminator: Discriminator,
    objective: Objective,
    estimator: Estimator,
    kind: Augmentation,
    *,
    target: float,
    length: int,
    end: float,
) -> Augmented:
    """Let D read transformed images only, and return the other parts that this needs.

    Args:
        discriminator: changed in place.
        objective: of the game.
        estimator: of the game.
        kind: which transformations, and how their probability is set.
        target: ada: r_t at which the probability stays.
        length: ada: images after which the probability can have moved from 0 to 1.
        end: scheduled: probability at the end.
    """
    if kind == "diffaugment":
        layer = _put_before(discriminator, diffaugment)
        return Augmented(WithAugmentation(estimator, layer), objective)
    if kind == "ada":
        player = AdaptiveProbability(target, length)
        layer = _put_before(discriminator, lambda x, rng: ada_transform(x, player.probability, rng))
        logged = WithAugmentation(estimator, layer, lambda move: player.probability.clone())
        return Augmented(logged, player.watching(objective), player)
    schedule = ScheduledProbability(end)
    layer = _put_before(discriminator, lambda x, rng: ada_transform(x, schedule.value, rng))
    return Augmented(WithAugmentation(estimator, layer, schedule), objective)


def consistency(discriminator: Discriminator, weight: float) -> Consistency:
    """Return the penalty on changes of D's score under :func:`mirrored_and_shifted`."""
    return Consistency(_put_before(discriminator, mirrored_and_shifted, always=False), weight)


def mirrored_and_shifted(x: Tensor, rng: torch.Generator | None) -> Tensor:
    """Mirror half of the images [N,C,H,W], and shift all by up to 1/8 of the side (4 of 32 pixels).

    The transformation of consistency regularisation (Zhang et al. 2020, section 3.1).
    """
    mirror, down, right = uniform(3, x, rng)
    x = torch.where(mirror < 0.5, x.flip(3), x)
    pixels = [
        (((2 * most + 1) * u).floor() - most).view(-1)
        for u, most in ((down, x.shape[2] // 8), (right, x.shape[3] // 8))
    ]
    return shifted(x, *pixels)


def _put_before(
    discriminator: Discriminator, transform: Transform, *, always: bool = True
) -> AugmentedInput:
    """Put a transformation before D's trunk; return the layer."""
    layer = AugmentedInput(discriminator.trunk, transform, always=always)
    discriminator.trunk = layer
    return layer
