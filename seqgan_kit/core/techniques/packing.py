"""Packing: D judges m samples at once, so that it sees a lack of variety (Lin, Khetan, Fanti, Oh 2018:
"PacGAN: The power of two samples in generative adversarial networks").

    packs X_i = (x_{im+1} ... x_{im+m}), side by side along the channels
    D minimises the objective of D(X_real) and D(X_fake); G's loss is the objective of D(G(z_1) ... G(z_m))

A pack is all real or all fake. A batch of B samples makes B/m packs and as many scores. The authors' code
makes B packs of B*m samples; a batch m times as large does the same here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.discriminator import Critique, Discriminator
from seqgan_kit.core.penalties import Penalty
from seqgan_kit.errors import UsageError


def pack(x: Tensor, samples: int) -> Tensor:
    """[B,C,...] -> [B/m,m*C,...]: each m samples in a row become one, side by side along the channels."""
    check_packs(len(x), samples)
    return x.reshape(len(x) // samples, samples * x.shape[1], *x.shape[2:])


def check_packs(batch: int, samples: int) -> None:
    """Refuse a batch that is no whole number of packs."""
    if batch % samples:
        raise UsageError(
            f"a batch of {batch} does not divide into packs of {samples}; use a batch size "
            f"(--batch-size) that is a multiple of {samples}."
        )


def unpack(packs: Tensor, samples: int) -> Tensor:
    """[B/m,m*C,...] -> [B,C,...], the inverse of :func:`pack`."""
    return packs.reshape(len(packs) * samples, packs.shape[1] // samples, *packs.shape[2:])


class Packed(nn.Module):
    """A trunk in front of which samples are packed: [B,C,...] -> features [B/m,F].

    Args:
        trunk: takes m times the channels of one sample.
        samples: m.
    """

    def __init__(self, trunk: nn.Module, samples: int):
        super().__init__()
        if samples < 2:
            raise UsageError(f"a pack of {samples} samples packs nothing; use at least 2.")
        self.trunk, self.samples = trunk, samples
        # Reals and fakes of whole packs never share a pack, so one pass over both stays exact.
        self.rows_are_independent = getattr(trunk, "rows_are_independent", False)
        self.features = getattr(trunk, "features", None)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.trunk(pack(x, self.samples)))


@dataclass(frozen=True)
class PackPenalty:
    """A penalty on the gradient of a pack's score by the whole pack.

    The score of a pack is a function of its m samples together: its gradient's norm is taken over all of
    them, and a pack is mixed with one share of real, not each sample with its own.
    """

    penalty: Penalty
    samples: int

    @property
    def name(self) -> str:
        return self.penalty.name

    def check(self, discriminator: nn.Module) -> None:
        self.penalty.check(discriminator)

    def __call__(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, rng: torch.Generator
    ) -> Tensor:
        of_packs = cast(Discriminator, _OfPacks(discriminator, self.samples))
        return self.penalty(of_packs, pack(real, self.samples), pack(fake, self.samples), rng)


class _OfPacks(nn.Module):
    """The same discriminator as a function of packs."""

    def __init__(self, discriminator: Discriminator, samples: int):
        super().__init__()
        self.discriminator, self.samples = discriminator, samples

    def forward(self, packs: Tensor) -> Critique:
        return self.discriminator.forward(unpack(packs, self.samples))
