"""A trained model that finds anomalous images, and what commands do with it."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from image_gans.evaluation.image_parts import ImageParts
from image_gans.evaluation.translated_files import (
    Translated,
    check_target,
    read_images,
    write_pixels,
)
from seqgan_kit.data.images.pixels import to_uint8
from seqgan_kit.errors import CheckpointError


class ScoredImage(NamedTuple):
    """An image and its anomaly score."""

    score: float
    name: Path


@dataclass
class FoundImages:
    """The most anomalous images of a folder."""

    top: list[ScoredImage]
    """The most anomalous first."""
    read: Translated = field(default_factory=Translated)
    """How many were read, and those that could not be."""


@dataclass(frozen=True)
class AnomalyModel(ImageParts):
    """A model of parts with the verb ``detect``, in evaluation mode."""

    kappa: float = 1.0
    """Weight of the residual of D's features."""

    @torch.no_grad()
    def detect(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the anomaly scores [N] of images [N,C,H,W] in [-1,1], and those of their pixels [N,1,H,W].

        score  1/n ||x - G(E(x))||^2 + kappa 1/n_f ||f(x) - f(G(E(x)))||^2
        pixel  |x - G(E(x))|, a mean over channels
        """
        self.need("detect")
        rebuilt, features = self.rebuild(images), self.parts["features"]
        pixels = (images - rebuilt).square().flatten(1).mean(1)
        of_features = (features(images) - features(rebuilt)).square().flatten(1).mean(1)
        return pixels + self.kappa * of_features, (images - rebuilt).abs().mean(1, keepdim=True)

    def detect_files(
        self, images: Path, n: int, out: Path | None = None, *, strict: bool = False
    ) -> FoundImages:
        """Score the images of a folder; write what the model cannot rebuild of each, if a folder is given.

        Args:
            images: a file or a folder.
            n: number of images to return.
            out: folder for one PNG per image: the image, its reconstruction, and the residual of every
                pixel, black where nothing remains.
            strict: raise an error for an unreadable image.
        """
        if out is not None:
            check_target(images, out)
        config, done = cast(Any, self.parts["generator"].config), Translated()
        top: list[ScoredImage] = []
        for names, x in read_images(images, config.size, config.channels, done, strict=strict):
            scores, pixels = self.detect(x)
            for name, score in zip(names, scores.tolist(), strict=True):
                heapq.heappush(top, ScoredImage(score, name))
                done.written += 1
            top = heapq.nlargest(n, top)
            heapq.heapify(top)
            if out is not None:
                shown = torch.cat([x, self.rebuild(x), (pixels - 1).expand_as(x)], 3)
                for name, strip in zip(names, to_uint8(shown).movedim(1, 3), strict=True):
                    write_pixels(strip.numpy(), out / name)
        return FoundImages(sorted(top, reverse=True), done)


def weight_of_features(description: Mapping[str, Any], folder: Path) -> float:
    """Return kappa of a model.json."""
    kappa = description.get("kappa")
    if not isinstance(kappa, float | int) or isinstance(kappa, bool) or not 0 <= kappa < 1e9:
        raise CheckpointError(
            f"{folder / 'model.json'} describes no model: kappa is {kappa!r}, not a number of 0 or more. "
            "Train it again, or resume its run."
        )
    return float(kappa)
