"""Packing: D scores m samples together, so it can detect a lack of diversity (Lin, Khetan, Fanti, Oh 2018:
"PacGAN: The power of two samples in generative adversarial networks").

    packs X_i = (x_{im+1} ... x_{im+m}), side by side along the channels
    D minimises the objective of D(X_real) and D(X_fake); G's loss is the objective of D(G(z_1) ... G(z_m))

A pack is all real or all fake. A batch of B samples makes B/m packs and B/m scores. The authors' code makes B
packs from B*m samples; a batch size m times as large does the same here.
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
    """Pack [B,C,...] into [B/m,m*C,...]: m consecutive samples are concatenated along the channels."""
    check_packs(len(x), samples)
    return x.reshape(len(x) // samples, samples * x.shape[1], *x.shape[2:])


def check_packs(batch: int, samples: int) -> None:
    """Refuse a batch size that is not a multiple of the pack size."""
    if batch % samples:
        raise UsageError(
            f"a batch of {batch} does not divide into packs of {samples}; use a batch size "
            f"(--batch-size) that is a multiple of {samples}."
        )


def unpack(packs: Tensor, samples: int) -> Tensor:
    """Unpack [B/m,m*C,...] into [B,C,...], the inverse of :func:`pack`."""
    return packs.reshape(len(packs) * samples, packs.shape[1] // samples, *packs.shape[2:])


class Packed(nn.Module):
    """A trunk that packs its input: [B,C,...] -> features [B/m,F].

    Args:
        trunk: a network with m times the channels of one sample as input.
        samples: m, the samples per pack.
    """

    def __init__(self, trunk: nn.Module, samples: int):
        super().__init__()
        if samples < 2:
            raise UsageError(f"a pack has {samples} samples; use at least 2.")
        self.trunk, self.samples = trunk, samples
        # Batches are whole packs, so reals and fakes never share one and one pass over both stays exact.
        self.rows_are_independent = getattr(trunk, "rows_are_independent", False)
        self.features = getattr(trunk, "features", None)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.trunk(pack(x, self.samples)))


@dataclass(frozen=True)
class PackPenalty:
    """A gradient penalty that treats a pack as one sample.

    The score of a pack is a function of all its m samples. So the gradient norm is taken over the whole pack,
    and one interpolation weight is drawn per pack, not per sample.
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
    """The discriminator as a function of packs that are already made."""

    def __init__(self, discriminator: Discriminator, samples: int):
        super().__init__()
        self.discriminator, self.samples = discriminator, samples

    def forward(self, packs: Tensor) -> Critique:
        return self.discriminator.forward(unpack(packs, self.samples))
