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

    def paint(self, captions: Sequence[str], *, seed: int = 0) -> Tensor:
        """Draw an image [N,C,H,W] in [-1,1] for each caption.

        Args:
            captions: sentences of known words, not longer than those of the training data.
            seed: the same seed gives the same images.
        """
        cast(CaptionEncoder, self.parts["caption_encoder"]).rows(captions, strict=True)
        return painted(self.parts, captions, torch.Generator().manual_seed(seed))

    def draw_painted(self, captions: Sequence[str], each: int, out: Path, *, seed: int = 0) -> Path:
        """Write a grid with ``each`` images of a caption in its row; return the path."""
        repeated = [caption for caption in captions for _ in range(each)]
        return save_grid(self.paint(repeated, seed=seed), out, columns=each, scale=2)

    def dream(self, captions: Sequence[str], shown: int, out: Path, *, seed: int = 0) -> Any:
        """Paint captions of a text model; see :func:`image_gans.evaluation.captions.dreaming.dream`."""
        return dream(self.parts, captions, shown, out, judge_of_run(self.run_dir), seed)
