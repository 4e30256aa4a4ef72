"""VQ-VAE: an autoencoder whose code is a map of entries of a codebook (van den Oord, Vinyals, Kavukcuoglu
2017, "Neural discrete representation learning").

With images x, an encoder E, K codes e_k, the code k(z) = argmin_k |z - e_k| of each vector z of E(x), a
decoder G, and sg, which stops the gradient:

    E and G minimise  E[(x - G(q))^2] + beta E[(E(x) - sg(e_k))^2],   q = E(x) + sg(e_k - E(x))
    e_k = mean of the z that chose k, running over batches

The gradient at q goes to E(x) unchanged. With a uniform prior over codes the divergence from the prior is
constant, log K a code, so no such term is trained. The prior is learnt afterwards on the codes of the
training images, which are rows of tokens: any text recipe may learn it.

Differs from the paper: the codebook follows running means (appendix A.1) in place of its gradient, and unused
codes restart at vectors of the batch; normal initial weights (the authors' library truncates them at two
deviations); decoded values beyond [-1,1] are cut off; the prior is a generator of rows from left to right and
top to bottom, not PixelCNN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from image_gans.distances import squared
from image_gans.networks.translators.vector_quantiser import Quantised, VectorQuantiser
from image_gans.player_schedule import PlayerTraining, Steps, player_turn, training_phase
from seqgan_kit.core.bounds import Weight, bounded
from seqgan_kit.core.game import Batch, Game, Loss, Move, Phase


@dataclass(frozen=True)
@bounded
class VQVAEMethod:
    """Settings of the VQ-VAE: the commitment and the learning rate."""

    commitment: Weight = 0.25
    """beta: weight of the distance of the encoder's vectors to their codes (0.25 in the paper)."""
    steps: Steps = Steps(2e-4)
    """Updates of encoder and decoder."""


class QuantisedGame(Game):
    """A game of an encoder, a codebook and a generator that decodes."""

    def __init__(
        self,
        encoder: nn.Module,
        quantiser: VectorQuantiser,
        generator: nn.Module,
        method: VQVAEMethod,
    ):
        super().__init__({"encoder": encoder, "quantiser": quantiser, "generator": generator})
        self.method = method

    @property
    def quantiser(self) -> VectorQuantiser:
        """The player ``quantiser``."""
        return cast(VectorQuantiser, self.players["quantiser"])

    def private_players(self) -> tuple[str, ...]:
        """Return none: processes share one codebook, by the mean of their running counts and sums."""
        return ()

    def quantise(self, x: Tensor) -> Quantised:
        """Return the codes of images [N,C,H,W]."""
        return cast(Quantised, self.quantiser(self.players["encoder"](x)))

    def rebuild(self, x: Tensor) -> Tensor:
        """Return images [N,C,H,W] encoded, quantised and decoded."""
        return cast(Tensor, self.players["generator"](self.quantise(x).vectors))

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Return [n,C,H,W] reconstructed from the batch."""
        return self.rebuild(batch["real"][:n])

    def reconstruction_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the error of reconstructed images plus the commitment; move the codebook."""
        real = batch["real"]
        z = self.players["encoder"](real)
        found = cast(Quantised, self.quantiser(z))
        error = squared(self.players["generator"](found.vectors), real).mean()
        self.quantiser.follow(z, found.codes, move.rng)
        total = error + self.method.commitment * found.commitment
        logs = {
            "reconstruction_loss": error,
            "commitment": found.commitment,
            "codebook_perplexity": self.quantiser.perplexity(),
        }
        return Loss(total, logs)


def build(
    encoder: nn.Module, quantiser: VectorQuantiser, generator: nn.Module, method: VQVAEMethod
) -> QuantisedGame:
    """Return the game from its players and settings."""
    return QuantisedGame(encoder, quantiser, generator, method)


def phases(method: VQVAEMethod, training: PlayerTraining) -> tuple[Phase, ...]:
    """Return one phase that updates encoder, codebook and decoder together."""
    turn = player_turn(
        training, method.steps, "reconstruction_loss", "encoder", "quantiser", "generator"
    )
    return (training_phase(training, "reconstruction", turn),)
