"""Penalties of sequence discriminators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.sequences.discriminators.textcnn import score_penalty


@dataclass(frozen=True)
class ScoreDecay:
    """L2 penalty on D's output layer, as in SeqGAN's code.

    SeqGAN's loss is one mean over reals and fakes. The loss here is the sum of their two means, which is
    twice as large, hence the factor 2.
    """

    weight: float = 0.2
    name: str = "score_l2"
    works_in_blocks: ClassVar[bool] = True
    """It also holds for a sharded discriminator, whose score head is whole."""

    def check(self, discriminator: nn.Module) -> None:
        """Accept any discriminator."""

    def __call__(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, rng: torch.Generator
    ) -> Tensor:
        return 2 * self.weight * score_penalty(cast(nn.Linear, discriminator.score))
