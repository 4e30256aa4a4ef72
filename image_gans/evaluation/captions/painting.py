"""Draw images of captions with the parts of a trained model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from image_gans.networks.captions.caption_encoder import CaptionEncoder
from image_gans.networks.captions.caption_refiner import paint_vectors
from seqgan_kit.errors import UsageError

_CHUNK = 64


@torch.no_grad()
def painted(
    parts: Mapping[str, nn.Module],
    captions: Sequence[str],
    rng: torch.Generator,
    condition_noise: float = 1.0,
) -> Tensor:
    """Draw an image [N,C,H,W] for each caption, on the CPU; captions may have unknown words.

    Args:
        parts: ``caption_encoder``, ``generator``, and ``sketcher`` if the model has two stages.
        captions: sentences.
        rng: draws the noise.
        condition_noise: scale of the noise of conditions (1 in training; 0: their means).
    """
    if not 0 <= condition_noise <= 1:
        raise UsageError(f"condition_noise is {condition_noise}; allowed are numbers from 0 to 1.")
    encoder = cast(CaptionEncoder, parts["caption_encoder"])
    vectors = encoder.vectors(captions).split(_CHUNK)
    drawn = (paint_vectors(parts, part, rng, condition_noise) for part in vectors)
    return torch.cat([images.float().cpu() for images in drawn])
