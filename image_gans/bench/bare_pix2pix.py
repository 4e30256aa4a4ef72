"""A hand-written training loop of pix2pix without a library, the reference for ``seqgan-kit bench image``."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from image_gans.player_schedule import PlayerTraining


class BarePix2Pix:
    """D, G and the baseline in turns, on random pairs.

    Args:
        players: generator, discriminator and baseline, which are copied.
        training: batch size and Adam's decays.
        learning_rate: of all players.
        distance_weight: of the absolute difference.
        pictures: pairs [N,2C,H,W] uint8.
        order: row numbers in the order of training.
    """

    def __init__(
        self,
        players: nn.ModuleDict,
        training: PlayerTraining,
        learning_rate: float,
        distance_weight: float,
        pictures: Tensor,
        order: Tensor,
    ):
        self.players = copy.deepcopy(players)
        self.optimizers = {
            name: torch.optim.Adam(player.parameters(), learning_rate, training.betas, fused=True)
            for name, player in self.players.items()
        }
        self.weight, self.pictures = distance_weight, pictures
        self.batches, self.position = order.split(training.batch_size), 0

    def play_round(self) -> None:
        """Make one update of D, of G and of the baseline, each on a batch of its own."""
        generator, discriminator, baseline = self.players.values()
        self.optimizers["discriminator"].zero_grad()
        source, target = self.next_pair()
        with torch.no_grad():
            output = generator(source)
        both = torch.cat([torch.cat([source, target], 1), torch.cat([source, output], 1)])
        real, fake = discriminator(both).score.chunk(2)
        (F.softplus(-real).mean() + F.softplus(fake).mean()).backward()
        self.optimizers["discriminator"].step()

        self.optimizers["generator"].zero_grad()
        source, target = self.next_pair()
        discriminator.requires_grad_(False)
        output = generator(source)
        fooled = F.softplus(-discriminator(torch.cat([source, output], 1)).score).mean()
        (fooled + self.weight * (output - target).abs().mean()).backward()
        discriminator.requires_grad_(True)
        self.optimizers["generator"].step()

        self.optimizers["baseline"].zero_grad()
        source, target = self.next_pair()
        (baseline(source) - target).abs().mean().backward()
        self.optimizers["baseline"].step()

    def next_pair(self) -> tuple[Tensor, Tensor]:
        """Return sources and targets [B,C,H,W] in [-1,1]."""
        rows = self.batches[self.position % len(self.batches)]
        self.position += 1
        source, target = (self.pictures[rows].float() / 127.5 - 1).chunk(2, 1)
        return source, target
