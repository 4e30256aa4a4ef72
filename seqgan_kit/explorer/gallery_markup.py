"""Images as HTML, embedded in the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from PIL import Image
from torch import Tensor

from seqgan_kit.data.images.pixels import to_uint8


def data_uri(image: Tensor) -> str:
    """Return an image [C,H,W] in [-1,1] as a PNG in a data URI."""
    pixels = to_uint8(image).permute(1, 2, 0).cpu().numpy()
    picture = Image.fromarray(
        pixels[:, :, 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels)
    )
    content = io.BytesIO()
    picture.save(content, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


def gallery(images: Iterable[Tensor], captions: Sequence[str] = (), *, columns: int = 0) -> str:
    """Return images in [-1,1] side by side, each with its caption below.

    Args:
        images: [C,H,W] each, numbered in their tooltips.
        captions: one for each image, or none.
        columns: images in a row; 0: as many as fit.
    """
    style = f' style="grid-template-columns:repeat({columns},1fr)"' if columns else ""
    figures = []
    for number, image in enumerate(images):
        told = captions[number] if captions else ""
        under = f"<figcaption>{escape(told)}</figcaption>" if told else ""
        name = escape(told or f"image {number}", quote=True)
        figures.append(
            f'<figure><img src="{data_uri(image)}" alt="{name}" title="{name}">{under}</figure>'
        )
    return f'<div class="sk-gallery"{style}>{"".join(figures)}</div>'
