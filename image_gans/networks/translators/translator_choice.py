"""Choice of the translator as settings, and its builder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Literal

from torch import nn

from image_gans.networks.translators.refiner import Refiner, RefinerConfig
from image_gans.networks.translators.residual_translator import (
    ResidualTranslator,
    ResidualTranslatorConfig,
)
from image_gans.networks.translators.unet import UNet, UNetConfig
from image_gans.networks.translators.upscaler import Upscaler, UpscalerConfig
from seqgan_kit.core.bounds import Several, Share, Size, bounded
from seqgan_kit.errors import UsageError, unknown


@dataclass(frozen=True)
@bounded
class TranslatorChoice:
    """Settings of the translator: its kind and its size."""

    network: Literal["unet", "residual", "upscaler", "refiner"] = "unet"
    """unet: connections at every resolution. residual: blocks at a quarter of the size (CycleGAN's).
    upscaler: sub-pixel convolutions, for sources of repeated pixels (SRGAN's). refiner: blocks at the full
    size (SimGAN's)."""
    width: Size = 64
    """Channels of its first layers."""
    dropout: Share = 0.5
    """unet: share of units dropped in the three innermost layers of the decoder."""
    blend: bool = False
    """unet: the network also outputs which share of each pixel it replaces, and the rest stays the source's.
    For sources that are right in most places."""
    blocks: Size = 6
    """residual, upscaler, refiner: residual blocks."""
    factor: Several = 4
    """upscaler: how many times larger a target is than its source was."""
    checkpointing: bool = False
    """Compute activations inside the blocks again for the gradients: less memory, more time."""


_KINDS: Mapping[str, tuple[Callable[[TranslatorChoice, int, int], nn.Module], frozenset[str]]] = {
    "unet": (
        lambda choice, size, channels: UNet(
            UNetConfig(size, channels, choice.width, choice.dropout, choice.blend)
        ),
        frozenset({"dropout", "blend"}),
    ),
    "residual": (
        lambda choice, size, channels: ResidualTranslator(
            ResidualTranslatorConfig(size, channels, choice.width, choice.blocks)
        ),
        frozenset({"blocks"}),
    ),
    "upscaler": (
        lambda choice, size, channels: Upscaler(
            UpscalerConfig(size, channels, choice.factor, choice.width, choice.blocks)
        ),
        frozenset({"blocks", "factor"}),
    ),
    "refiner": (
        lambda choice, size, channels: Refiner(
            RefinerConfig(size, channels, choice.width, choice.blocks)
        ),
        frozenset({"blocks"}),
    ),
}


def build_translator(
    choice: TranslatorChoice, size: int, channels: int, reduction: int | None = None
) -> nn.Module:
    """Return the translator of images of a size.

    Args:
        choice: the settings.
        size: side of the images in pixels.
        channels: of a source.
        reduction: how many times smaller the sources were, if it is known.

    Raises:
        UsageError: a setting that the network does not read, or a factor that is not the reduction.
    """
    if choice.network not in _KINDS:
        raise unknown("translator", choice.network, _KINDS)
    make, options = _KINDS[choice.network]
    read = {"network", "width", "checkpointing"} | options
    for field in fields(choice):
        if field.name not in read and getattr(choice, field.name) != field.default:
            raise UsageError(
                f"{field.name} is {getattr(choice, field.name)!r}, which has no meaning for the translator "
                f"{choice.network!r}; it reads {', '.join(sorted(read - {'network'}))}."
            )
    if "factor" in options and reduction not in (None, choice.factor):
        raise UsageError(
            f"factor is {choice.factor}, and the sources are reduced by {reduction}: the network would "
            f"average them once more, or leave them as they are. Give --factor {reduction}."
        )
    network = make(choice, size, channels)
    network.checkpointing = choice.checkpointing  # type: ignore[assignment]
    return network
