"""A GAN as a game: players, their losses, and the order of their updates.

A :class:`Game` owns the players (modules) and defines their losses. It has no optimizer, device, process
group, path or logger: it *returns* losses, and the trainer updates the players. The order of updates is data:
a run is a list of :class:`Phase`, and a phase is a list of :class:`Turn`.

Some players are trained by gradients. Others have no parameters and change only by a rule (a pool of
negatives, a history buffer, BEGAN's balance, a moving-average baseline). They keep their state in buffers, so
a checkpoint of the game contains everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar, cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.optimizers import Memory, Optimizer
from seqgan_kit.errors import UsageError, unknown

Batch = Mapping[str, Tensor]
GeneratorKind = TypeVar("GeneratorKind", bound=nn.Module)


@dataclass(frozen=True)
class Loss:
    """The loss of one update, and the scalars to log.

    The trainer detaches ``logs`` and averages them over the updates of a round.
    """

    total: Tensor
    logs: Mapping[str, Tensor | float] = field(default_factory=dict)
    learns: bool = True
    """False: the players stay as they are, and so does the optimizer's state. The loss is logged only."""
    items: Tensor | float = 0.0
    """Number of rows or tokens that ``total`` is a mean over; needed of a :class:`SplitLoss` only."""


def nothing_gathered(player: str) -> Memory | None:
    """Return None, the memory of an optimizer before its first update."""
    return None


@dataclass(frozen=True)
class Move:
    """The position of an update in the run, passed to losses and rules beside the batch."""

    phase: str
    round: int
    rounds: int
    rng: torch.Generator
    memory: Callable[[str], Memory | None] = nothing_gathered
    """Return a copy of the state of a player's optimizer in this phase; None before its first update."""

    @property
    def progress(self) -> float:
        """Fraction of the phase done: 0 in its first round, exactly 1 in its last."""
        return self.round / (self.rounds - 1) if self.rounds > 1 else 1.0


@dataclass(frozen=True)
class SplitLoss:
    """A loss in two steps, so that its gradient can be computed in parts of a batch."""

    draw: Callable[[Batch, Move], Batch]
    """Return the rows [N,...] that the loss reads, with everything that is drawn at random or compared among
    them."""
    mean: Callable[[Batch, Move], Loss]
    """Return the loss of some of these rows: a mean over ``items``."""
    items: Callable[[Batch], Tensor] | None = None
    """Return the items of some of these rows; None: the rows are the items."""


@dataclass(frozen=True)
class Epochs:
    """A number of epochs of a feed, in place of an int that would count updates or rounds."""

    count: float


@dataclass(frozen=True)
class Turn:
    """Players that are updated together, either by the gradient of a loss or by a rule.

    Exactly one of ``loss`` and ``rule`` names a method of the game. A loss is called as
    ``loss(batch, move) -> Loss`` and needs an optimizer; a rule as ``rule(batch, move) -> logs or None``
    and changes its players' state itself, without gradients.
    """

    players: tuple[str, ...]
    loss: str = ""
    rule: str = ""
    optimizer: Optimizer | None = None
    moves: int | Epochs | Callable[[int], int] = 1
    """Updates per round: a number, epochs of the feed, or a function of the round."""
    feed: str | None = "train"
    """Name of the feed that supplies batches; None: every batch is empty."""
    after_step: str = ""
    """Name of a rule for the same players after every optimizer step, such as weight clipping."""
    optimizer_of: str = ""
    """Loss of another turn of the same players, whose optimizer and its moments make this turn's steps too;
    '' for one of its own."""

    def __post_init__(self) -> None:
        if bool(self.loss) == bool(self.rule):
            raise UsageError(
                f"a turn of {self.players} needs either a loss or a rule: give exactly one."
            )
        if bool(self.loss) != (self.optimizer is not None):
            raise UsageError(
                f"a turn of {self.players} needs an optimizer if it has a loss, and none if it has a rule."
            )

    def moves_in(self, round_number: int, batches_per_epoch: int) -> int:
        """Return the number of updates of this turn in a round."""
        if isinstance(self.moves, Epochs):
            return max(1, round(self.moves.count * batches_per_epoch))
        return self.moves(round_number) if callable(self.moves) else self.moves


@dataclass(frozen=True)
class EarlyStop:
    """End a phase after ``patience_evaluations`` evaluations without an improvement of a metric."""

    metric: str
    patience_evaluations: int = 3
    better: str = "lower"
    restore_best: bool = True


@dataclass(frozen=True)
class Reached:
    """End a phase after the first logged round in which the mean of a logged value is at least ``value``."""

    metric: str
    value: float


