r"""StyleGAN2: modulated convolutions, and two penalties in some updates only (Karras et al. 2020, "Analyzing
and improving the image quality of StyleGAN").

With s the scores of D, w = f(z) the style of an image g(w), J_w = dg/dw, and y an image of normal noise:

    D minimises  E[softplus(-s(x)) + softplus(s(g(w)))] + gamma/2 E[||grad s(x)||^2]      (R1)
    G minimises  E[softplus(-s(g(w)))] + lambda E[(||J_w' y||_2 - a)^2]                   (eq. 4)

a is a running mean of the lengths ||J_w' y||, so the same step in w changes all images equally much. In one
round of k, a penalty has an update of its own with k times its weight (section 3.1), so the mean gradient is
that of a penalty in every update. It uses the moments of the player's Adam. The k + 1 updates shall move the
player as k did: with c = k/(k+1), Adam has c times the learning rate and the decays beta^c.

In training, an image's layers from a random one on have another style with probability ``style_mixing``.
``sample --truncation`` moves styles towards their mean.

The four choices: the players of ``networks/style``, the non-saturating loss, the pathwise gradient, and one
phase in which D and G take turns, with the penalties as turns of their own.

Differs from the paper: images have at most 256 pixels; mirrored copies are not added to the data; the
crossover of two styles is drawn for each image (authors' code: for each batch); enlarged images repeat their
edges (theirs: zeros); a penalty reads the feed's next batch (theirs: the batch of the round); the mean style
is that of 10,000 latents of the average of G (theirs: a running mean of the live G); no gradient flows
through a (theirs: a hundredth). The path length is measured on half a batch, as in their code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn

from image_gans.networks.style.style_generator import StyleGenerator
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
from seqgan_kit.core.bounds import Positive, Share, UpTo1, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, Phase, Turn
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.core.penalties import R1
from seqgan_kit.core.techniques.augmentation import AugmentedInput
from seqgan_kit.errors import UsageError

_LENGTHS = "path_lengths"


@dataclass(frozen=True)
@bounded
class StyleGAN2Method:
    """Settings of StyleGAN2: its penalties and style mixing."""

    r1_gamma: Weight = 10.0
    """Weight gamma of R1 (10 for most data in the paper; 0: none). Smaller images need less."""
    r1_every_rounds: Positive = 16
    """Rounds between R1's updates of D."""
    path_length_weight: Weight = 2.0
    """Weight lambda of the path length penalty, for noise divided by the root of the number of pixels (2 in
    the authors' code; 0: none)."""
    path_length_every_rounds: Positive = 4
    """Rounds between the penalty's updates of G."""
    path_length_decay: Share = 0.01
    """Share of a batch's mean length in the running mean a."""
    style_mixing: UpTo1 = 0.9
    """Probability that an image is drawn from two styles in training."""


PAPER = ImageTraining(
    generator_learning_rate=2e-3,
    discriminator_learning_rate=2e-3,
    betas=(0.0, 0.99),
    batch_size=32,
    average_decay=0.5 ** (32 / 10_000),
    epochs=53,
)
"""Configuration F on LSUN cats at 256 pixels: 88 million images of 1.66 million."""


