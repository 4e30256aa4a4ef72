"""Inputs and outputs of image networks: latent vectors, and checks of image shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from seqgan_kit.errors import UsageError

SIZES = (16, 32, 64, 128, 256)
"""Allowed sides in pixels: 4 times powers of two."""
CHANNELS = (1, 3)


class FromLatents(nn.Module):
    """A generator whose ``forward`` maps standard normal vectors [N,latent] to samples [N,...]."""

    config: Any

    def latents(self, n: int, rng: torch.Generator) -> Tensor:
        """[n,latent] standard normal; drawn where ``rng`` lives, returned where the parameters live."""
        z = torch.randn(n, self.config.latent, generator=rng, device=rng.device)
        return z.to(next(self.parameters()))

    def sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        """[n,...] samples of fresh latents, differentiable wherever gradients are enabled."""
        return cast(Tensor, self(self.latents(n, rng)))


def check_shape(what: str, size: int, channels: int, widths: Mapping[str, int]) -> None:
    """Refuse images that the network cannot generate, and widths below 1."""
    for name, given, allowed in (("size", size, SIZES), ("channels", channels, CHANNELS)):
        if given not in allowed:
            raise UsageError(
                f"{what}'s {name} cannot be {given}. Allowed: {', '.join(map(str, allowed))}."
            )
    for name, given in widths.items():
        if given < 1:
            raise UsageError(f"{what}'s {name} cannot be {given}; it needs at least 1.")


def check_pictures(x: Tensor, channels: int, size: int) -> None:
    """Refuse a batch [N,C,H,W] whose shape the discriminator does not take."""
    wanted = (channels, size, size)
    if x.shape[1:] != wanted:
        raise UsageError(
            f"this discriminator takes images of shape {wanted} (channels, height, width); these "
            f"are {tuple(x.shape[1:])}. Load the images with that size and number of channels."
        )
