"""Directions of latent space along which a generator's images change most."""

from __future__ import annotations

import torch
from torch import Tensor

from seqgan_kit.errors import UsageError


def principal_axes(latents: Tensor, images: Tensor, count: int) -> Tensor:
    """Return the directions of latent space that change the images most, on average and to first order.

    The images are fitted by a linear function of the latent vectors, x = m + B z, by least squares. A step
    along the unit vector v then changes the image by B v, and

        |B v|^2 = v^T B^T B v

    is largest for the first eigenvectors of B^T B. The images are fitted in pixel space, so the directions
    are those of large coloured areas, not those of any attribute.

    Args:
        latents: [N,d], with N above d.
        images: [N,...].
        count: number of directions; at most d are returned.

    Returns:
        [min(count,d),d], orthonormal, the strongest first. The largest component of each is positive.
    """
    if len(latents) <= latents.shape[1]:
        raise UsageError(
            f"{len(latents)} samples determine no {latents.shape[1]} directions: draw more samples."
        )
    z = latents.double() - latents.double().mean(0)
    x = images.flatten(1).double()
    fitted = torch.linalg.lstsq(z, x - x.mean(0)).solution
    vectors = torch.linalg.eigh(fitted @ fitted.T).eigenvectors.flip(1)[:, :count].T
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return (vectors * largest.sign()).to(latents)
