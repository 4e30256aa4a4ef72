"""Draw images of captions with the parts of a trained model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from image_gans.latent.steered_generator import SteeredGenerator
from image_gans.networks.captions.caption_encoder import CaptionEncoder
from image_gans.networks.captions.caption_refiner import paint_vectors
from seqgan_kit.errors import UsageError

_CHUNK = 64
Painter = Callable[[Sequence[str], torch.Generator], Tensor]
"""Draws an image [N,C,H,W] for each caption, on the CPU; captions may have unknown words."""


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


@torch.no_grad()
def painted_by_steps(
    model: SteeredGenerator, captions: Sequence[str], rng: torch.Generator
) -> Tensor:
    """Draw an image [N,C,H,W] for each caption by a chain, on the CPU; unknown words steer nothing.

    Args:
        model: a generator with a captioning model.
        captions: sentences.
        rng: draws the starts and the noise of the steps.
    """
    assert model.writer is not None
    features = model.latents_of_captions(model.writer.rows(captions), rng)
    return torch.cat([model(part).float().cpu() for part in features.split(_CHUNK)])
