"""What ``seqgan-kit bench image`` measures: a method with networks, data and schedule of a size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from image_gans.methods import dcgan, wgan_gp
from image_gans.methods.translation import pix2pix
from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.networks.translators.patch_discriminator import PatchConfig, patch_discriminator
from image_gans.networks.translators.translator_choice import TranslatorChoice, build_translator
from image_gans.player_schedule import PlayerTraining
from image_gans.schedule import ImageTraining
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.game import Phase
from seqgan_kit.data.images.image_config import ImageData


@dataclass(frozen=True)
class ImageSetting:
    """Settings of the benchmark."""

    method: Literal["dcgan", "wgan_gp", "pix2pix"] = "dcgan"
    size: int = 32
    batch: int = 32
    width: int = 32
    repeats: int = 20
    options: bool = False
    """Also time channels-last, bf16 and torch.compile."""
    device: str = "auto"
    seed: int = 0

    def networks(self) -> NetworkChoice:
        """Return the pair of networks, of a method from noise."""
        norm: Literal["auto", "layer"] = "auto" if self.method == "dcgan" else "layer"
        return NetworkChoice(width=self.width, discriminator_norm=norm)

    def training(self) -> ImageTraining:
        """Return the schedule of a method from noise."""
        usual = ImageTraining() if self.method == "dcgan" else wgan_gp.PAPER
        return replace(usual, batch_size=self.batch)

    def pair_training(self) -> PlayerTraining:
        """Return the schedule of a method of pairs."""
        return PlayerTraining(batch_size=self.batch)

    def game(self) -> AdversarialGame:
        """Return the game with initial weights."""
        torch.manual_seed(self.seed)
        data = ImageData(size=self.size)
        if self.method == "pix2pix":
            # Without dropout, whose random numbers both loops would draw from one stream in turns.
            translator = TranslatorChoice(width=self.width, dropout=0.0)
            generator = build_translator(translator, self.size, data.channels)
            patches = PatchConfig(self.width, halvings=1)
            discriminator = patch_discriminator(patches, 2 * data.channels)
            return pix2pix.build(generator, discriminator, pix2pix.Pix2PixMethod())
        players = build_networks(self.networks(), data)
        if self.method == "dcgan":
            return dcgan.build(*players, dcgan.DCGANMethod())
        return wgan_gp.build(*players, wgan_gp.WGANGPMethod())

    def phase(self) -> Phase:
        """Return its only phase."""
        if self.method == "pix2pix":
            (phase,) = pix2pix.phases(pix2pix.Pix2PixMethod(), self.pair_training())
        else:
            (phase,) = (dcgan if self.method == "dcgan" else wgan_gp).phases(self.training())
        return phase

    @property
    def turns(self) -> str:
        """Return the updates of a round in words."""
        if self.method == "pix2pix":
            return "1 of D, 1 of G and 1 of the baseline"
        return f"{self.training().discriminator_moves} of D and 1 of G"

    @property
    def images_a_round(self) -> int:
        """Return how many images the updates of a round read or make."""
        if self.method == "pix2pix":
            return self.batch * 4
        return self.batch * (2 * self.training().discriminator_moves + 1)

    def pictures(self) -> Tensor:
        """Return images [N,3,H,W], or pairs [N,6,H,W], uint8, for a dozen rounds."""
        rng = torch.Generator().manual_seed(self.seed)
        channels = 6 if self.method == "pix2pix" else 3
        shape = (72 * self.batch, channels, self.size, self.size)
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=rng)
