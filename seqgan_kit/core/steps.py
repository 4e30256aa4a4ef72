"""The one place where parameters move by gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from seqgan_kit.core.discriminator import frozen
from seqgan_kit.core.game import Batch, Game, Loss, Move, Phase, Turn
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.runtime import Runtime


class Stepper:
    """Optimizers of a run, and the gradient step: loss, gradients of the turn's players alone, average
    over processes, clip, step. Turns of the same players on the same loss share an equal optimizer's
    state, across phases too."""

    def __init__(self, game: Game, phases: Sequence[Phase], runtime: Runtime):
        self.game, self.runtime = game, runtime
        self._slots: dict[tuple[tuple[str, ...], str, Optimizer], int] = {}
        self._optimizers: list[torch.optim.Optimizer] = []
        self._moves: list[int] = []
        for turn in (turn for phase in phases for turn in phase.turns):
            if turn.optimizer is None or _slot(turn) in self._slots:
                continue
            self._slots[_slot(turn)] = len(self._optimizers)
            self._optimizers.append(turn.optimizer.build(self.parameters(turn)))
            self._moves.append(0)

    def parameters(self, turn: Turn) -> list[nn.Parameter]:
        """The parameters that the turn may move."""
        return [p for name in turn.players for p in self.game.players[name].parameters()]

    def step(
        self, turn: Turn, batch: Batch, move: Move, progress: float, stop_asked: bool
    ) -> tuple[Loss, dict[str, Tensor | float], bool]:
        """One move down the turn's loss; also whether any process was asked to stop.

        The wish to stop travels in the gradients' all-reduce, so that all processes stop after the same move.
        """
        assert turn.optimizer is not None
        slot = self._slots[_slot(turn)]
        optimizer, parameters = self._optimizers[slot], self.parameters(turn)
        with frozen(*self.bystanders(turn)), self.runtime.autocast():
            loss = self.game.loss(turn.loss, batch, move)
        gradients = torch.autograd.grad(loss.total, parameters, allow_unused=True)
        stop = self._average(parameters, gradients, stop_asked)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        logs: dict[str, Tensor | float] = {}
        if turn.optimizer.clip_norm is not None:
            norm = nn.utils.clip_grad_norm_(parameters, turn.optimizer.clip_norm)
            logs[f"{turn.players[0]}_gradient_norm"] = norm
        for group in optimizer.param_groups:
            group["lr"] = turn.optimizer.rate_at(progress, self._moves[slot])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        self._moves[slot] += 1
        return loss, logs, stop

    def bystanders(self, turn: Turn) -> list[nn.Module]:
        """The players that may not change in this turn."""
        return [m for name, m in self.game.players.items() if name not in turn.players]

    def _average(
        self, parameters: Sequence[Tensor], gradients: Sequence[Tensor | None], stop_asked: bool
    ) -> bool:
        if self.runtime.world_size == 1:
            return stop_asked
        flag = torch.tensor([float(stop_asked)], device=self.runtime.device)
        # A parameter that a loss leaves out is left out on every rank; its zeros keep the layout fixed.
        pieces = [
            torch.zeros_like(p) if g is None else g
            for p, g in zip(parameters, gradients, strict=True)
        ]
        self.runtime.average([*pieces, flag])
        return bool(flag.item() > 0)

    def state_dict(self) -> dict[str, Any]:
        return {"optimizers": [o.state_dict() for o in self._optimizers], "moves": self._moves}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self._moves = list(state["moves"])


def _slot(turn: Turn) -> tuple[tuple[str, ...], str, Optimizer]:
    assert turn.optimizer is not None
    return turn.players, turn.loss, turn.optimizer