def path_lengths(images: Tensor, styles: Tensor, noise: Tensor) -> Tensor:
    """Return ||J' y|| [N] of images g(w) and noise y, itself differentiable.

    Args:
        images: [N,C,H,W], computed from ``styles``.
        styles: [N,L,D], w of each layer; the squares are means over layers.
        noise: [N,C,H,W] standard normal; it is divided by sqrt(H W).
    """
    y = noise / (images.shape[2] * images.shape[3]) ** 0.5
    (gradient,) = torch.autograd.grad((images * y).sum(), styles, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()


class PathLengths(nn.Module):
    """A player without parameters: the running mean a of path lengths."""

    mean: Tensor

    def __init__(self, decay: float):
        super().__init__()
        self.decay = decay
        self.register_buffer("mean", torch.zeros(()))

    def deviations(self, lengths: Tensor) -> Tensor:
        """Move the mean towards these lengths [N], and return their differences from it."""
        self.mean.lerp_(lengths.detach().mean(), self.decay)
        return lengths - self.mean


class StyleGAN2Game(AdversarialGame[StyleGenerator]):
    """The adversarial game with styles that are mixed in training, and penalties as losses of their own."""

    method = StyleGAN2Method()

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Draw ``n`` images, some of them from two styles."""
        return self.generator.synthesis(self._styles(n, rng), rng)

    def r1_loss(self, batch: Batch, move: Move) -> Loss:
        """Return R1, times the rounds that it stands for."""
        trunk = self.discriminator.trunk
        if isinstance(trunk, AugmentedInput):
            trunk.rng = move.rng
        penalty = R1(self.method.r1_gamma)(
            self.discriminator, batch["real"], batch["real"], move.rng
        )
        return Loss(self.method.r1_every_rounds * penalty, {"r1": penalty})

    def path_length_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the path length penalty on half a batch, times the rounds that it stands for."""
        method, rng = self.method, move.rng
        n = max(1, len(batch["real"]) // 2)
        with torch.autocast(batch["real"].device.type, enabled=False):
            styles = self._styles(n, rng)
            images = self.generator.synthesis(styles, rng)
            noise = torch.randn(images.shape, generator=rng, device=rng.device).to(images)
            lengths = path_lengths(images, styles, noise)
        running = cast(PathLengths, self.players[_LENGTHS])
        penalty = method.path_length_weight * running.deviations(lengths).square().mean()
        logs = {"path_length": lengths.mean(), "path_length_penalty": penalty}
        return Loss(method.path_length_every_rounds * penalty, logs)

    def _styles(self, n: int, rng: torch.Generator) -> Tensor:
        return self.generator.mixed_styles(n, rng, self.method.style_mixing)


def build(
    generator: nn.Module,
    discriminator: Discriminator,
    method: StyleGAN2Method,
    techniques: Techniques = NO_TECHNIQUES,
) -> AdversarialGame:
    """Return the game from its players and settings; refuse a generator without styles."""
    if not isinstance(generator, StyleGenerator):
        raise UsageError(
            f"StyleGAN2 needs a generator with styles, and this one is {type(generator).__name__}: choose "
            "--network style."
        )
    R1().check(discriminator)
    why = "its penalties are updates of their own."
    refuse_techniques(techniques, "StyleGAN2", why, "unrolled_steps", "packing")
    why = "it has R1 itself, with --r1-gamma."
    refuse_techniques(techniques, "StyleGAN2", why, "r1_weight")
    game = equipped_game(
        generator,
        discriminator,
        non_saturating(),
        techniques,
        others={_LENGTHS: PathLengths(method.path_length_decay)},
        kind=StyleGAN2Game,
    )
    game.method = method  # type: ignore[assignment]
    return game


def phases(
    training: ImageTraining, method: StyleGAN2Method, techniques: Techniques = NO_TECHNIQUES
) -> tuple[Phase, ...]:
    """Return one phase in which D and G take turns, each followed by its penalty in some rounds."""
    discriminator = discriminator_turn(training, techniques)
    generator = generator_turn(training, techniques)
    r1 = "r1_loss", method.r1_every_rounds, method.r1_gamma
    lengths = "path_length_loss", method.path_length_every_rounds, method.path_length_weight
    turns = with_penalty(discriminator, *r1), with_penalty(generator, *lengths, _LENGTHS)
    return (adversarial_phase(training, *turns[0], *turns[1]),)


def with_penalty(
    turn: Turn, loss: str, every: int, weight: float, *beside: str
) -> tuple[Turn, ...]:
    """Return the turn with Adam's settings for lazy penalties, and its penalty's turn in every k-th round.

    Args:
        turn: the player's main turn.
        loss: the penalty's loss.
        every: k.
        weight: of the penalty; at 0 there is none, and the turn stays as it is.
        beside: further players that the penalty moves.
    """
    if not weight:
        return (turn,)
    assert turn.optimizer is not None
    share = every / (every + 1)
    first, second = turn.optimizer.betas
    optimizer = replace(
        turn.optimizer,
        learning_rate=turn.optimizer.learning_rate * share,
        betas=(first**share, second**share),
    )
    lazy = replace(
        turn,
        players=(*turn.players, *beside),
        loss=loss,
        optimizer=optimizer,
        optimizer_of=turn.loss,
        moves=lambda number: int(number % every == 0),
    )
    return replace(turn, optimizer=optimizer), lazy
