"""What training takes in memory, told before it starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from seqgan_kit.core.feeds import Feed
from seqgan_kit.core.game import Game, Phase
from seqgan_kit.core.runs.machine.memory import machine_bytes
from seqgan_kit.core.sharding.shards import local_bytes
from seqgan_kit.core.training.gradient_step import GradientStepper

TOLD_FROM_BYTES = 2**30
"""Memory from which training tells what it takes."""


@dataclass(frozen=True)
class MemoryAccount:
    """Bytes that training takes."""

    parameters: int
    """Of all players."""
    gradients: int
    """Of the turn with most parameters; gradients are freed after each update."""
    optimizers: int
    """The state of all optimizers after their first updates."""
    activations: int
    """What the backward pass of one part of a batch needs, of players that can be measured."""
    gathered: int = 0
    """The parameters of other processes, while sharded players sample or score."""
    processes: int = 1

    @property
    def total(self) -> int:
        """The sum."""
        held = self.parameters + self.gradients + self.optimizers + self.activations
        return held + self.gathered

    def line(self, rows: int) -> str:
        """Return a sentence, with advice if the machine has less memory.

        Args:
            rows: rows in a part of a batch.
        """
        parts = [f"parameters {_gib(self.parameters)}", f"gradients {_gib(self.gradients)}"]
        parts.append(f"optimizers {_gib(self.optimizers)}")
        if self.activations:
            parts.append(f"activations of {rows:,} rows about {_gib(self.activations)}")
        if self.gathered:
            parts.append(f"gathered from other processes while sampling {_gib(self.gathered)}")
        each = f" on each of {self.processes} processes" if self.processes > 1 else ""
        line = f"memory: training takes about {_gib(self.total)} GiB{each} ({', '.join(parts)})"
        there = machine_bytes()
        if there is not None and self.total > there:
            line += (
                f", and this machine has {_gib(there)}: raise --accumulate, lower --batch-size, train "
                "adapters of a language model with checkpointing (--hf.lora-rank, --hf.checkpointing), or "
                "divide large players among machines (--shard)"
            )
        return line + "."


def memory_account(
    game: Game, phases: Sequence[Phase], stepper: GradientStepper, rows: int
) -> MemoryAccount:
    """Return what training a game takes.

    Args:
        game: the players.
        phases: the turns.
        stepper: the optimizers.
        rows: rows in a part of a batch; 0 to leave activations out.
    """
    held = 0
    if rows:
        measured = stepper.sharding.measured
        with stepper.runtime.autocast():
            found = (
                measured[name] if name in measured else saved_bytes(player)
                for name, player in game.players.items()
            )
            held = max((saved.of(rows) for saved in found), default=0)
    turns = [turn for phase in phases for turn in phase.turns if turn.optimizer is not None]
    return MemoryAccount(
        local_bytes(game.parameters()),
        max((local_bytes(stepper.parameters(turn)) for turn in turns), default=0),
        stepper.state_bytes(),
        held,
        stepper.sharding.gathered_bytes(),
        stepper.runtime.world_size,
    )


def rows_in_a_part(game: Game, feeds: Mapping[str, Feed], accumulate: int) -> int:
    """Return the rows of the largest part of a batch; 0 where neither feeds nor players tell."""
    sizes = [getattr(feed, "batch_size", 0) for feed in feeds.values()]
    sizes += [getattr(player, "rows_at_once", 0) for player in game.players.values()]
    return -(-max(sizes, default=0) // accumulate)


@dataclass(frozen=True)
class SavedBytes:
    """Bytes that a backward pass needs."""

    fixed: int = 0
    """Of any number of rows, such as the gradient of a large output layer."""
    each: int = 0
    """Of a row."""

    def of(self, rows: int) -> int:
        """Return the bytes for some rows."""
        return self.fixed + rows * self.each


def saved_bytes(player: nn.Module) -> SavedBytes:
    """Measure what a backward pass needs, of parts that offer ``try_rows(count)``."""
    one, two = 0, 0
    for part in player.modules():
        try_rows: Callable[[int], Tensor] | None = getattr(part, "try_rows", None)
        if try_rows is not None:
            known = {p.untyped_storage().data_ptr() for p in part.parameters()}
            one += _saved(partial(try_rows, 1), known)
            two += _saved(partial(try_rows, 2), known)
    return SavedBytes(max(0, 2 * one - two), max(0, two - one))


def _saved(work: Callable[[], Tensor], known: set[int]) -> int:
    found: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        found[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with (
        torch.random.fork_rng(),
        torch.enable_grad(),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        work()
    return sum(t.untyped_storage().nbytes() for at, t in found.items() if at not in known)


def _gib(count: int) -> str:
    return f"{count / 2**30:,.1f}"
