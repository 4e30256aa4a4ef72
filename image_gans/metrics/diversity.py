"""Diversity of images: a cheap score that shows collapse during training."""

from __future__ import annotations

import torch
from torch import Tensor

from seqgan_kit.errors import UsageError


def diversity(images: Tensor) -> float:
    """Return the mean distance between two of the images [N,C,H,W], in units of the pixels.

        2 / (N (N-1)) * sum_{i<j} sqrt(mean_{c,h,w} (x_i - x_j)^2)

    It is 0 if all images are equal. Compare it with the value of real images at the same scale: a drop to a
    fraction of that value is collapse. An equal value proves nothing, because noise is diverse too. Only
    its error depends on N.
    """
    if images.dim() != 4 or len(images) < 2:
        raise UsageError(
            "diversity compares pairs of images [N,C,H,W]; "
            f"it needs at least two, not {list(images.shape)}."
        )
    rows = images.detach().float().flatten(1)
    return float(torch.pdist(rows).double().mean()) / rows.shape[1] ** 0.5
