"""A GAN as a game: players, what each wants, and whose turn it is.

A :class:`Game` owns the players (modules) and knows their losses. It never sees an optimizer, a device,
a process group, a path or a logger: it *returns* losses, and the trainer makes the moves. Who moves when
is data: a run is a list of :class:`Phase`, a phase a list of :class:`Turn`.

Some players learn by gradient; others have no parameters and change by a rule alone (a pool of negatives,
a history buffer, BEGAN's balance, a moving-average baseline). Their state lives in buffers, so that a
checkpoint of the game is a checkpoint of everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.optimizers import Memory, Optimizer
from seqgan_kit.errors import UsageError, unknown

Batch = Mapping[str, Tensor]


@dataclass(frozen=True)
class Loss:
    """What one move minimises, and the numbers worth writing down.

    ``logs`` hold scalars (detached by the trainer); they are averaged over the moves of a round.
    """

    total: Tensor
    logs: Mapping[str, Tensor | float] = field(default_factory=dict)


def nothing_gathered(player: str) -> Memory | None:
    """Return the memory of optimizers that have not moved yet."""
    return None


@dataclass(frozen=True)
class Move:
    """Where in the run a move is made; losses and rules get it beside the batch."""

    phase: str
    round: int
    rounds: int
    rng: torch.Generator
    memory: Callable[[str], Memory | None] = nothing_gathered
    """A copy of what a player's optimizer in this phase remembers; None before its first move."""

    @property
    def progress(self) -> float:
        """Share of the phase behind us: 0 in its first round, exactly 1 in its last."""
        return self.round / (self.rounds - 1) if self.rounds > 1 else 1.0


@dataclass(frozen=True)
class Epochs:
    """A number of passes over a feed, where a plain int would count moves or rounds."""

    count: float


@dataclass(frozen=True)
class Turn:
    """Players that move together, and how: down the gradient of a loss, or by a rule.

    Exactly one of ``loss`` and ``rule`` names a method of the game. A loss is called as
    ``loss(batch, move) -> Loss`` and needs an optimizer; a rule as ``rule(batch, move) -> logs or None``
    and changes its players' state itself, without gradients.
    """

    players: tuple[str, ...]
    loss: str = ""
    rule: str = ""
    optimizer: Optimizer | None = None
    moves: int | Epochs | Callable[[int], int] = 1
    """Moves a round: a number, passes over the feed, or a function of the round."""
    feed: str | None = "train"
    """Which feed the batches come from; None gives an empty batch."""
    after_step: str = ""
    """A rule on the same players after every optimizer step (weight clipping)."""

    def __post_init__(self) -> None:
        if bool(self.loss) == bool(self.rule):
            raise UsageError(
                f"a turn of {self.players} needs a loss or a rule, not both or neither."
            )
        if bool(self.loss) != (self.optimizer is not None):
            raise UsageError(
                f"a turn of {self.players} needs an optimizer exactly if it has a loss."
            )

    def moves_in(self, round_number: int, batches_per_epoch: int) -> int:
        """How many moves this turn has in that round."""
        if isinstance(self.moves, Epochs):
            return max(1, round(self.moves.count * batches_per_epoch))
        return self.moves(round_number) if callable(self.moves) else self.moves


@dataclass(frozen=True)
class EarlyStop:
    """Ends a phase when a metric of the evaluation has not improved for some evaluations."""

    metric: str
    patience_evaluations: int = 3
    better: str = "lower"
    restore_best: bool = True


EVALUATIONS = 20
"""About so many in a phase that does not say how often: enough for a curve."""


def spread_evenly(rounds: int) -> int:
    """Rounds between evaluations that make 15 to 29 of them; one a round where there are fewer rounds."""
    return max(1, round(rounds / EVALUATIONS))


@dataclass(frozen=True)
class Phase:
    """A stretch of the run: its turns, played in order once a round."""

    name: str
    turns: tuple[Turn, ...]
    rounds: int | Epochs = 1
    """Rounds, or passes over the feed of the phase's first fed turn."""
    evaluate_every_rounds: int | None = 0
    """0 evaluates at the end of the phase only; -1 never; None about 20 times, evenly spaced."""
    sample_every_rounds: int = 0
    save_every_rounds: int = 0
    log_every_rounds: int = 1
    """Rounds whose means make one row of metrics.jsonl; on a GPU a row costs a wait for the device."""
    early_stop: EarlyStop | None = None
    keep: bool = False
    """Keep the players as they are at the end of this phase in ``checkpoints/after-<name>.pt``."""

    def evaluate_every(self, rounds: int) -> int:
        """Rounds between evaluations in a phase of so many; 0 and -1 as in ``evaluate_every_rounds``."""
        every = self.evaluate_every_rounds
        return spread_evenly(rounds) if every is None else every


class Game(nn.Module):
    """The players and what they want. Subclasses add losses and rules as methods."""

    def __init__(self, players: Mapping[str, nn.Module]):
        super().__init__()
        self.players = nn.ModuleDict(players)

    def loss(self, name: str, batch: Batch, move: Move) -> Loss:
        """Return the named loss on a batch."""
        result = self._method(name)(batch, move)
        if not isinstance(result, Loss):
            raise TypeError(
                f"{type(self).__name__}.{name} returned {type(result).__name__}, not a Loss."
            )
        return result

    def rule(self, name: str, batch: Batch, move: Move) -> Mapping[str, Tensor | float]:
        """Apply the named rule; returns what it logs."""
        with torch.no_grad():
            return cast(Mapping[str, Tensor | float], self._method(name)(batch, move) or {})

    def sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        """Draw ``n`` samples from the generator."""
        return cast(Tensor, self.players["generator"].sample(n, rng=rng))  # type: ignore[operator]

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Draws ``n`` samples for a batch; conditional games read the conditions from it."""
        return self.sample(n, rng=rng)

    def private_players(self) -> tuple[str, ...]:
        """Players without parameters: every process has its own (pools, buffers, running figures)."""
        return tuple(
            name for name, player in self.players.items() if next(player.parameters(), None) is None
        )

    def _method(self, name: str) -> Callable[[Batch, Move], object]:
        method = getattr(self, name, None)
        if not callable(method) or name.startswith("_") or hasattr(nn.Module, name):
            own = [n for n in dir(self) if n.endswith("_loss") or n in self._rules()]
            raise unknown("loss or rule", name, own)
        return cast(Callable[[Batch, Move], object], method)

    def _rules(self) -> list[str]:
        base = set(dir(Game))
        return [n for n in vars(type(self)) if not n.startswith("_") and n not in base]


def check_phases(game: Game, phases: tuple[Phase, ...], feeds: Mapping[str, object]) -> None:
    """Find every name in the phases that the game or the feeds do not have, before anything is trained."""
    for turn in (turn for phase in phases for turn in phase.turns):
        for player in turn.players:
            if player not in game.players:
                raise unknown("player", player, game.players.keys())
        for name in filter(None, (turn.loss, turn.rule, turn.after_step)):
            game._method(name)
        if turn.feed is not None and turn.feed not in feeds:
            raise unknown("feed", turn.feed, feeds.keys())
