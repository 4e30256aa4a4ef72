"""SRGAN: super-resolution by a distance over features and a discriminator (Ledig et al. 2017,
"Photo-realistic single image super-resolution using a generative adversarial network").

With low-resolution images x, their originals y, y' = G(x), and features f of a fixed network:

    G first minimises  E[(y - y')^2]
    D minimises  -E[log sigma(s(y))] - E[log(1 - sigma(s(y')))]
    G minimises  m E[(y - y')^2] + v E[(f(y) - f(y'))^2] + a E[-log sigma(s(y'))]

in the paper m = 0, v = 1 with features divided by 12.75 (v = 0.006), and a = 1e-3. The squared error is
minimal at the mean of all originals that a source may have, which is blurred. D has no source: it asks
only whether an image could be an original. The baseline continues with the squared error alone for as many
updates.

Differs from the paper: the default adds the squared error (m = 1), as common implementations do (with v =
2e-6 for unscaled VGG features), and its features are those of a recogniser, whose scale is another one, so
v is another one; sources are averages of squares of pixels rather than Gaussian-filtered bicubic
reductions, shown at the size of the original, and whole images are loaded at one size rather than cropped;
the last layer has a tanh; weights are initialised by PyTorch's rule; batch norm of G keeps learning its
statistics in the adversarial phase; the learning rate is constant or follows a schedule over each phase,
without the paper's drop to a tenth.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

from torch import nn

from image_gans.distances import squared
from image_gans.metrics.perception.feature_maps import Perception
from image_gans.pair_game import PairGame, PairPathwise, Term, source_of, target_of, weighed
from image_gans.player_schedule import PlayerTraining, Steps, player_turn, training_phase
from seqgan_kit.core.bounds import Share, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, Phase, Turn
from seqgan_kit.core.objectives import non_saturating


@dataclass(frozen=True)
@bounded
class SRGANMethod:
    """Settings of SRGAN: G's loss, the pretraining and the learning rates."""

    squared_weight: Weight = 1.0
    """m: weight of the squared error in the adversarial phase (0 in the paper)."""
    perceptual_weight: Weight = 0.006
    """v: weight of the distance over features (0.006 in the paper, for VGG-19)."""
    adversarial_weight: Weight = 1e-3
    """a: weight of D's verdict (1e-3 in the paper)."""
    pretraining_share: Share = 0.5
    """Share of the epochs in which G learns by the squared error alone (5/6 of the paper's updates)."""
    generator: Steps = Steps(1e-4)
    """G's updates, and the baseline's."""
    discriminator: Steps = Steps(1e-4)
    """D's updates."""


class SuperResolutionGame(PairGame):
    """A game of pairs whose generator is pretrained, and then copied as the baseline."""

    def pretraining_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the squared error of G's images."""
        real = batch["real"]
        output = self.players["generator"](source_of(real))
        return weighed(self.baseline_terms, output, target_of(real))

    def follow_generator(self, batch: Batch, move: Move) -> None:
        """Set the baseline to the pretrained generator: a rule."""
        self.players["baseline"].load_state_dict(self.players["generator"].state_dict())


def build(
    generator: nn.Module, discriminator: Discriminator, method: SRGANMethod, perception: Perception
) -> SuperResolutionGame:
    """Return the game from its players, its settings and the network of its features."""
    mse = Term(squared, 1.0)
    features = Term(perception.content_distance, method.perceptual_weight, "perceptual_distance")
    terms = Term(squared, method.squared_weight), features
    return SuperResolutionGame(
        generator, copy.deepcopy(generator), discriminator, non_saturating(),
        PairPathwise(terms, method.adversarial_weight),
        baseline_terms=(mse,), targets_alone=True, fixed=perception.network,
    )  # fmt: skip


def phases(method: SRGANMethod, training: PlayerTraining) -> tuple[Phase, ...]:
    """Return the pretraining of G, and a phase in which D, G and the baseline take turns."""
    share = method.pretraining_share
    pretraining = training_phase(
        training,
        "pretraining",
        player_turn(training, method.generator, "pretraining_loss", "generator"),
        share=share,
    )
    follow = Turn(("baseline",), rule="follow_generator", moves=_only_first, feed=None)
    adversarial = training_phase(
        training,
        "adversarial",
        follow,
        player_turn(training, method.discriminator, "discriminator_loss", "discriminator"),
        player_turn(training, method.generator, "generator_loss", "generator"),
        player_turn(training, method.generator, "baseline_loss", "baseline"),
        share=1 - share,
    )
    return (pretraining, adversarial) if share else (adversarial,)


def _only_first(round_number: int) -> int:
    return 1 if round_number == 0 else 0
