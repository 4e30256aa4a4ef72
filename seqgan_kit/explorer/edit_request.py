"""Edits of an image by strokes on a canvas: what was painted, and what the model makes of it."""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from seqgan_kit.errors import DataError
from seqgan_kit.explorer.image_request import noise_dimensions
from seqgan_kit.explorer.opened_run import OpenedRun
from seqgan_kit.explorer.uploaded_image import read_upload

_LEAST_COVER = 0.25
"""Share of a pixel's area that a stroke must cover."""
_MOST_CHARACTERS, _MOST_SIDE = 2_000_000, 1024
_BEGINNING = "data:image/png;base64,"


@dataclass(frozen=True)
class EditStart:
    """The image that a visitor edits."""

    latents: Tensor
    """[1,d]."""
    image: Tensor
    """[1,C,H,W], the model's image of them."""
    original: Tensor | None = None
    """[1,C,H,W], an upload; the model's image is the nearest that was found."""

    @property
    def shown(self) -> Tensor:
        """The image [1,C,H,W] to paint on."""
        return self.image if self.original is None else self.original


def start_from_seed(run: OpenedRun, seed: int) -> EditStart:
    """Return the first sample of a seed as the image to edit."""
    with run.model():
        explorer = run.derived("explorer", lambda model: model.explore())
        latents = explorer.draw(1, seed=seed)
        with torch.no_grad():
            return EditStart(latents, explorer.generator(latents))


def start_from_upload(run: OpenedRun, file: str | Path | None) -> EditStart:
    """Return an uploaded image as the image to edit, with the nearest image of the model."""
    with run.model():
        explorer = run.derived("explorer", lambda model: model.explore())
        with torch.no_grad():
            shape = explorer.generator(explorer.draw(1, seed=0)).shape
        original = read_upload(file, shape[-1], shape[1])
        latents = explorer.nearest(original)
        with torch.no_grad():
            return EditStart(latents, explorer.generator(latents), original)


def strokes_in(painted: str, image: Tensor) -> tuple[Tensor, Tensor]:
    """Return colours [C,H,W] in [-1,1] and mask [H,W] of strokes in a data URI, a PNG with transparency.

    A pixel of the image [1,C,H,W] is stroked if paint covers a quarter of it; its colour is the mean of the
    paint.
    """
    _, channels, *size = image.shape
    pixels = torch.from_numpy(_decoded(painted).astype(np.float32) / 255).permute(2, 0, 1)
    paint = F.interpolate(
        torch.cat([pixels[:3] * pixels[3:], pixels[3:]])[None], size=size, mode="area"
    )[0]
    colours = (2 * paint[:3] / paint[3:].clamp_min(1e-6) - 1).clamp(-1, 1)
    if channels == 1:
        colours = colours.mean(0, keepdim=True)
    return colours, paint[3] > _LEAST_COVER


def _decoded(painted: str) -> np.ndarray:
    """Return the pixels [S,S,4] of a canvas."""
    if not painted.startswith(_BEGINNING) or len(painted) > _MOST_CHARACTERS:
        raise DataError("the strokes cannot be read: clear the canvas and paint again.")
    try:
        content = base64.b64decode(painted.removeprefix(_BEGINNING), validate=True)
        with Image.open(io.BytesIO(content), formats=("PNG",)) as opened:
            if max(opened.size) > _MOST_SIDE:
                raise ValueError("too large")
            return np.array(opened.convert("RGBA"))
    except (binascii.Error, OSError, ValueError, SyntaxError):
        raise DataError("the strokes cannot be read: clear the canvas and paint again.") from None


def edited_images(
    run: OpenedRun,
    start: EditStart,
    strokes: tuple[Tensor, Tensor],
    smoothness: float,
    *,
    outline: bool = False,
) -> list[tuple[str, Tensor]]:
    """Return images [C,H,W] with captions: the edited one, an upload with the edit, and the model's image
    before it. Without strokes, the last alone. Strokes ask for their colours, or for edges along them."""
    colours, mask = strokes
    before = "before" if start.original is None else "nearest image of the model"
    found = [(before, start.image[0])]
    if not mask.any():
        return found
    with run.model() as model:
        explorer = run.derived("explorer", lambda model: model.explore())
        latents = explorer.stroked(
            start.latents,
            colours,
            mask,
            noise_dimensions(model),
            smoothness=smoothness,
            outline=outline,
        )
        if start.original is not None:
            carried = explorer.carried(start.original, start.latents, latents)
            found.insert(0, ("your image with the edit", carried[0]))
        with torch.no_grad():
            return [("edited", explorer.generator(latents)[0]), *found]
