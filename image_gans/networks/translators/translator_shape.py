"""Input checks, initialisation and norms that all translators share."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from seqgan_kit.errors import UsageError

_DEVIATION = 0.02


def check_images(x: Tensor, channels: int, multiple: int, what: str) -> None:
    """Raise UsageError for images [N,C,H,W] that a translator cannot take.

    Args:
        x: the images.
        channels: number of channels that the translator takes.
        multiple: number that must divide both sides.
        what: name of the translator in the message.
    """
    if x.dim() != 4 or x.shape[1] != channels or x.shape[2] % multiple or x.shape[3] % multiple:
        raise UsageError(
            f"{what} takes images [N,{channels},H,W] whose sides are multiples of {multiple}; these are "
            f"{list(x.shape)}. Load the images with that size and number of channels."
        )


def drawn_small(modules: Iterable[nn.Module]) -> None:
    """Draw weights from N(0, 0.02), as pix2pix and CycleGAN do; biases become 0, scales of norms 1."""
    for module in modules:
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, _DEVIATION)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def instance_norm(channels: int) -> nn.Module:
    """Return instance norm with a scale and a shift for each channel."""
    return nn.InstanceNorm2d(channels, affine=True)
