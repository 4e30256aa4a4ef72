"""Exponential moving averages of players: often the better network to sample from."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from seqgan_kit.core.game import Game
from seqgan_kit.errors import UsageError, unknown


class Averages(nn.Module):
    """Copies of players that follow them: average <- decay * average + (1 - decay) * player."""

    def __init__(self, game: Game, decays: Mapping[str, float]):
        super().__init__()
        for name, decay in decays.items():
            if name not in game.players:
                raise unknown("player to average", name, game.players.keys())
            if not 0.0 <= decay < 1.0:
                raise UsageError(f"the average of {name} has decay {decay}; it must be in [0, 1).")
        self.decays = dict(decays)
        self.copies = nn.ModuleDict({name: copy.deepcopy(game.players[name]) for name in decays})
        self.requires_grad_(False)

    @torch.no_grad()
    def follow(self, game: Game, players: tuple[str, ...]) -> None:
        """Takes in the players' new parameters; buffers are copied as they are."""
        for name in set(players) & set(self.decays):
            source, average = game.players[name], self.copies[name]
            for new, old in zip(source.parameters(), average.parameters(), strict=True):
                old.lerp_(new, 1.0 - self.decays[name])
            for fresh, stale in zip(source.buffers(), average.buffers(), strict=True):
                stale.copy_(fresh)

    @contextmanager
    def in_place_of_players(self, game: Game) -> Iterator[None]:
        """Lets the averages play, for evaluation and sampling."""
        originals = {name: game.players[name] for name in self.decays}
        for name in self.decays:
            game.players[name] = self.copies[name]
        try:
            yield
        finally:
            for name, player in originals.items():
                game.players[name] = player
