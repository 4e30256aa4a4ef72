"""TextGAN (Zhang, Gan, Fan, Chen, Henao, Shen, Carin 2017: "Adversarial Feature Matching for Text
Generation").

G matches the distribution of D's features f, not D's verdict alone:

    MMD^2(X, Y) = mean k(x, x') + mean k(y, y') - 2 mean k(x, y) over f(real), f(generated)
    k is a sum of Gaussian kernels
    D maximises  E_data log D(s) + E_G log (1 - D(s)) + w MMD^2
    G minimises  MMD^2
    its tokens are soft: y_t = softmax(L l_t), L large (soft-argmax)

The four choices. Players: an LSTM and a TextCNN. Objective: cross-entropy for D, kernel distance for G.
Estimator: relaxed samples. Schedule: MLE, then D alone, then D and G in turn.

Differs from the paper: the paper's G is a function of one noise vector z, that starts the LSTM; here Gumbel
noise is added to the logits l_t, so that G keeps its likelihood and its samples are those that it is scored
on. Without z, D does not reconstruct it (the paper's third term), and pretraining is maximum likelihood, not
an autoencoder and permuted sentences. The kernels' widths are multiples of the batch's mean squared
distance; the paper's are fixed. An optional extra: a straight-through estimator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from seqgan_kit.core.bounds import Above0, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, Phase
from seqgan_kit.core.judging import judged_scores
from seqgan_kit.core.objectives import minimax
from seqgan_kit.core.products import product
from seqgan_kit.sequences.estimators.gumbel import GumbelSoftmax
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sequence_game import SequenceGame

WIDTHS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Variances of the Gaussian kernels, in units of the mean squared distance."""


@dataclass(frozen=True)
@bounded
class TextGANMethod:
    """Settings of feature matching."""

    distance_weight: Weight = 1.0
    """w: weight of MMD^2 in D's objective (the paper states no number)."""
    temperature: Above0 = 0.1
    """1/L: temperature of the soft tokens (the paper: L large)."""
    straight_through: bool = False
    """Straight-through estimator: D reads exact one-hots, and G gets the gradient of the soft tokens."""


def kernel_distance(real: Tensor, fake: Tensor) -> Tensor:
    """Return MMD^2 of features [N,F] and [M,F] with a mixture of Gaussian kernels: a scalar of 0 or more."""
    wide = torch.promote_types(fake.dtype, torch.float32)
    squares = _squared_distances(torch.cat([real, fake]).to(wide))
    scale = squares.detach().mean().clamp(min=torch.finfo(wide).tiny)
    kernels = torch.stack([(-squares / (2 * w * scale)).exp() for w in WIDTHS]).mean(0)
    n = len(real)
    return kernels[:n, :n].mean() + kernels[n:, n:].mean() - 2 * kernels[:n, n:].mean()


def _squared_distances(rows: Tensor) -> Tensor:
    """Return |x_i - x_j|^2 [N,N] of rows [N,F] by one product, which loses fewest digits around the mean."""
    rows = rows - rows.mean(0)
    lengths = rows.square().sum(1)
    return (lengths.unsqueeze(1) + lengths - 2 * product(rows, rows.t())).clamp(min=0)


class TextGAN(SequenceGame):
    """The sequence game in which G matches D's features."""

    def __init__(
        self,
        generator: SequenceGenerator,
        discriminator: Discriminator,
        method: TextGANMethod,
        training: FineTuning,
    ):
        tau = method.temperature
        estimator = GumbelSoftmax(tau, tau, hard=method.straight_through)
        super().__init__(generator, discriminator, minimax(), estimator, training)
        self.method = method

    def judge(self, batch: Batch, fake: Tensor, move: Move) -> Loss:
        """Return D's cross-entropy less the weighted distance of the features."""
        real = batch["real"]
        of_real, of_fake = self.discriminate(real), self.discriminate(fake)
        loss = judged_scores(self.objective, of_real.score, of_fake.score)
        distance = kernel_distance(of_real.features, of_fake.features)
        total = loss.total - self.method.distance_weight * distance
        logs = {**loss.logs, "discriminator_loss": total, "judged_distance": distance}
        return self.penalised(Loss(total, logs), real, fake[: len(real)], move)

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the distance of the features of real rows and new relaxed samples."""
        real = batch["real"]
        fake = cast(GumbelSoftmax, self.estimator).draw(self, len(real), move, batch)
        with torch.no_grad():
            wanted = self.discriminate(real).features
        loss = kernel_distance(wanted, self.discriminate(fake).features)
        return Loss(loss, {"generator_loss": loss})


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: TextGANMethod,
    training: FineTuning,
) -> TextGAN:
    """Build the game from its players and settings."""
    return TextGAN(generator, discriminator, method, training)


def phases(method: TextGANMethod, training: FineTuning, given: int = 0) -> tuple[Phase, ...]:
    """Return the phases: pretrain G and D, then train them in turn."""
    return fine_tuning_phases(training, given=given)
