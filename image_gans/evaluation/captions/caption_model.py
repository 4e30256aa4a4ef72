"""A trained model that paints captions, and what commands do with it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from image_gans.evaluation.captions.dreaming import dream, judge_of_run
from image_gans.evaluation.captions.painting import Painter, painted, painted_by_steps
from image_gans.evaluation.image_parts import ImageParts
from image_gans.grids import save_grid
from image_gans.networks.captions.caption_encoder import CaptionEncoder
from image_gans.networks.captions.caption_writer import CaptionWriter
from seqgan_kit.errors import CheckpointError, UsageError


class CaptionModel(ImageParts):
    """A model of parts with the verb ``paint``, in evaluation mode.

    It has an encoder of captions, whose vectors its generator takes, or a captioning model, which steers
    chains.
    """

    def paint(
        self, captions: Sequence[str], *, seed: int = 0, condition_noise: float = 1.0
    ) -> Tensor:
        """Draw an image [N,C,H,W] in [-1,1] for each caption.

        Args:
            captions: sentences of known words, not longer than those of the training data.
            seed: the same seed gives the same images.
            condition_noise: scale of the noise of conditions (1 in training; 0: their means).
        """
        self.reader.rows(captions, strict=True)
        return self._painter(condition_noise)(captions, torch.Generator().manual_seed(seed))

    @property
    def reader(self) -> CaptionEncoder | CaptionWriter:
        """The part that reads captions."""
        for name in ("caption_writer", "caption_encoder"):
            if isinstance(found := self.parts.get(name), CaptionEncoder | CaptionWriter):
                return found
        raise CheckpointError(
            f"the model in {self.run_dir / 'model'} has no part that reads captions. Train it again, or "
            "resume its run."
        )

    def _painter(self, condition_noise: float) -> Painter:
        if isinstance(self.reader, CaptionEncoder):
            return partial(painted, self.parts, condition_noise=condition_noise)
        if condition_noise != 1:
            raise UsageError(
                f"condition_noise is {condition_noise}, but the model in {self.run_dir} has no noise in its "
                "conditions: its captions steer steps from noise to an image. Leave it out."
            )
        return partial(painted_by_steps, self.sampler.generator)

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
        painter = self._painter(condition_noise)
        return dream(painter, captions, shown, out, judge_of_run(self.run_dir), seed)