EVALUATIONS = 20
"""Approximate evaluations per phase by default; enough for a curve."""


def spread_evenly(rounds: int) -> int:
    """Return the rounds between evaluations for 15 to 29 evaluations; 1 if there are fewer rounds."""
    return max(1, round(rounds / EVALUATIONS))


@dataclass(frozen=True)
class Phase:
    """A part of the run: a list of turns, played in order once per round."""

    name: str
    turns: tuple[Turn, ...]
    rounds: int | Epochs = 1
    """Rounds, or epochs of the feed of the first turn that has one."""
    evaluate_every_rounds: int | None = 0
    """Rounds between evaluations; 0: only at the end of the phase; -1: never; None: about 20 evaluations."""
    sample_every_rounds: int = 0
    save_every_rounds: int = 0
    log_every_rounds: int = 1
    """Rounds that are averaged in one row of metrics.jsonl; on a GPU, each row waits for the device."""
    early_stop: EarlyStop | None = None
    until: Reached | None = None
    """Value at which the phase ends before its last round; an alarm tells if it was not reached."""
    keep: bool = False
    """Save the players at the end of this phase to ``checkpoints/after-<name>.pt``."""

    def evaluate_every(self, rounds: int) -> int:
        """Return the rounds between evaluations in a phase of ``rounds``; 0 and -1 as in the field."""
        every = self.evaluate_every_rounds
        return spread_evenly(rounds) if every is None else every


class Game(nn.Module, Generic[GeneratorKind]):
    """The players of a GAN. Subclasses add losses and rules as methods.

    ``Game[LSTMGenerator]`` is a game whose ``generator`` is known to be one.
    """

    judges_rows: ClassVar[bool] = True
    """Whether the player ``discriminator``, if there is one, scores whole samples outside of the game too."""

    def __init__(self, players: Mapping[str, nn.Module]):
        super().__init__()
        self.players = nn.ModuleDict(players)

    @property
    def generator(self) -> GeneratorKind:
        """The player ``generator``."""
        return cast(GeneratorKind, self.players["generator"])

    def loss(self, name: str, batch: Batch, move: Move) -> Loss:
        """Compute the named loss on a batch."""
        result = self._method(name)(batch, move)
        if not isinstance(result, Loss):
            raise TypeError(
                f"{type(self).__name__}.{name} returned {type(result).__name__}, not a Loss."
            )
        return result

    def split(self, loss: str) -> SplitLoss | str:
        """Return the named loss in two steps, or why it needs the whole batch at once.

        Games override it for losses that are means over rows or tokens.
        """
        return f"{type(self).__name__} does not tell it as a mean over rows"

    def rule(self, name: str, batch: Batch, move: Move) -> Mapping[str, Tensor | float]:
        """Apply the named rule; return the values to log."""
        with torch.no_grad():
            return cast(Mapping[str, Tensor | float], self._method(name)(batch, move) or {})

    def sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        """Draw ``n`` samples from the generator."""
        return cast(Tensor, self.generator.sample(n, rng=rng))  # type: ignore[operator]

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Draw ``n`` samples for a batch; conditional games read the conditions from it."""
        return self.sample(n, rng=rng)

    def private_players(self) -> tuple[str, ...]:
        """Return the players without parameters (pools, buffers, running means); each process has its own."""
        return tuple(
            name for name, player in self.players.items() if next(player.parameters(), None) is None
        )

    def _method(self, name: str) -> Callable[[Batch, Move], object]:
        is_player = isinstance(getattr(type(self), name, None), property)
        method = None if is_player else getattr(self, name, None)
        if not callable(method) or name.startswith("_") or hasattr(nn.Module, name):
            own = [n for n in dir(self) if n.endswith("_loss") or n in self._rules()]
            raise unknown("loss or rule", name, own)
        return cast(Callable[[Batch, Move], object], method)

    def _rules(self) -> list[str]:
        base = set(dir(Game))
        return [n for n in vars(type(self)) if not n.startswith("_") and n not in base]


def check_phases(game: Game, phases: tuple[Phase, ...], feeds: Mapping[str, object]) -> None:
    """Raise UsageError, before training, for a name in the phases that the game or the feeds lack."""
    for turn in (turn for phase in phases for turn in phase.turns):
        for player in turn.players:
            if player not in game.players:
                raise unknown("player", player, game.players.keys())
        for name in filter(None, (turn.loss, turn.rule, turn.after_step)):
            game._method(name)
        if turn.feed is not None and turn.feed not in feeds:
            raise unknown("feed", turn.feed, feeds.keys())
