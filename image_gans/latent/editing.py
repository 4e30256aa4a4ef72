"""Edits of a generated image by brushes: generative visual manipulation.

Zhu et al. 2016, "Generative Visual Manipulation on the Natural Image Manifold" (iGAN), equation 5:

    z* = argmin_z  sum_g |f_g(G(z)) - v_g|^2 + lambda |z - z_0|^2 + mu log(1 - sigma(s(G(z))))

Each brush g wants the values v_g of the image features f_g (see ``brushes``). The losses of brushes are means
over pixels or cells, so that lambda means the same for small and large strokes. The second term keeps the
image near the one that is edited; it is divided by the dimensions of z. The third keeps it real to a
discriminator with the score s, where there is one.

Differs from the paper: edges are compared in cells of HOG without its blocks and signs; Adam from z_0 in
place of L-BFGS; the edit of an original image adds the difference of the two generated images, in place of a
flow of shape and colour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from image_gans.latent.brushes import Brush, total_loss
from seqgan_kit.errors import UsageError


def edited(
    generate: Callable[[Tensor], Tensor],
    start: Tensor,
    brushes: Sequence[Brush],
    *,
    dimensions: int | None = None,
    smoothness: float = 0.02,
    moves: int = 60,
    learning_rate: float = 0.1,
    score: Callable[[Tensor], Tensor] | None = None,
    realism: float = 0.0,
) -> Tensor:
    """Return latent vectors [N,d] near ``start`` whose images show what the brushes ask for.

        z <- z - Adam(d/dz (brushes + smoothness |z - z_0|^2 / dimensions - realism softplus(score))),
        with the rate along a half cosine

    Args:
        generate: function [N,d] -> [N,C,H,W], in evaluation mode.
        start: z_0 [N,d].
        brushes: what was painted, drawn or dragged.
        dimensions: number of noise dimensions, which come first and alone are moved; default: all.
        smoothness: lambda.
        moves: number of updates.
        learning_rate: Adam's at the start.
        score: a discriminator's scores [N] of images, in evaluation mode.
        realism: mu, the weight of its verdict.
    """
    if not brushes:
        raise UsageError("nothing is asked of the edit: paint, draw or drag on the image first.")
    if realism and score is None:
        raise UsageError(
            f"realism is {realism:g}, and there is no discriminator: leave it at 0, or give the run of a GAN."
        )
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
            loss = total_loss(brushes, images) + smoothness * away
            if realism and score is not None:
                loss = loss - realism * functional.softplus(score(images))
            (z.grad,) = torch.autograd.grad(loss.sum(), z)
            optimizer.step()
            schedule.step()
    return torch.cat([z.detach(), rest], 1)


def transferred(original: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Return the original image with the edit: original + G(z*) - G(z_0), clipped to [-1,1].

    All are [N,C,H,W]. Details that G cannot draw stay where the edit changes nothing.
    """
    return (original + after - before).clamp(-1, 1)
