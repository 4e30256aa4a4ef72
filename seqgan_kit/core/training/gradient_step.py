"""The gradient step, the only place where gradients change parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from seqgan_kit.core.accumulation import accumulated, split_loss
from seqgan_kit.core.discriminator import frozen
from seqgan_kit.core.game import Batch, Game, Loss, Move, Phase, Turn
from seqgan_kit.core.optimizers import Memory, Optimizer
from seqgan_kit.core.runs.interrupts import Unfinished
from seqgan_kit.core.runs.runtime import Runtime
from seqgan_kit.core.sharding.sharding import Sharding
from seqgan_kit.core.sharding.shards import (
    clip_gradients,
    is_shard,
    load_whole_state,
    local_bytes,
    parameter_groups,
    whole_state,
)
from seqgan_kit.errors import UsageError

Wishes = Callable[[], tuple[bool, ...]]


class GradientStepper:
    """Optimizers of a run, and the gradient step: loss, gradients of the turn's players alone, average
    over processes, clip, step. Turns of the same players on the same loss share an equal optimizer's
    state, across phases too, and so does a turn that names that loss in ``optimizer_of``. The gradient of a
    batch is computed in ``accumulate`` parts."""

    def __init__(
        self,
        game: Game,
        phases: Sequence[Phase],
        runtime: Runtime,
        accumulate: int = 1,
        sharding: Sharding | None = None,
    ):
        self.game, self.runtime, self.accumulate = game, runtime, accumulate
        self.sharding = Sharding() if sharding is None else sharding
        self._slots: dict[tuple[tuple[str, ...], str, Optimizer], int] = {}
        self._optimizers: list[torch.optim.Optimizer] = []
        self._learning: list[list[nn.Parameter]] = []
        """The parameters of each optimizer, in the order of the players."""
        self._moves: list[int] = []
        for turn in (turn for phase in phases for turn in phase.turns):
            if turn.optimizer is None or self._slot(turn) in self._slots:
                continue
            if accumulate > 1:  # What cannot be done is said before training.
                split_loss(game, turn.loss, accumulate)
            self._slots[self._slot(turn)] = len(self._optimizers)
            self._learning.append(self.parameters(turn))
            self._optimizers.append(turn.optimizer.build(parameter_groups(self._learning[-1])))
            self._moves.append(0)

    def parameters(self, turn: Turn) -> list[nn.Parameter]:
        """Return the parameters that the turn may change, without frozen ones."""
        players = (self.game.players[name] for name in turn.players)
        return [p for player in players for p in player.parameters() if p.requires_grad]

    def step(
        self,
        turn: Turn,
        batch: Batch,
        move: Move,
        progress: float,
        wishes: Wishes,
        may_break_off: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> tuple[Loss | None, dict[str, Tensor | float], tuple[bool, ...]]:
        """Make one gradient update on the turn's loss, and combine the requests of all processes.

        Requests (to stop, to save) and the loss are part of the gradients' all-reduce, so all processes
        stop, save or fail after the same update. If one process interrupted its update inside
        ``may_break_off``, no process steps and the loss is None. A loss that does not learn has gradient 0;
        if this is so on all processes, none steps.
        """
        assert turn.optimizer is not None
        slot = self._slots[self._slot(turn)]
        optimizer = self._optimizers[slot]
        # The optimizer's own list is used, since walking all modules on every update is slow.
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        loss = None
        try:
            with may_break_off():
                loss = self._differentiated(turn, batch, move, parameters)
                # Other processes may learn, and all must step alike.
                if not loss.learns and self.runtime.world_size > 1:
                    for parameter in parameters:
                        parameter.grad = torch.zeros_like(parameter)
        except Unfinished:
            loss = None
        total = torch.zeros((), device=self.runtime.device) if loss is None else loss.total.detach()
        asked = (*wishes(), loss is not None and loss.learns, loss is None)
        total, (*granted, learns, broken_off) = self._average(parameters, total, asked)
        if broken_off or loss is None:
            optimizer.zero_grad(set_to_none=True)
            return None, {}, tuple(granted)
        if not learns:
            optimizer.zero_grad(set_to_none=True)
            return Loss(total, loss.logs), {}, tuple(granted)
        logs: dict[str, Tensor | float] = {}
        if turn.optimizer.clip_norm is not None:
            norm = clip_gradients(parameters, turn.optimizer.clip_norm)
            logs[f"{turn.players[0]}_gradient_norm"] = norm
        for group in optimizer.param_groups:
            group["lr"] = turn.optimizer.rate_at(progress, self._moves[slot])
            if turn.optimizer.final_second_beta is not None:
                group["betas"] = turn.optimizer.betas_at(progress)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        self._moves[slot] += 1
        return Loss(total, loss.logs), logs, tuple(granted)

    def _differentiated(
        self, turn: Turn, batch: Batch, move: Move, parameters: Sequence[nn.Parameter]
    ) -> Loss:
        """Leave the loss's gradient in the parameters, if it learns."""
        if self.sharding:
            return self._differentiated_in_blocks(turn, batch, move)
        # Not autograd.grad, which may return one tensor for two parameters; clipping would scale it twice.
        backward = partial(torch.autograd.backward, inputs=parameters)
        with frozen(*self.bystanders(turn)), self.runtime.autocast():
            if self.accumulate > 1:
                split = split_loss(self.game, turn.loss, self.accumulate)
                return accumulated(split, batch, move, self.accumulate, parameters, backward)
            loss = self.game.loss(turn.loss, batch, move)
        if loss.learns:
            backward(loss.total)
        return loss

    def _differentiated_in_blocks(self, turn: Turn, batch: Batch, move: Move) -> Loss:
        """Do as :meth:`_differentiated` for sharded players, whose gradients are averaged in the backward
        pass."""
        bystanders = self.bystanders(turn)
        still = [p for player in bystanders for p in player.parameters() if p.requires_grad]
        for parameter in still:
            parameter.requires_grad_(False)
        try:
            with frozen(*bystanders), self.runtime.autocast():
                if self.accumulate > 1:
                    split, parts = (
                        split_loss(self.game, turn.loss, self.accumulate),
                        self.accumulate,
                    )
                    return accumulated(
                        split, batch, move, parts, (), self._backward, weights_first=True
                    )
                loss = self.game.loss(turn.loss, batch, move)
            if all(self.agree((loss.learns, not loss.learns))):
                raise UsageError(
                    f"--shard: {turn.loss} learns on some processes only, which sharded players cannot do: "
                    "leave out --shard."
                )
            if loss.learns:
                self._backward(loss.total)
        finally:
            self.sharding.scatter()
            for parameter in still:
                parameter.requires_grad_(True)
        return loss

    def _backward(self, total: Tensor) -> None:
        """Compute gradients block by block; blocks that were gathered for scores are freed first."""
        self.sharding.scatter()
        torch.autograd.backward(total)

    def agree(self, wishes: tuple[bool, ...]) -> tuple[bool, ...]:
        """Return which requests any process has, in updates without gradients."""
        return self._average([], torch.zeros((), device=self.runtime.device), wishes)[1]

    def memory(self, phase: Phase, player: str) -> Memory | None:
        """Return a copy of the optimizer state of a player, from the phase's last turn with this player.

        It is None if no turn of the phase trains the player by gradient, or before its first update.
        """
        turns = [t for t in phase.turns if t.optimizer is not None and player in t.players]
        if not turns or not self._moves[slot := self._slots[self._slot(turns[-1])]]:
            return None
        optimizer, settings = self._optimizers[slot], turns[-1].optimizer
        assert settings is not None
        gathered = {
            name: {key: value.clone() for key, value in optimizer.state[parameter].items()}
            for name, parameter in self.game.players[player].named_parameters()
            if parameter in optimizer.state
        }
        rate = optimizer.param_groups[0]["lr"]
        return Memory(settings, rate, self._moves[slot], gathered)

    def last_step(self, turn: Turn) -> tuple[list[nn.Parameter], float]:
        """Return the parameters that the turn's last step changed, and its learning rate."""
        groups = self._optimizers[self._slots[self._slot(turn)]].param_groups
        return [p for group in groups for p in group["params"]], groups[0]["lr"]

    def part_of_round(self, phase: Phase, turn_number: int) -> tuple[int, int]:
        """Return the index of a turn among the phase's turns with the same optimizer, and their number."""
        turn = phase.turns[turn_number]
        if turn.optimizer is None:
            return 0, 1
        same = [t.optimizer is not None and self._slot(t) == self._slot(turn) for t in phase.turns]
        return sum(same[:turn_number]), sum(same)

    def _slot(self, turn: Turn) -> tuple[tuple[str, ...], str, Optimizer]:
        """Return what turns with one optimizer have in common: players with parameters, loss and settings."""
        assert turn.optimizer is not None
        learners = (
            p for p in turn.players if next(self.game.players[p].parameters(), None) is not None
        )
        return tuple(learners), turn.optimizer_of or turn.loss, turn.optimizer

    def bystanders(self, turn: Turn) -> list[nn.Module]:
        """Return the players that must not change in this turn."""
        return [m for name, m in self.game.players.items() if name not in turn.players]

    def _average(
        self, parameters: Sequence[Tensor], total: Tensor, wishes: tuple[bool, ...]
    ) -> tuple[Tensor, tuple[bool, ...]]:
        """Average gradients and loss over the processes, and combine their requests."""
        if self.runtime.world_size == 1:
            return total, wishes
        flags = torch.tensor([float(wish) for wish in wishes], device=self.runtime.device)
        total = total.clone()
        # A loss leaves out the same parameters on every rank; zeros in their place keep the layout fixed.
        gradients = [
            torch.zeros_like(p) if p.grad is None else p.grad
            for p in parameters
            if not is_shard(p)  # The backward pass has averaged the others.
        ]
        self.runtime.average([*gradients, total, flags])
        return total, tuple(flag > 0 for flag in flags.tolist())

    def state_bytes(self) -> int:
        """Return the memory of all optimizers' state after their first updates."""
        per_number = {"Adam": 2, "AdamW": 2, "RMSprop": 1}
        return sum(
            per_number.get(type(optimizer).__name__, 0) * local_bytes(parameters)
            for optimizer, parameters in zip(self._optimizers, self._learning, strict=True)
        )

    def state_dict(self) -> dict[str, Any]:
        if not self.sharding:
            return {"optimizers": [o.state_dict() for o in self._optimizers], "moves": self._moves}
        keep, learning = self.runtime.leads, zip(self._optimizers, self._learning, strict=True)
        states = [whole_state(optimizer, own, keep=keep) for optimizer, own in learning]
        return {"optimizers": states, "moves": self._moves}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for number, saved in enumerate(state["optimizers"]):
            optimizer = self._optimizers[number]
            if self.sharding:
                load_whole_state(optimizer, self._learning[number], saved)
            else:
                optimizer.load_state_dict(saved)
        self._moves = list(state["moves"])
