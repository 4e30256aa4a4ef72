"""Edits of a generated image by strokes of colour: generative visual manipulation.

Zhu et al. 2016, "Generative Visual Manipulation on the Natural Image Manifold" (iGAN), equation 5:

    z* = argmin_z  sum_g |f_g(G(z)) - v_g|^2 + lambda |z - z_0|^2

Each stroke g wants the values v_g of the image features f_g: here the mean squared colour difference on the
stroked pixels, so that lambda means the same for small and large strokes. The second term keeps the image
near the one that is edited; it is divided by the dimensions of z.

Differs from the paper: no term of D, because runs save image generators alone; colour strokes only, no
sketched edges (HOG) and no warping; Adam from z_0 in place of L-BFGS; the edit of an original image adds
the difference of the two generated images, in place of a flow of shape and colour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from seqgan_kit.errors import UsageError


@dataclass(frozen=True)
class Strokes:
    """What was painted over an image."""

    colours: Tensor
    """[C,H,W] in [-1,1]; read where the mask is set."""
    mask: Tensor
    """[H,W], True on stroked pixels."""

    def __post_init__(self) -> None:
        if self.colours.shape[1:] != self.mask.shape:
            raise UsageError(
                f"the strokes have colours {list(self.colours.shape)} and a mask {list(self.mask.shape)}: "
                "give both for the same pixels."
            )
        if not self.mask.any():
            raise UsageError("no pixel is stroked: paint on the image first.")


def stroke_loss(images: Tensor, strokes: Strokes) -> Tensor:
    """Return the mean squared colour differences [N] of images [N,C,H,W] on the stroked pixels."""
    if images.shape[1:] != strokes.colours.shape:
        raise UsageError(
            f"the images are {list(images.shape[1:])} and the strokes {list(strokes.colours.shape)}: paint "
            "in the size and channels of the model's images."
        )
    wanted = strokes.colours.to(images)[:, strokes.mask]
    return (images[:, :, strokes.mask] - wanted).square().flatten(1).mean(1)


def edited(
    generate: Callable[[Tensor], Tensor],
    start: Tensor,
    strokes: Strokes,
    *,
    dimensions: int | None = None,
    smoothness: float = 0.02,
    moves: int = 60,
    learning_rate: float = 0.1,
) -> Tensor:
    """Return latent vectors [N,d] near ``start`` whose images have the colours of the strokes.

        z <- z - Adam(d/dz (stroke loss + smoothness |z - z_0|^2 / dimensions)),   rate along a half cosine

    Args:
        generate: function [N,d] -> [N,C,H,W], in evaluation mode.
        start: z_0 [N,d].
        strokes: what was painted.
        dimensions: number of noise dimensions, which come first and alone are moved; default: all.
        smoothness: lambda.
        moves: number of updates.
        learning_rate: Adam's at the start.
    """
    if smoothness < 0 or moves < 1 or learning_rate <= 0:
        raise UsageError(
            f"an edit by {moves} moves of size {learning_rate:g} with smoothness {smoothness:g} goes "
            "nowhere; it needs at least 1 move, a learning rate above 0 and a smoothness of 0 or more."
        )
    kept = start.shape[1] if dimensions is None else dimensions
    first, rest = start[:, :kept].detach(), start[:, kept:].detach()
    with torch.enable_grad():
        z = first.clone().requires_grad_(True)
        optimizer = torch.optim.Adam([z], learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, moves)
        for _ in range(moves):
            images = generate(torch.cat([z, rest], 1))
            away = (z - first).square().mean(1)
            loss = stroke_loss(images, strokes) + smoothness * away
            (z.grad,) = torch.autograd.grad(loss.sum(), z)
            optimizer.step()
            schedule.step()
    return torch.cat([z.detach(), rest], 1)


def transferred(original: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Return the original image with the edit: original + G(z*) - G(z_0), clipped to [-1,1].

    All are [N,C,H,W]. Details that G cannot draw stay where the edit changes nothing.
    """
    return (original + after - before).clamp(-1, 1)
