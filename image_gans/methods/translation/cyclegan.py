"""CycleGAN: two translators between two sets of images, without pairs (Zhu et al. 2017, "Unpaired
image-to-image translation using cycle-consistent adversarial networks").

With images x of one set and y of the other, translators G: x -> y and F: y -> x, and a discriminator of each
set with scores D_y and D_x of patches:

    D_y minimises  1/2 E[(D_y(y) - 1)^2] + 1/2 E[D_y(G(x))^2]                  and D_x likewise
    G and F minimise  E[(D_y(G(x)) - 1)^2] + E[(D_x(F(y)) - 1)^2]
                      + w (E[|F(G(x)) - x|] + E[|G(F(y)) - y|])                 (w = 10)
                      + v (E[|G(y) - y|] + E[|F(x) - x|])                       (v = 5, or 0)

Each D's fakes come from a history of 50 translations (Shrivastava et al. 2017). The second term asks that
translating there and back changes nothing. The third asks that G leaves alone what is of its target set
already; without it colours may be swapped. Nothing in the losses knows which y belongs to an x.

Differs from the paper: in the preset default, translators are U-Nets that keep a share of each pixel, since
residual ones of the paper need more epochs to copy what stays; batches of any size, and a D that sees fakes
of G's new weights, drawn again for its update; the history is used as described for SimGAN once a batch has
two or more images; the learning rate falls linearly over the whole run in the preset paper, not over its
second half.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from image_gans.distances import absolute
from image_gans.player_schedule import PlayerTraining, Steps, player_turn, training_phase
from seqgan_kit.core.bounds import Positive, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Game, Loss, Move, Phase
from seqgan_kit.core.judging import judged
from seqgan_kit.core.objectives import least_squares
from seqgan_kit.core.techniques.sample_memory import SampleMemory

TRANSLATORS = ("generator", "inverse")
DISCRIMINATORS = ("discriminator", "source_discriminator", "history", "source_history")
"""The players of each turn; a history changes with its discriminator's update."""


@dataclass(frozen=True)
@bounded
class CycleGANMethod:
    """Settings of CycleGAN: weights of its losses, the history and the learning rates."""

    cycle_weight: Weight = 10.0
    """w: weight of the cycle's L1 distance (10 in the paper)."""
    identity_weight: Weight = 5.0
    """v: weight of the change of images that are of the target set already (half of w in the paper, for
    paintings to photos; 0: off)."""
    history: Positive = 50
    """Earlier translations that each discriminator sees beside new ones (50 in the paper)."""
    generator: Steps = Steps()
    """Updates of both translators."""
    discriminator: Steps = Steps()
    """Updates of both discriminators."""


PAPER = PlayerTraining(learning_rate_schedule="linear")
"""Adam 2e-4 with beta1 0.5, batches of one, 200 epochs (section 4 and appendix 7.1)."""


class CycleGame(Game):
    """A game of two translators, two discriminators and their histories."""

    def __init__(
        self,
        translators: tuple[nn.Module, nn.Module],
        discriminators: tuple[Discriminator, Discriminator],
        histories: tuple[SampleMemory, SampleMemory],
        method: CycleGANMethod,
    ):
        names = (*TRANSLATORS, *DISCRIMINATORS)
        players = (*translators, discriminators[0], discriminators[1], *histories)
        super().__init__(dict(zip(names, players, strict=True)))
        self.method, self.objective = method, least_squares()

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Return translations [n,C,H,W] of the batch's sources."""
        translated: Tensor = self.players["generator"](batch["source"][:n])
        return translated

    def translators_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the loss of both translators."""
        source, target = batch["source"], batch["real"]
        there, back = (self.players[name] for name in TRANSLATORS)
        translated, returned = there(source), back(target)
        adversarial = self._rejection("discriminator", translated)
        adversarial = adversarial + self._rejection("source_discriminator", returned)
        cycle = absolute(back(translated), source).mean() + absolute(there(returned), target).mean()
        total = adversarial + self.method.cycle_weight * cycle
        logs = {"generator_loss": adversarial, "cycle_distance": cycle}
        if self.method.identity_weight:
            kept = absolute(there(target), target).mean() + absolute(back(source), source).mean()
            total = total + self.method.identity_weight * kept
            logs["identity_distance"] = kept
        return Loss(total, logs)

    def discriminators_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the loss of both discriminators, on fakes of their histories."""
        with torch.no_grad():
            translated = self.players["generator"](batch["source"])
            returned = self.players["inverse"](batch["real"])
        of_targets = self._judged("discriminator", "history", batch["real"], translated, move)
        of_sources = self._judged(
            "source_discriminator", "source_history", batch["source"], returned, move
        )
        logs = {**of_targets.logs, **{f"source_{k}": v for k, v in of_sources.logs.items()}}
        return Loss(of_targets.total + of_sources.total, logs)

    def _rejection(self, discriminator: str, fake: Tensor) -> Tensor:
        score: Tensor = self.players[discriminator](fake).score
        return (score - 1).square().mean()

    def _judged(
        self, discriminator: str, history: str, real: Tensor, fake: Tensor, move: Move
    ) -> Loss:
        remembered = self.players[history].mixed(fake, move.rng)  # type: ignore[operator]
        return judged(self.objective, self.players[discriminator], real, remembered)  # type: ignore[arg-type]


def build(
    translators: tuple[nn.Module, nn.Module],
    discriminators: tuple[Discriminator, Discriminator],
    method: CycleGANMethod,
    shape: tuple[int, int, int],
) -> CycleGame:
    """Return the game.

    Args:
        translators: of sources to targets, and back.
        discriminators: of targets, and of sources.
        method: the settings.
        shape: of an image [C,H,W], for the histories.
    """
    histories = SampleMemory(method.history, shape), SampleMemory(method.history, shape)
    return CycleGame(translators, discriminators, histories, method)


def phases(method: CycleGANMethod, training: PlayerTraining) -> tuple[Phase, ...]:
    """Return one phase in which the translators and the discriminators take turns."""
    return (
        training_phase(
            training,
            "translation",
            player_turn(training, method.generator, "translators_loss", *TRANSLATORS),
            player_turn(training, method.discriminator, "discriminators_loss", *DISCRIMINATORS),
        ),
    )
