"""Draw images of captions with the parts of a trained model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from image_gans.networks.captions.caption_encoder import CaptionEncoder
from image_gans.networks.captions.caption_refiner import paint_vectors

_CHUNK = 64


@torch.no_grad()
def painted(
    parts: Mapping[str, nn.Module], captions: Sequence[str], rng: torch.Generator
) -> Tensor:
    """Draw an image [N,C,H,W] for each caption, on the CPU; captions may have unknown words.

    Args:
        parts: ``caption_encoder``, ``generator``, and ``sketcher`` if the model has two stages.
        captions: sentences.
        rng: draws the noise.
    """
    encoder = cast(CaptionEncoder, parts["caption_encoder"])
    vectors = encoder.vectors(captions).split(_CHUNK)
    return torch.cat([paint_vectors(parts, part, rng).float().cpu() for part in vectors])
