"""Balanced consistency regularisation: D's score does not change under augmentation (Zhao, Singh, Lee, Zhang,
Odena, Zhang 2021: "Improved consistency regularization for GANs", algorithm 1).

    D's loss gets + weight * ( E[(D(x) - D(T(x)))^2] + E[(D(G(z)) - D(T(G(z))))^2] )

Unlike augmentation of all that D sees, G's loss and D's objective read plain samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from seqgan_kit.core.discriminator import Discriminator, frozen
from seqgan_kit.core.judging import scores_of_both
from seqgan_kit.core.techniques.augmentation import AugmentedInput
from seqgan_kit.errors import UsageError


@dataclass(frozen=True)
class Consistency:
    """The term in D's loss.

    ``layer`` stands in front of D's trunk and is inactive elsewhere; with it D sees T(x).
    """

    layer: AugmentedInput
    weight: float
    name: str = "consistency"

    def check(self, discriminator: torch.nn.Module) -> None:
        if self.weight < 0:
            raise UsageError(f"the weight of consistency is {self.weight:g}; use 0 or more.")

    def __call__(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, rng: torch.Generator
    ) -> Tensor:
        with frozen(discriminator):
            plain = scores_of_both(discriminator, real, fake)
            with self.layer.shown(rng):
                changed = scores_of_both(discriminator, real, fake)
        terms = [(a - b).square().mean() for a, b in zip(plain, changed, strict=True)]
        return self.weight * (terms[0] + terms[1])
