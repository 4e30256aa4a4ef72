"""LeCam regularisation: D's scores stay near the moving average of the other kind's scores (Tseng et al.
2021: "Regularizing generative adversarial networks under limited data", eq. 4).

    D's loss gets + weight * ( E[(D(x) - a_F)^2] + E[(D(G(z)) - a_R)^2] )
    a <- decay * a + (1 - decay) * mean score of the batch,   a_R of reals, a_F of fakes

Differs from the authors' code: there, scores beyond the other kind's average are not pulled back (their
terms are max(0, D(x) - a_F)^2 and max(0, a_R - D(G(z)))^2), and the term begins late in the training.

For WGAN's objective the term bounds D by an f-divergence, the LeCam divergence. The averages
start as the means of the first batch.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from seqgan_kit.core.objectives import Objective


class ScoreAnchors(nn.Module):
    """Moving averages of D's scores of reals and fakes. They are a player without parameters.

    Args:
        decay: how much of an average an update keeps (0.99 is usual).
    """

    real: Tensor
    fake: Tensor
    moves: Tensor

    def __init__(self, decay: float = 0.99):
        super().__init__()
        self.decay = decay
        for name in ("real", "fake", "moves"):
            self.register_buffer(name, torch.zeros(()))

    @torch.no_grad()
    def follow(self, real: Tensor, fake: Tensor) -> None:
        """Update the averages with the scores of a batch."""
        share = torch.where(self.moves > 0, 1 - self.decay, 1.0)
        self.real.lerp_(real.mean().to(self.real), share)
        self.fake.lerp_(fake.mean().to(self.fake), share)
        self.moves += 1

    def around(self, objective: Objective, weight: float) -> Objective:
        """Return the objective with the term in D's half."""

        def discriminator(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
            self.follow(real.detach(), fake.detach())
            of_real, of_fake = objective.discriminator(real, fake)
            near_fakes = weight * (real - self.fake.clone()).square()
            near_reals = weight * (fake - self.real.clone()).square()
            return of_real + near_fakes, of_fake + near_reals

        return replace(objective, discriminator=discriminator)
