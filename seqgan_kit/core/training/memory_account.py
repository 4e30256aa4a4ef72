"""What training takes in memory, told before it starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqgan_kit.core.feeds import Feed
from seqgan_kit.core.game import Game, Phase
from seqgan_kit.core.runs.memory import machine_bytes
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
                f", and this machine has {_gib(there)}: raise --accumulate, lower --batch-size, or train "
                "adapters of a language model with checkpointing (--hf.lora-rank, --hf.checkpointing)"
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
        with stepper.runtime.autocast():
            measured = stepper.sharding.row_bytes
            held = max(
                (
                    measured[name] if name in measured else saved_bytes(player)
                    for name, player in game.players.items()
                ),
                default=0,
            )
    turns = [turn for phase in phases for turn in phase.turns if turn.optimizer is not None]
    return MemoryAccount(
        local_bytes(game.parameters()),
        max((local_bytes(stepper.parameters(turn)) for turn in turns), default=0),
        stepper.state_bytes(),
        rows * held,
        stepper.sharding.gathered_bytes(),
        stepper.runtime.world_size,
    )


def rows_in_a_part(game: Game, feeds: Mapping[str, Feed], accumulate: int) -> int:
    """Return the rows of the largest part of a batch; 0 where neither feeds nor players tell."""
    sizes = [getattr(feed, "batch_size", 0) for feed in feeds.values()]
    sizes += [getattr(player, "rows_at_once", 0) for player in game.players.values()]
    return -(-max(sizes, default=0) // accumulate)


def saved_bytes(player: nn.Module) -> int:
    """Return the bytes that the backward pass of one row needs, of parts that offer ``one_row()``."""
    total = 0
    for part in player.modules():
        one_row: Callable[[], Tensor] | None = getattr(part, "one_row", None)
        if one_row is not None:
            total += _saved(one_row, {p.untyped_storage().data_ptr() for p in part.parameters()})
    return total


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
