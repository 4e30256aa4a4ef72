"""De-occlusion: what a hand before a face hides is painted in, and the face stays the same one (after Li
et al. 2017, "Generative face completion", for the two discriminators, and Zhao et al. 2018, "Robust
LSTM-autoencoders for face de-occlusion in the wild", for the features of identity).

With occluded faces x, the faces y, y' = G(x), the hidden places m, features f of a network that names
attributes, and scores s of patches of a pair and t of patches of the hidden places:

    D minimises        -E[log sigma(s(x, y))] - E[log(1 - sigma(s(x, y')))]
    local D minimises  -E[log sigma(t(m y))] - E[log(1 - sigma(t(m y')))]
    G minimises  w E[|y - y'|] + v E[(f(y) - f(y'))^2] + E[-log sigma(s(x, y'))] + l E[-log sigma(t(m y'))]

G is not told m: it finds the hand itself. The baseline is a G with the same initial weights that minimises
the first two terms.

Differs from the papers: one U-Net in place of an encoder and decoder on VGG-19 (Li et al.) or of two
recurrent autoencoders (Zhao et al.); all terms are learnt together from the beginning, in place of stages;
there is no network of face parts, and a recogniser of attributes stands for one of identity; both
discriminators judge patches, the local one the hidden places on a grey ground in place of a box around
them; occlusions are drawn hands, and Li et al. hide random boxes, whose place G is told.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from image_gans.distances import absolute
from image_gans.metrics.perception.feature_maps import Perception
from image_gans.pair_game import PairGame, PairPathwise, Term, target_of, weighed
from image_gans.player_schedule import PlayerTraining, Steps, player_turn, training_phase
from seqgan_kit.core.bounds import Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, Phase
from seqgan_kit.core.judging import judged
from seqgan_kit.core.objectives import non_saturating


@dataclass(frozen=True)
@bounded
class DeocclusionMethod:
    """Settings of de-occlusion: G's loss and the learning rates."""

    distance_weight: Weight = 100.0
    """w: weight of the absolute difference."""
    perceptual_weight: Weight = 10.0
    """v: weight of the distance over features, which keeps the identity."""
    local_weight: Weight = 1.0
    """l: weight of the local D's verdict, relative to D's."""
    generator: Steps = Steps()
    """G's updates, and the baseline's."""
    discriminator: Steps = Steps()
    """Updates of both discriminators."""


class DeocclusionGame(PairGame):
    """A game of pairs with a second discriminator (``local``) that sees the hidden places alone."""

    local_weight: float = 1.0

    def local_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the local D's loss on the hidden places of real and painted faces."""
        real = batch["real"]
        with torch.no_grad():
            fake = self.draw(len(real), batch, move.rng)
        shown = (_hidden_part(laid, batch) for laid in (real, fake))
        loss = judged(self.objective, self._local, *shown)
        names = {"discriminator_loss": "local_loss", "discriminator_accuracy": "local_accuracy"}
        return Loss(loss.total, {names[k]: v for k, v in loss.logs.items() if k in names})

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the distances plus both verdicts, weighted."""
        real = batch["real"]
        laid = self.draw(len(real), batch, move.rng)
        whole = self.objective.generator(self.discriminate(laid).score, None).mean()
        local = self.objective.generator(self._local(_hidden_part(laid, batch)).score, None).mean()
        distances = weighed(self.terms, target_of(laid), target_of(real))
        total = distances.total + whole + self.local_weight * local
        return Loss(total, {"generator_loss": whole, "local_verdict": local, **distances.logs})

    @property
    def _local(self) -> Discriminator:
        return cast(Discriminator, self.players["local"])


def _hidden_part(laid: Tensor, batch: Batch) -> Tensor:
    """Return the targets [N,C,H,W] of samples where a hand hides the source, grey elsewhere."""
    return target_of(laid) * batch["mask"]


def build(
    generator: nn.Module,
    discriminator: Discriminator,
    local: Discriminator,
    method: DeocclusionMethod,
    perception: Perception,
) -> DeocclusionGame:
    """Return the game from its players, its settings and the network of its features."""
    terms = (
        Term(absolute, method.distance_weight),
        Term(perception.content_distance, method.perceptual_weight, "perceptual_distance"),
    )
    game = DeocclusionGame(
        generator, copy.deepcopy(generator), discriminator, non_saturating(), PairPathwise(terms),
        {"local": local}, fixed=perception.network,
    )  # fmt: skip
    game.local_weight = method.local_weight
    return game


def phases(method: DeocclusionMethod, training: PlayerTraining) -> tuple[Phase, ...]:
    """Return one phase in which both D, G and the baseline take turns."""
    return (
        training_phase(
            training,
            "restoration",
            player_turn(training, method.discriminator, "discriminator_loss", "discriminator"),
            player_turn(training, method.discriminator, "local_loss", "local"),
            player_turn(training, method.generator, "generator_loss", "generator"),
            player_turn(training, method.generator, "baseline_loss", "baseline"),
        ),
    )
