"""A classifier of one label: a recogniser with a single head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from image_gans.metrics.recogniser import Recogniser, RecogniserConfig
from seqgan_kit.core.bounds import Size, bounded


@dataclass(frozen=True)
@bounded
class LabelClassifierConfig:
    """Input shape, label and classes."""

    channels: Size
    """Channels of the images, 1 or 3."""
    size: Size
    """Side of the images in pixels."""
    label: str
    """Name of the label."""
    classes: tuple[str, ...]
    """Its classes, in the order of their numbers."""
    width: Size = 16
    """Channels of the first layers; they double with every halving of the image, up to four times this."""


class LabelClassifier(nn.Module):
    """Images [N,C,H,W] in [-1,1] to logits [N,K] of one label, by the layers of a recogniser."""

    def __init__(self, config: LabelClassifierConfig):
        super().__init__()
        self.config = config
        told = {config.label: config.classes}
        self.recogniser = Recogniser(
            RecogniserConfig(config.channels, config.size, told, config.width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N,K]."""
        return cast(Tensor, self.recogniser(x)[self.config.label])
