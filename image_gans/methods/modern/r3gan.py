"""R3GAN: relativistic pairs with both zero-centred gradient penalties (Huang et al. 2024: "The GAN is dead;
long live the GAN! A modern baseline GAN").

With s the scores of D, a real image x beside a fake G(z), and gamma that falls during training:

    D minimises  E[softplus(-(s(x) - s(G(z))))]                              (RpGAN, section 2.1)
                 + gamma/2 E[||grad s(x)||^2]                                (R1, eq. 3)
                 + gamma/2 E[||grad s(G(z))||^2]                             (R2, eq. 3)
    G minimises  E[softplus(-(s(G(z)) - s(x)))]

Pairs leave no mode of the data behind, since each real image is compared with a fake; both penalties together
make the game converge near its equilibrium. ``objective`` gan and ``r1``, ``r2`` off are the ablation. The
learning rate, Adam's second beta and gamma go from a first to a last value along half a cosine.

The four choices: the players of ``networks/modern_resnet.py`` (or any others whose D has no batch norm), this
objective, the pathwise gradient, and one phase in which D and G take turns.

The preset ``cifar`` has the widths, blocks, rates and schedules for CIFAR-10. Differs from the authors' run
there: no labels in G and D, and no mirrored images; the average of G has a constant decay, their last one
(theirs begins at 0); schedules end with the run (theirs: after some number of images); D's first layer and
score and G's last layer have biases (theirs: none); the gain of an activation is sqrt 2 (theirs: sqrt(2 /
1.04)); resampling repeats the edges (theirs: zeros outside); the augmentation (``--augmentation scheduled``)
is that of ``augmentations/ada_transforms.py`` (theirs also cuts out, turns by any angle, and changes colours
half as often).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from image_gans.schedule import (
    ImageTraining,
    adversarial_phase,
    discriminator_turn,
    generator_turn,
)
from image_gans.techniques.fits import refuse_techniques
from image_gans.techniques.switches import equipped_game
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Above0, Share, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, Phase, Turn
from seqgan_kit.core.judging import judged_scores
from seqgan_kit.core.objectives import non_saturating, relativistic_pairs
from seqgan_kit.core.penalties import R1, plain_scores, scores_and_norms, twice_differentiable
from seqgan_kit.errors import unknown

OBJECTIVES = {"pairs": lambda: relativistic_pairs(non_saturating()), "gan": non_saturating}


@dataclass(frozen=True)
@bounded
class R3GANMethod:
    """Settings of R3GAN: objective, penalties and schedules."""

    objective: Literal["pairs", "gan"] = "pairs"
    """pairs: each score is compared with that of one image of the other kind; gan: the plain GAN."""
    r1: bool = True
    """Penalise D's gradient on real images."""
    r2: bool = True
    """Penalise D's gradient on generated images."""
    gamma: Above0 = 0.05
    """Weight of the penalties at the start (0.05 for CIFAR-10 in the paper)."""
    final_gamma: Weight = 0.005
    """Weight of the penalties at the end."""
    final_learning_rate: Share = 0.25
    """Learning rates at the end, as a fraction of those at the start (5e-5 after 2e-4 in the paper)."""
    final_second_beta: Share = 0.99
    """Adam's decay of the second moment at the end; at the start it is the second of ``betas``."""


PAPER = ImageTraining(
    betas=(0.0, 0.9), batch_size=512, average_decay=0.5 ** (512 / 5_000_000), epochs=400
)
"""CIFAR-10 in the paper: 2e7 images of 50,000, and an average of G that halves in 5e6 of them."""


def along_cosine(first: float, last: float, progress: float) -> float:
    """Return the value between ``first`` and ``last`` after a fraction of the run, on half a cosine."""
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * progress))


class R3GANGame(AdversarialGame):
    """The adversarial game with penalties whose weight depends on the round.

    They are computed on the loss's own pass of D, so both see the images alike transformed.
    """

    method = R3GANMethod()

    def judge(self, batch: Batch, fake: Tensor, move: Move) -> Loss:
        """Return D's loss with the penalties of this round, and log their weight."""
        method, count = self.method, len(batch["real"])
        if not (method.r1 or method.r2):
            return super().judge(batch, fake, move)
        both = torch.cat([batch["real"], fake])
        with twice_differentiable(self.discriminator, both.device):
            scores, norms = scores_and_norms(plain_scores(self.discriminator), both)
        loss = judged_scores(self.objective, scores[:count], scores[count:])
        gamma = along_cosine(method.gamma, method.final_gamma, move.progress)
        penalties = gamma / 2 * norms**2
        of_both = ("r1", method.r1, penalties[:count]), ("r2", method.r2, penalties[count:])
        terms = {name: penalty.mean() for name, used, penalty in of_both if used}
        total = sum(terms.values(), loss.total)
        logged = Loss(total, {**loss.logs, **terms, "gamma": gamma})
        return self.penalised(logged, batch["real"], fake, move)


def build(
    generator: nn.Module,
    discriminator: Discriminator,
    method: R3GANMethod,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players and settings; refuse a D with batch norm."""
    if method.objective not in OBJECTIVES:
        raise unknown("objective", method.objective, OBJECTIVES)
    R1().check(discriminator)
    why = "its penalties are of single images, as they are."
    refuse_techniques(
        techniques, "R3GAN", why, "packing", "minibatch_kernels", "adversarial_epsilon"
    )
    why = "it has both penalties itself, with --gamma."
    refuse_techniques(techniques, "R3GAN", why, "r1_weight", "r2_weight")
    objective = OBJECTIVES[method.objective]()
    game = equipped_game(generator, discriminator, objective, techniques, kind=R3GANGame)
    game.method = method  # type: ignore[assignment]
    return game


def phases(
    training: ImageTraining, method: R3GANMethod, techniques: Techniques = NO_TECHNIQUES
) -> tuple[Phase, ...]:
    """Return one phase in which D and G take turns, with scheduled optimizers."""
    turns = discriminator_turn(training, techniques), generator_turn(training, techniques)
    return (adversarial_phase(training, *(_scheduled(turn, method) for turn in turns)),)


def _scheduled(turn: Turn, method: R3GANMethod) -> Turn:
    assert turn.optimizer is not None
    optimizer = replace(
        turn.optimizer,
        schedule="cosine",
        final_share=method.final_learning_rate,
        final_second_beta=method.final_second_beta,
    )
    return replace(turn, optimizer=optimizer)
