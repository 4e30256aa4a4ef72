"""Exponential moving averages of players, which often give better samples.

Batch norm's running statistics depend on the weights. During training, an average has the player's
statistics; before the average is used, they are measured again on samples of the average itself.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from seqgan_kit.core.game import Game
from seqgan_kit.errors import UsageError, unknown

_BATCH, _BATCHES = 128, 8  # Samples for measuring an average's batch statistics.


class Averages(nn.Module):
    """Moving averages of players: average <- decay * average + (1 - decay) * player."""

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
        """Update the averages with the players' new parameters; buffers are copied."""
        for name in set(players) & set(self.decays):
            source, average = game.players[name], self.copies[name]
            for new, old in zip(source.parameters(), average.parameters(), strict=True):
                old.lerp_(new, 1.0 - self.decays[name])
            for fresh, stale in zip(source.buffers(), average.buffers(), strict=True):
                stale.copy_(fresh)

    @contextmanager
    def in_place_of_players(self, game: Game) -> Iterator[None]:
        """Put the averages in place of the players, for evaluation and sampling."""
        originals = {name: game.players[name] for name in self.decays}
        for name in self.decays:
            game.players[name] = self.copies[name]
        try:
            yield
        finally:
            for name, player in originals.items():
                game.players[name] = player

    @contextmanager
    def with_own_statistics(self, game: Game, rng: torch.Generator) -> Iterator[None]:
        """Measure statistics as :meth:`measure_statistics` does, and restore the old ones on exit."""
        before = [buffer.clone() for buffer in self.copies.buffers()]
        try:
            self.measure_statistics(game, rng)
            yield
        finally:
            for buffer, old in zip(self.copies.buffers(), before, strict=True):
                buffer.copy_(old)

    @torch.no_grad()
    def measure_statistics(self, game: Game, rng: torch.Generator) -> None:
        """Set the averages' batch norm statistics to those of their own samples, while they replace the
        players.

        They are means over a few batches that the game draws. Layers that no sample reaches keep theirs.
        """
        norms = [
            m for m in self.copies.modules() if isinstance(m, _BatchNorm) and m.track_running_stats
        ]
        if not norms:
            return
        momenta, modes = [norm.momentum for norm in norms], [norm.training for norm in norms]
        before = [_statistics(norm) for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # None makes torch use the plain mean over batches.
            norm.train()
        for _ in range(_BATCHES):
            game.sample(_BATCH, rng=rng)
        for norm, momentum, mode, old in zip(norms, momenta, modes, before, strict=True):
            norm.momentum = momentum
            norm.train(mode)
            if not cast(Tensor, norm.num_batches_tracked):
                norm.load_state_dict(old, strict=False)


def _statistics(norm: _BatchNorm) -> dict[str, Tensor]:
    return {name: buffer.clone() for name, buffer in norm.named_buffers()}
