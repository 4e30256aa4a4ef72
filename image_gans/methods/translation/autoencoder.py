"""Autoencoder: reconstruct an image through a narrow code, from a clean or a corrupted input (Hinton,
Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks"; Vincent et al. 2008,
"Extracting and composing robust features with denoising autoencoders").

With images x, a corruption c drawn afresh at every update, an encoder E and a decoder G:

    E and G minimise  E[(x - G(E(c(x))))^2]

Differs from the papers: convolutions with batch norm, all layers trained together by Adam (the first trains
layer by layer, the second is fully connected); the squared error for pixels in [-1,1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from image_gans.distances import squared
from image_gans.player_schedule import PlayerTraining, Steps, player_turn, training_phase
from seqgan_kit.core.bounds import bounded
from seqgan_kit.core.game import Batch, Game, Loss, Move, Phase
from seqgan_kit.data.images.corruptions import corruption


@dataclass(frozen=True)
@bounded
class AutoencoderMethod:
    """Settings of the autoencoder: the corruption and the learning rate."""

    corruption: str = "none"
    """Corruption of the inputs: none, noise, salt, low2, low4, grey, boxes, strokes, rain or jpeg."""
    steps: Steps = Steps(1e-3)
    """Updates of encoder and decoder."""


class AutoencoderGame(Game):
    """A game of an encoder and a generator that decodes."""

    def __init__(self, encoder: nn.Module, generator: nn.Module, method: AutoencoderMethod):
        super().__init__({"encoder": encoder, "generator": generator})
        self.damage = corruption(method.corruption)

    def rebuild(self, x: Tensor) -> Tensor:
        """Return images [N,C,H,W] encoded and decoded."""
        return cast(Tensor, self.players["generator"](self.players["encoder"](x)))

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Return [n,C,H,W] reconstructed from the corrupted batch."""
        return self.rebuild(self.damage(batch["real"][:n], rng))

    def reconstruction_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the mean squared error of reconstructed images."""
        real = batch["real"]
        error = squared(self.draw(len(real), batch, move.rng), real).mean()
        return Loss(error, {"reconstruction_loss": error})


def build(encoder: nn.Module, generator: nn.Module, method: AutoencoderMethod) -> AutoencoderGame:
    """Return the game from its players and settings."""
    return AutoencoderGame(encoder, generator, method)


def phases(method: AutoencoderMethod, training: PlayerTraining) -> tuple[Phase, ...]:
    """Return one phase that updates encoder and decoder together."""
    turn = player_turn(training, method.steps, "reconstruction_loss", "encoder", "generator")
    return (training_phase(training, "reconstruction", turn),)
