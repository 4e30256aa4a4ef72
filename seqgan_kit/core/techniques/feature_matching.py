"""Feature matching: G matches the mean of D's features on real samples (Salimans et al. 2016: "Improved
techniques for training GANs", section 3.1).

    G minimises || mean_x f(x) - mean_z f(G(z)) ||_2^2,    f: the features that D's score head reads
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame, Pathwise
from seqgan_kit.core.game import Batch, Loss, Move


def feature_distance(real: Tensor, fake: Tensor) -> Tensor:
    """Return || mean real - mean fake ||^2 of features [N,F] and [M,F]: a scalar, in float32 or wider."""
    wide = torch.promote_types(fake.dtype, torch.float32)
    return (real.to(wide).mean(0) - fake.to(wide).mean(0)).square().sum()


class FeatureMatching(Pathwise):
    """An estimator whose loss for G is the distance of mean features; D's loss is unchanged."""

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        fake = game.discriminate(game.draw(len(batch["real"]), batch, move.rng)).features
        with torch.no_grad():
            real = game.discriminate(batch["real"]).features
        loss = feature_distance(real, fake)
        return Loss(loss, {"generator_loss": loss})
