"""A trained model that paints captions, and what commands do with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from image_gans.evaluation.captions.dreaming import dream, judge_of_run
from image_gans.evaluation.captions.painting import painted
from image_gans.evaluation.image_parts import ImageParts
from image_gans.grids import save_grid
from image_gans.networks.captions.caption_encoder import CaptionEncoder


class CaptionModel(ImageParts):
    """A model of parts with the verb ``paint``, in evaluation mode."""

    def paint(
        self, captions: Sequence[str], *, seed: int = 0, condition_noise: float = 1.0
    ) -> Tensor:
        """Draw an image [N,C,H,W] in [-1,1] for each caption.

        Args:
            captions: sentences of known words, not longer than those of the training data.
            seed: the same seed gives the same images.
            condition_noise: scale of the noise of conditions (1 in training; 0: their means).
        """
        cast(CaptionEncoder, self.parts["caption_encoder"]).rows(captions, strict=True)
        rng = torch.Generator().manual_seed(seed)
        return painted(self.parts, captions, rng, condition_noise)

    def draw_painted(
        self,
        captions: Sequence[str],
        each: int,
        out: Path,
        *,
        seed: int = 0,
        condition_noise: float = 1.0,
    ) -> Path:
        """Write a grid with ``each`` images of a caption in its row; return the path."""
        repeated = [caption for caption in captions for _ in range(each)]
        images = self.paint(repeated, seed=seed, condition_noise=condition_noise)
        return save_grid(images, out, columns=each, scale=2)

    def dream(
        self,
        captions: Sequence[str],
        shown: int,
        out: Path,
        *,
        seed: int = 0,
        condition_noise: float = 1.0,
    ) -> Any:
        """Paint captions of a text model; see :func:`image_gans.evaluation.captions.dreaming.dream`."""
        judge = judge_of_run(self.run_dir)
        return dream(self.parts, captions, shown, out, judge, seed, condition_noise)
