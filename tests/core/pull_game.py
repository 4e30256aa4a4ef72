"""A game whose updates are known in closed form, and a fixture that trains it.

A player ``w`` is pulled to a target c by SGD on 0.5 |w - c|^2: a move with learning rate r takes w to
w + r (c - w).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seqgan_kit.core.game import Batch, Game, Loss, Move, Phase, Turn
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.runs.log import read_metrics
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Hooks, Trainer

TARGET = 3.0


class Point(nn.Module):
    def __init__(self, value: float = 1.0, size: int = 1):
        super().__init__()
        self.w = nn.Parameter(torch.full((size,), value))

    def sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        return self.w.detach().expand(n, -1) + torch.randn(n, 1, generator=rng)


class Pull(Game):
    """Two points and a counter; the game records the order of updates."""

    def __init__(self) -> None:
        counter = nn.Module()
        counter.register_buffer("count", torch.zeros(()))
        super().__init__({"a": Point(), "b": Point(-1.0), "counter": counter})
        self.played: list[str] = []
        self.seen: list[Tensor] = []

    def _pull(self, name: str, move: Move) -> Loss:
        self.played.append(f"{name}{move.round}")
        loss = 0.5 * (self.players[name].w - TARGET).square().sum()
        return Loss(loss, {f"{name}_loss": loss})

    def a_loss(self, batch: Batch, move: Move) -> Loss:
        self.seen.extend(batch.values())
        return self._pull("a", move)

    def b_loss(self, batch: Batch, move: Move) -> Loss:
        return self._pull("b", move)

    def noisy_loss(self, batch: Batch, move: Move) -> Loss:
        noise = torch.randn(1, generator=move.rng) + torch.randn(1)
        return Loss((self.players["a"].w * noise).sum())

    def broken_loss(self, batch: Batch, move: Move) -> Loss:
        w = self.players["a"].w
        return Loss((w * (float("nan") if move.round == 1 else 1.0)).sum())

    def steep_loss(self, batch: Batch, move: Move) -> Loss:
        return Loss(1e8 * self.players["a"].w.sum())

    def count(self, batch: Batch, move: Move) -> Mapping[str, Tensor | float]:
        self.played.append(f"c{move.round}")
        self.players["counter"].count.add_(1)
        return {"count": self.players["counter"].count.clone()}

    def clamp_a(self, batch: Batch, move: Move) -> None:
        self.players["a"].w.clamp_(-1.5, 1.5)


SGD = Optimizer(0.1, "sgd")
MOVE_A = Turn(("a",), loss="a_loss", optimizer=SGD)
MOVE_B = Turn(("b",), loss="b_loss", optimizer=SGD)
COUNT = Turn(("counter",), rule="count", feed=None)


@dataclass(frozen=True)
class Config:
    run: RunSettings = field(default_factory=RunSettings)


@dataclass
class Played:
    """A finished training."""

    game: Game
    trainer: Trainer
    folder: Path

    def rows(self, kind: str) -> list[dict[str, Any]]:
        return [row for row in read_metrics(self.folder) if row["kind"] == kind]

    def point(self, name: str = "a") -> float:
        value: float = self.game.players[name].w.item()
        return value


def after(moves: int, rate: float = 0.1, start: float = 1.0) -> float:
    """Return w after these updates, each of which multiplies w - c by 1 - rate."""
    return TARGET + (start - TARGET) * (1 - rate) ** moves


def script(values: Sequence[float], name: str = "score") -> Hooks:
    """Hooks whose evaluations return these values in order."""
    left = iter(values)
    return Hooks(lambda game, rng: {name: next(left)})


Train = Callable[..., Played]


def trains(folder: Path) -> Train:
    """Return a function that trains phases of :class:`Pull`, each time in a new run directory."""
    numbers = iter(range(100))

    def played(
        *phases: Phase,
        game: Game | None = None,
        hooks: Hooks | None = None,
        averages: Mapping[str, float] | None = None,
        before: Callable[[Trainer], None] = lambda trainer: None,
        **settings: Any,
    ) -> Played:
        out = folder / f"run{next(numbers)}"
        with open_run("pull", Config(RunSettings(out=out, quiet=True, **settings))) as run:
            feed = run.feed({"real": torch.arange(12.0)}, 3)
            made = game if game is not None else Pull()
            trainer = Trainer(run, made, phases, feed, hooks or Hooks(), averages)
            before(trainer)
            return Played(trainer.fit(), trainer, out)

    return played
