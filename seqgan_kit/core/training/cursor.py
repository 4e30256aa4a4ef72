"""The position of a run and the sums of the current round, which checkpoints include."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from seqgan_kit.core.feeds import Feed
from seqgan_kit.core.game import Epochs, Phase
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.runs.runtime import Runtime
from seqgan_kit.core.sharding.shards import total_norm
from seqgan_kit.errors import TrainingError, UsageError


def rounds_of(phase: Phase, feeds: Mapping[str, Feed]) -> int:
    """Return the phase's length in rounds."""
    if isinstance(phase.rounds, int):
        return phase.rounds
    fed = next((turn for turn in phase.turns if turn.feed is not None), None)
    if fed is None or fed.feed is None or isinstance(fed.moves, Epochs):
        raise UsageError(
            f"phase {phase.name!r} is counted in epochs, so it needs a fed turn, and the first of them a "
            "number of moves a round."
        )
    moves = phase.rounds.count * feeds[fed.feed].batches_per_epoch
    if isinstance(fed.moves, int):
        return max(1, round(moves / fed.moves))
    made = itertools.accumulate(max(1, fed.moves(number)) for number in itertools.count())
    return 1 + next(number for number, total in enumerate(made) if total >= moves)


@dataclass
class Cursor:
    """The next update: its phase, round, turn and number within the turn."""

    phase: int = 0
    round: int = 0
    turn: int = 0
    move: int = 0
    total_rounds: int = 0
    total_moves: int = 0
    begun: int = 0
    """1 after the phase's first row is written."""
    to_evaluate: int = 0
    """1 if a round's updates are made and logged, but its evaluation was interrupted."""
    reached: int = 0
    """1 if a logged value has reached the one at which the phase ends."""

    def state_dict(self) -> dict[str, int]:
        return asdict(self)

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        for name, value in state.items():
            setattr(self, name, value)


@dataclass
class Sums:
    """Sums of the values that a round's updates log; they stay on the device until the round ends."""

    totals: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, logs: Mapping[str, Tensor | float], device: torch.device) -> None:
        for name, value in logs.items():
            term = torch.as_tensor(value, dtype=torch.float32, device=device).detach()
            self.totals[name] = self.totals[name] + term if name in self.totals else term.clone()
            self.counts[name] = self.counts.get(name, 0) + 1

    def means(self, runtime: Runtime) -> dict[str, float]:
        """Return the round's means over all processes, and reset the sums."""
        if not self.totals:
            return {}
        names = list(self.totals)
        means = torch.stack([self.totals[name] / self.counts[name] for name in names])
        runtime.average([means])
        self.totals, self.counts = {}, {}
        return dict(zip(names, means.tolist(), strict=True))

    def state_dict(self) -> dict[str, Any]:
        return {"totals": self.totals, "counts": self.counts}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        self.totals = {name: total.to(device) for name, total in state["totals"].items()}
        self.counts = dict(state["counts"])


_LARGEST_NORM = 1e12


class FiniteCheck:
    """A check that stops the run at the first non-finite loss or parameter norm.

    On a GPU, the losses of up to ``lag`` updates are checked together, so that not every update waits for the
    device; on a CPU, each loss is checked at once. ``advice`` returns the last good checkpoint for the
    message. ``settings`` are those of the run, for finding the flag of a learning rate.
    """

    def __init__(
        self,
        device: torch.device,
        advice: Callable[[], str],
        lag: int = 64,
        settings: Mapping[str, Any] | None = None,
    ):
        self.lag, self.advice = lag if device.type == "cuda" else 1, advice
        self.settings = settings or {}
        self._waiting: list[tuple[str, int, Tensor, float | None]] = []

    def add(self, term: str, move: int, value: Tensor, optimizer: Optimizer | None = None) -> None:
        """Check a number of an update; ``optimizer`` is the one that makes the step."""
        rate = None if optimizer is None else optimizer.learning_rate
        self._waiting.append((term, move, value.detach(), rate))
        if len(self._waiting) >= self.lag:
            self.flush()

    def add_parameters(
        self,
        players: Sequence[str],
        parameters: Sequence[nn.Parameter],
        move: int,
        rate: float,
        optimizer: Optimizer | None = None,
    ) -> None:
        """Check the parameters after a step with a learning rate."""
        if not parameters:
            return
        norm = total_norm([parameter.detach() for parameter in parameters])
        term = f"The norm of {' and '.join(players)}'s parameters (learning rate {rate:g})"
        # Beyond this limit, float32 has no digits left for the changes of such numbers.
        self.add(term, move, torch.where(norm > _LARGEST_NORM, torch.inf, norm), optimizer)

    def flush(self) -> None:
        """Check all pending numbers."""
        if not self._waiting:
            return
        values = torch.stack([value for _, _, value, _ in self._waiting]).tolist()
        waiting, self._waiting = self._waiting, []
        for (term, move, _, rate), value in zip(waiting, values, strict=True):
            if value - value != 0:  # True for infinities and nan.
                flags = [] if rate is None else rate_flags(self.settings, rate)
                raise TrainingError(
                    f"{term} became {value} at update {move}. {self.advice()} Lower "
                    f"{' or '.join(flags) or 'the learning rate'}, clip the gradient, or look at the last "
                    "rounds in report.html."
                )


def rate_flags(settings: Mapping[str, Any], rate: float) -> list[str]:
    """Return the flags of the learning rates in a run's settings that have this value."""
    found: list[str] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found += rate_flags(value, rate)
        elif name.endswith("learning_rate") and value == rate:
            found.append(f"--{name.replace('_', '-')}")
    return found
