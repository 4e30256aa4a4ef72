"""Which players of a game are divided among the processes, and the whole copies that are made of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import nn

from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import RunSettings
from seqgan_kit.core.runs.runtime import Runtime
from seqgan_kit.core.sharding.sharded_player import (
    ShardedPlayer,
    parameter_count,
    separate_blocks,
)
from seqgan_kit.errors import UsageError


class Sharding:
    """The sharded players of a game, by name; none in a run without ``--shard``."""

    def __init__(
        self,
        players: Mapping[str, ShardedPlayer] | None = None,
        told: str = "",
        measured: Mapping[str, Any] | None = None,
    ):
        self.players, self.told = dict(players or {}), told
        self.measured = dict(measured or {})
        """What ``measure`` returned of each player before it was divided."""
        self._states: dict[str, dict[str, Any]] = {}

    def __bool__(self) -> bool:
        return bool(self.players)

    def gathered_bytes(self) -> int:
        """Return the memory of the parameters of other processes while all players are gathered."""
        return sum(player.gathered_bytes() for player in self.players.values())

    def scatter(self) -> None:
        """Free the parameters of other processes."""
        for player in self.players.values():
            player.scatter()

    def collect(self, *, keep: bool) -> None:
        """Gather whole states until :meth:`release`; all processes must call this.

        Args:
            keep: whether this process keeps them.
        """
        self._states = {name: p.whole_state(keep=keep) for name, p in self.players.items()}

    def release(self) -> None:
        """Free the whole states."""
        self._states = {}

    def state_of(self, name: str, player: nn.Module) -> dict[str, Any]:
        """Return a player's state; that of a sharded one is the collected one."""
        return self._states[name] if name in self.players else player.state_dict()

    def load(self, name: str, player: nn.Module, state: Mapping[str, Any]) -> None:
        """Load a whole state into a player."""
        if name in self.players:
            self.players[name].load_whole_state(state)
        else:
            player.load_state_dict(state)

    @contextmanager
    def twins_in_place(self, game: Game) -> Iterator[None]:
        """Put ordinary copies with the collected states in place of the sharded players."""
        originals = {name: game.players[name] for name in self.players}
        try:
            self._replace(game)
            yield
        finally:
            for name, player in originals.items():
                game.players[name] = player

    def end(self, game: Game) -> None:
        """Replace the sharded players by ordinary ones, on all processes."""
        if not self.players:
            return
        self.collect(keep=True)
        self._replace(game)
        self.players = {}
        self.release()

    def _replace(self, game: Game) -> None:
        for name, player in self.players.items():
            game.players[name] = player.twin(self._states[name])


def shard_players(
    game: Game,
    settings: RunSettings,
    runtime: Runtime,
    averaged: Collection[str],
    measure: Callable[[nn.Module], Any],
) -> Sharding:
    """Divide the large players of a game among the processes, if ``--shard`` asks for it.

    Args:
        game: the game, equal on all processes.
        settings: of the run.
        runtime: the processes.
        averaged: names of the players with a moving average, which stay whole.
        measure: function that measures a player which is not divided yet.
    """
    if not settings.shard:
        return Sharding()
    _check_settings(settings, runtime)
    reasons = {
        name: _reason_against(game, name, settings.shard_above, averaged)
        for name in game.players
        if name not in game.private_players()
    }
    chosen = [name for name, reason in reasons.items() if not reason]
    kept = "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if reason)
    if not chosen:
        raise UsageError(
            f"--shard: no player can be sharded ({kept}). Lower --shard-above, use a Transformer (a language "
            "model as --generator hf:MODEL, or transformer), or leave out --shard."
        )
    told = [_told(name, game.players[name]) for name in chosen]
    measured = {name: measure(game.players[name]) for name in chosen}
    from torch.distributed.device_mesh import init_device_mesh

    mesh = init_device_mesh(runtime.device.type, (runtime.world_size,))
    players = {name: ShardedPlayer(game.players[name], mesh) for name in chosen}
    line = f"sharded over {runtime.world_size} processes: {', '.join(told)}"
    return Sharding(players, f"{line}; whole on each: {kept}." if kept else f"{line}.", measured)


def _check_settings(settings: RunSettings, runtime: Runtime) -> None:
    if runtime.world_size == 1:
        raise UsageError(
            "--shard divides players among processes, and this run has one: start it by torchrun "
            "--nproc_per_node N, or leave out --shard."
        )
    if settings.compile:
        raise UsageError("--shard and --compile cannot be combined: leave one of them out.")


def _reason_against(game: Game, name: str, above: int, averaged: Collection[str]) -> str:
    """Return why a player stays whole; "" if it can be sharded."""
    player = game.players[name]
    size = parameter_count(player.parameters())
    if size <= above:
        return f"{size:,} parameters, not above --shard-above {above:,}"
    if not separate_blocks(player):
        return f"{size:,} parameters, but its network has no blocks that can be sharded"
    if name in averaged:
        return "it has a moving average"
    if name == "discriminator" and (penalty := _unfit_penalty(game)):
        return f"its penalty {penalty} needs more than gradients block by block"
    return ""


def _told(name: str, player: nn.Module) -> str:
    blocks = separate_blocks(player)
    divided = sum(parameter_count(block.parameters()) for block in blocks)
    whole = parameter_count(player.parameters())
    return f"{name} ({divided:,} of {whole:,} parameters, in {len(blocks)} blocks)"


def _unfit_penalty(game: Game) -> str:
    """Return the name of a penalty that reads D's weights or needs second derivatives; "" for none."""
    penalties = getattr(game, "penalties", None) or ()
    unfit = (p.name for p in penalties if not getattr(p, "works_in_blocks", False))
    return next(unfit, "")
