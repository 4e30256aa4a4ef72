"""SimGAN: a refiner makes simulated images look real and keeps what they show (Shrivastava et al. 2017,
"Learning from simulated and unsupervised images through adversarial training").

With simulated images x, unpaired real images y, the refiner R, and scores s of places of an image:

    D minimises  -E[log(1 - sigma(s(R(x))))] - E[log sigma(s(y))]        (means over places)
    R minimises  E[-log sigma(s(R(x)))] + w E[|psi(R(x)) - psi(x)|]      (w: self-regularisation)

psi is the image itself, or its averages over squares, which leave R free to add noise.

Half of D's refined images come from a history of earlier ones, of 50 batches, half a batch of which is
replaced at every update. A round is 2 updates of R and 1 of D, after R has learnt to return its input and
D to tell simulated from real images. Since R keeps the labels of the simulation, a classifier can be
trained on refined images without labels of real ones.

Differs from the paper: the last layer of R has a tanh; the log-probability of a place is a logit's in
place of a softmax of two; pixels are in [-1,1]; the images are faces drawn without light and shade and, as
real ones, lit and photographed with sensor noise, in place of eyes and hands; all updates are Adam's, in
place of stochastic gradient descent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from image_gans.distances import absolute
from image_gans.player_schedule import PlayerTraining, Steps, player_turn, training_phase
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Count, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, Phase, Turn
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.core.techniques.sample_memory import SampleMemory
from seqgan_kit.data.images.corruptions import averaged

_SQUARE = 4


@dataclass(frozen=True)
@bounded
class SimGANMethod:
    """Settings of SimGAN: the refiner's loss, the history, the pretraining and the updates."""

    self_weight: Weight = 0.5
    """w: weight of the distance between a refined image and the simulated one."""
    self_features: Literal["pixels", "averages"] = "pixels"
    """psi: what of a simulated image must stay: pixels, or averages over squares of 4x4 pixels."""
    history_batches: Count = 50
    """Batches of earlier refined images that D is also shown (50 in the paper; 0: none)."""
    refiner_warm_up: Count = 1000
    """Updates in which R learns to return its input (1000 in the paper)."""
    discriminator_warm_up: Count = 200
    """Updates in which D learns to tell simulated from real images (200 in the paper)."""
    generator: Steps = Steps(1e-3, 2)
    """R's updates (2 a round in the paper)."""
    discriminator: Steps = Steps(1e-3, 1)
    """D's updates (1 a round in the paper)."""


class RefiningGame(AdversarialGame):
    """Refiner (``generator``), discriminator, and a history of refined images."""

    def __init__(
        self,
        refiner: nn.Module,
        discriminator: Discriminator,
        method: SimGANMethod,
        history: SampleMemory | None,
    ):
        others: dict[str, Any] = {} if history is None else {"history": history}
        super().__init__(refiner, discriminator, non_saturating(), None, (), others)
        self.self_weight = method.self_weight
        self.averages = method.self_features == "averages"

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Return [n,C,H,W]: the batch's simulated images, refined."""
        return cast(Tensor, self.players["generator"](batch["source"][:n]))

    def self_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the distance between refined and simulated images."""
        refined = self.draw(len(batch["source"]), batch, move.rng)
        distance = absolute(refined, batch["source"]).mean()
        return Loss(distance, {"self_distance": distance})

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return R's half of the objective over all places, plus the self-regularisation."""
        refined = self.draw(len(batch["source"]), batch, move.rng)
        verdict = self.objective.generator(self.discriminate(refined).score, None).mean()
        distance = self._moved(refined, batch["source"])
        total = verdict + self.self_weight * distance
        return Loss(total, {"generator_loss": verdict, "self_distance": distance})

    def _moved(self, refined: Tensor, source: Tensor) -> Tensor:
        """Return the distance that R is held by."""
        if self.averages:
            refined, source = averaged(refined, _SQUARE), averaged(source, _SQUARE)
        return absolute(refined, source).mean()

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return D's loss on real images and on refined ones, half of them remembered."""
        with torch.no_grad():
            refined = self.draw(len(batch["source"]), batch, move.rng)
        if "history" in self.players:
            refined = cast(SampleMemory, self.players["history"]).mixed(refined, move.rng)
        return self.judge(batch, refined, move)


def build(
    refiner: nn.Module,
    discriminator: Discriminator,
    method: SimGANMethod,
    batch_size: int,
    shape: tuple[int, int, int],
) -> RefiningGame:
    """Return the game from its players and settings.

    Args:
        refiner, discriminator: the networks.
        method: the settings.
        batch_size: images a batch, which the history's length is counted in.
        shape: of an image, (C, H, W).
    """
    held = method.history_batches * batch_size
    return RefiningGame(refiner, discriminator, method, SampleMemory(held, shape) if held else None)


def phases(method: SimGANMethod, training: PlayerTraining) -> tuple[Phase, ...]:
    """Return the warm-up of R and of D, and a phase in which they take turns."""
    judges = ("discriminator", *(("history",) if method.history_batches else ()))
    learn = player_turn(training, method.generator, "generator_loss", "generator")
    judge = player_turn(training, method.discriminator, "discriminator_loss", *judges)
    keep = player_turn(training, method.generator, "self_loss", "generator")
    return (
        *_warm_up("refiner", keep, method.refiner_warm_up),
        *_warm_up("discriminator", judge, method.discriminator_warm_up),
        training_phase(training, "refinement", judge, learn),
    )


def _warm_up(player: str, turn: Turn, moves: int) -> tuple[Phase, ...]:
    """Return a phase of so many updates, counted in rounds of the turn's own; none without updates."""
    made = turn.moves if isinstance(turn.moves, int) else 1
    rounds = -(-moves // made)
    return (Phase(f"{player} warm-up", (turn,), rounds=rounds),) if rounds else ()
