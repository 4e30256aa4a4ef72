"""How much pictures differ from each other: cheap enough to watch a run for collapse."""

from __future__ import annotations

import torch
from torch import Tensor

from seqgan_kit.errors import UsageError


def diversity(images: Tensor) -> float:
    """Mean distance of two pictures: [N,C,H,W] -> a number in the unit of the pixels.

        2 / (N (N-1)) * sum_{i<j} sqrt(mean_{c,h,w} (x_i - x_j)^2)

    0 if all pictures are the same. By itself it says little: compare it with that of real pictures in one
    scale. A drop to a fraction of theirs is collapse; being equal is no proof of anything, since noise
    differs too. Its expectation does not depend on N, only its error does.
    """
    if images.dim() != 4 or len(images) < 2:
        raise UsageError(
            "diversity compares pairs of pictures [N,C,H,W]; "
            f"it needs at least two, not {list(images.shape)}."
        )
    rows = images.detach().float().flatten(1)
    return float(torch.pdist(rows).double().mean()) / rows.shape[1] ** 0.5
