r"""AnoGAN: the anomaly score of an image by a search in latent space (Schlegl et al. 2017, "Unsupervised
anomaly detection with generative adversarial networks to guide marker discovery").

    R(z) = sum |x - G(z)|    D(z) = sum |f(x) - f(G(z))|
    z <- z - Adam(d/dz (1 - lambda) R + lambda D), from z ~ N(0, I)
    A(x) = (1 - lambda) R + lambda D at the last z,  |x - G(z)| of each pixel

with f the input of D's last layer and lambda = 0.1. All images are searched in parallel; G and D are in
evaluation mode, so that they do not depend on each other. Differs from the paper: Adam's learning rate is
stated here and falls to 0 along half a cosine; G and D are those of WGAN-GP.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

LAMBDA = 0.1


def search(
    generate: Callable[[Tensor], Tensor],
    features: Callable[[Tensor], Tensor],
    x: Tensor,
    starts: Tensor,
    *,
    moves: int = 500,
    learning_rate: float = 0.1,
) -> tuple[Tensor, Tensor]:
    """Return the anomaly scores [N] and the images found [N,C,H,W].

    Args:
        generate: G, [N,d] -> [N,C,H,W].
        features: f, [N,C,H,W] -> [N,F].
        x: images [N,C,H,W].
        starts: latent vectors [N,d].
        moves: number of updates (500 in the paper).
        learning_rate: of Adam at the start.
    """
    with torch.no_grad():
        wanted = features(x)

    def scores(z: Tensor) -> tuple[Tensor, Tensor]:
        found = generate(z)
        residual = (x - found).abs().flatten(1).sum(1)
        discrimination = (wanted - features(found)).abs().flatten(1).sum(1)
        return (1 - LAMBDA) * residual + LAMBDA * discrimination, found

    with torch.enable_grad():
        z = starts.detach().clone().requires_grad_(True)
        optimizer = torch.optim.Adam([z], learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, moves)
        for _ in range(moves):
            (z.grad,) = torch.autograd.grad(scores(z)[0].sum(), z)
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        return scores(z)
