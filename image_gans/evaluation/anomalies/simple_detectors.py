r"""Anomaly scores without a network: distances to the training images' mean, neighbours and components.

pixel mean   1/n ||x - mean||^2                        and |x - mean| of each pixel
neighbour    1/n ||x - nearest training image||^2      and the same
components   1/n ||x - projection of x||^2             on principal components about the mean
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from image_gans.evaluation.translation.rebuilding_scores import principal_rebuilding

_CHUNK = 128
MOST_FOR_COMPONENTS = 3000


def nearest_images(train: Tensor, x: Tensor) -> Tensor:
    """Return the training image [N,...] nearest to each image of x [N,...], by the distance of pixels."""
    rows = train.flatten(1)
    found = [torch.cdist(part.flatten(1), rows).argmin(1) for part in x.split(_CHUNK)]
    return train[torch.cat(found)]


def simple_rebuilders(train: Tensor, dimensions: int) -> dict[str, Callable[[Tensor], Tensor]]:
    """Return what each simple detector has in place of images: name -> function [N,C,H,W] -> [N,C,H,W].

    Args:
        train: [M,C,H,W] normal images.
        dimensions: number of principal components.
    """
    mean = train.mean(0, keepdim=True)
    return {
        f"{dimensions} principal components": partial(
            _components, train[:MOST_FOR_COMPONENTS], dimensions
        ),
        "nearest training image": partial(nearest_images, train),
        "mean of the training images": mean.expand_as,
    }


def _components(train: Tensor, dimensions: int, x: Tensor) -> Tensor:
    return principal_rebuilding(train, x, dimensions)
