"""LAPGAN: a GAN for each level of a Laplacian pyramid (Denton et al. 2015, "Deep generative image models
using a Laplacian pyramid of adversarial networks").

With the copies I_0 = x, ..., I_K of an image x, each half as large as the one before, l_k the copy I_{k+1}
enlarged to the size of I_k, noise z_k, and s_k = logit D_k:

    level K:  G_K(z_K) against I_K, an unconditional GAN
    level k:  x~_k = l_k + G_k(l_k, z_k) against I_k = l_k + h_k, where h_k is the detail of the pyramid
    D_k minimises  -E[log sigma(s_k(I_k))] - E[log(1 - sigma(s_k(x~_k)))]
    G_k minimises  -E[log sigma(s_k(x~_k))]

    samples: I~_K = G_K(z_K);  I~_k = l~_k + G_k(l~_k, z_k), with l~_k enlarged from I~_{k+1}

In training l_k is always of a real image, so the levels are independent: the loss of a player is the sum of
its levels' losses, no parameter belongs to two levels, and Adam treats each parameter alone. Training all
levels at once therefore equals training each by itself on the same batches. D_k sees l_k + h_k: the paper
adds both before D's first layer.

Differs from the paper, in the preset ``paper`` too: Adam in place of SGD with a rising momentum; normal noise
in place of uniform; real and generated images in every batch of D, in place of a coin toss; LeakyReLU in D,
padded convolutions, and PyTorch's initialisation; the coarsest level is any of the kit's pairs of networks,
with layers of G no wider than those of D (8,000 and 1,600 units in the authors' code), a tanh and no sigmoid
layer; copies are blurred by Burt and Adelson's filter, as in the paper's text (the authors' code has bilinear
scaling); samples are clamped to [-1,1], and pixels are not standardised; no classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from image_gans.networks.pyramids.pyramid_generator import DetailGenerator, PyramidGenerator
from image_gans.networks.pyramids.pyramid_players import PyramidDiscriminator
from image_gans.schedule import ImageTraining, in_turns
from seqgan_kit.core.bounds import Share, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Game, Loss, Move, Phase
from seqgan_kit.core.judging import judged
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.core.products import channels_last
from seqgan_kit.data.images.pyramids import doubled, smaller_copies


@dataclass(frozen=True)
@bounded
class LAPGANMethod:
    """Settings of LAPGAN."""

    label_smoothing: Share = 0.0
    """Label smoothing: real images get the target 1 minus this (0.1 is usual)."""


class PyramidGame(Game[PyramidGenerator]):
    """A pyramid of generators against a discriminator for each of its levels.

    Args:
        generator: generators of all levels.
        discriminator: as many discriminators.
        method: settings.
    """

    def __init__(
        self,
        generator: PyramidGenerator,
        discriminator: PyramidDiscriminator,
        method: LAPGANMethod,
    ):
        super().__init__({"generator": generator, "discriminator": discriminator})
        self.objective = non_saturating(method.label_smoothing)

    def pairs(self, real: Tensor, rng: torch.Generator) -> list[tuple[Tensor, Tensor]]:
        """Return I_k and x~_k [N,C,h,w] of every level, coarse to fine.

        Args:
            real: [N,C,H,W] images.
            rng: draws the noise.
        """
        copies = smaller_copies(real, len(self.generator.details))[::-1]
        pairs = [(copies[0], cast(Tensor, self.generator.inner.sample(len(real), rng=rng)))]  # type: ignore[operator]
        for detail, smaller, image in zip(
            self.generator.details, copies[:-1], copies[1:], strict=True
        ):
            low = doubled(smaller, image.shape[2:])
            pairs.append((image, low + cast(DetailGenerator, detail).draw(low, rng)))
        return pairs

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the sum of the discriminators' losses."""
        with torch.no_grad():
            pairs = self.pairs(batch["real"], move.rng)
        losses = {
            image.shape[-1]: judged(self.objective, judge, image, fake)
            for judge, (image, fake) in zip(self._judges, pairs, strict=True)
        }
        return summed(losses)

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the sum of the generators' losses."""
        losses = {}
        pairs = self.pairs(batch["real"], move.rng)
        for judge, (image, fake) in zip(self._judges, pairs, strict=True):
            total = self.objective.generator(judge(fake).score, None).mean()
            losses[image.shape[-1]] = Loss(total, {"generator_loss": total})
        return summed(losses)

    @property
    def _judges(self) -> list[Discriminator]:
        levels = cast(PyramidDiscriminator, self.players["discriminator"]).levels
        return [cast(Discriminator, judge) for judge in levels]


def summed(losses: Mapping[int, Loss]) -> Loss:
    """Return the sum of the losses of levels by their sides.

    Each value is logged by level, and as a mean over the levels.
    """
    logs: dict[str, Tensor | float] = {}
    for key in next(iter(losses.values())).logs:
        values = {side: torch.as_tensor(loss.logs[key]) for side, loss in losses.items()}
        logs[key] = torch.stack([*values.values()]).mean()
        logs |= {f"{key}_{side}": value for side, value in values.items()}
    return Loss(torch.stack([loss.total for loss in losses.values()]).sum(), logs)


def build(
    generator: PyramidGenerator, discriminator: PyramidDiscriminator, method: LAPGANMethod
) -> PyramidGame:
    """Return the game from its players and settings."""
    game = PyramidGame(generator, discriminator, method)
    return channels_last(game)


def phases(training: ImageTraining) -> tuple[Phase, ...]:
    """Return one phase in which the discriminators and the generators of all levels take turns."""
    return in_turns(training)
