"""The training loop: ``Trainer(run, game, phases, feed).fit()``.

The game returns losses, and :meth:`Trainer.fit` makes all parameter updates: gradients of the turn's players
only, their average over processes, clipping, the optimizer step and moving averages. Between rounds it logs,
evaluates, saves checkpoints and checks alarms.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import NoReturn

from torch import nn

from seqgan_kit.core.discriminator import frozen
from seqgan_kit.core.feeds import Feed
from seqgan_kit.core.game import Batch, Game, Move, Phase, Turn
from seqgan_kit.core.runs.interrupts import StopWish, Unfinished
from seqgan_kit.core.runs.pace import Pace
from seqgan_kit.core.runs.run import Run
from seqgan_kit.core.training.between_rounds import BetweenRounds
from seqgan_kit.core.training.checkpoint import read_checkpoint
from seqgan_kit.core.training.cursor import rounds_of
from seqgan_kit.core.training.hooks import Hooks
from seqgan_kit.core.training.keeper import Keeper
from seqgan_kit.core.training.memory_account import (
    TOLD_FROM_BYTES,
    memory_account,
    rows_in_a_part,
)
from seqgan_kit.core.training.state import prepare_training
from seqgan_kit.core.training.undo import Undo
from seqgan_kit.errors import DataError, DataErrorOfOneProcess, Interrupted

__all__ = ["Hooks", "Trainer"]


class Trainer:
    """Trains a game by its phases.

    Args:
        run: the opened run, with device, log and settings.
        game: the players and their losses.
        phases: the order of updates.
        feed: one feed, or several by name (a single one is called ``train``).
        hooks: evaluation, samples, report, alarms.
        averages: decay of the exponential moving average of players, by name.
    """

    def __init__(
        self,
        run: Run,
        game: Game,
        phases: Sequence[Phase],
        feed: Feed | Mapping[str, Feed],
        hooks: Hooks | None = None,
        averages: Mapping[str, float] | None = None,
    ):
        self.state = prepare_training(run, game, phases, feed, hooks or Hooks(), averages or {})
        self.stop_wish, self.keeper = StopWish(), Keeper(self.state)
        self.pace = Pace(self.phases, self.feeds)
        self.between_rounds = BetweenRounds(
            self.state, self.keeper, self.pace, self.stop_wish, self.stop
        )
        buffers = (*self.game.buffers(), *self.state.averages.buffers())
        self.undo = Undo(buffers, self.feeds, self.state.rng)
        # A process that breaks off an update would leave the others waiting for its shards.
        self._may_break_off = nullcontext if self.state.sharding else self.stop_wish.may_break_off
        if run.settings.compile:
            for player in self.game.players.values():
                player.compile()

    @property
    def game(self) -> Game:
        """The players and their losses."""
        return self.state.game

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The order of updates."""
        return self.state.phases

    @property
    def feeds(self) -> dict[str, Feed]:
        """The sources of batches, by name."""
        return self.state.feeds

    def fit(self) -> Game:
        """Train from the run's current position to its end; return the game with averages in place of
        players."""
        self.keeper.resume()
        if not self.state.finished:
            self._tell_memory()
            with self.state.progress, self.stop_wish.listening(self.state.run.seconds_left()):
                while not self.state.finished:
                    self._play(self.phases[self.state.cursor.phase])
        else:
            self.state.run.say("Training already finished; recomputing the scores.")
        self.state.sharding.end(self.game)
        for name in self.state.averages.decays:
            self.game.players[name] = self.state.averages.copies[name]
        self.game.eval()
        self.state.averages.measure_statistics(self.game, self.state.statistics_rng())
        self.state.runtime.broadcast(self.state.averages)
        return self.game

    def _tell_memory(self) -> None:
        """Say which players are sharded, and what training takes in memory if it is much."""
        if self.state.sharding:
            self.state.run.say(self.state.sharding.told)
        rows = rows_in_a_part(self.game, self.feeds, self.state.stepper.accumulate)
        if self.state.run.settings.compile:
            rows = 0  # Compiled networks would be compiled for one row.
        account = memory_account(self.game, self.phases, self.state.stepper, rows)
        if account.total >= TOLD_FROM_BYTES or self.state.sharding:
            self.state.run.say(account.line(rows))

    def player_after(self, phase: str, player: str) -> nn.Module:
        """Return a copy of a player at the end of a phase that keeps its players."""
        state = read_checkpoint(
            self.state.log.checkpoint_folder / f"after-{phase}.pt", self.state.runtime.device
        )
        kept = copy.deepcopy(self.game.players[player])
        kept.load_state_dict(state["players"][player])
        return kept.to(self.state.runtime.device).eval()

    def _play(self, phase: Phase) -> None:
        rounds, cursor = rounds_of(phase, self.feeds), self.state.cursor
        self.state.progress.phase(phase.name, rounds, cursor.round)
        if (cursor.round, cursor.turn, cursor.move, cursor.begun) == (0, 0, 0, 0):
            self.state.log.log(
                "phase", values={"rounds": rounds}, **self.between_rounds.where(phase)
            )
        cursor.begun = 1
        ended = bool(cursor.reached)
        if cursor.to_evaluate:
            ended = self.between_rounds.look(phase, rounds)
        while cursor.round < rounds and not ended:
            ended = self.play_round(phase, rounds)
        self.keeper.end_phase(phase)
        if phase is self.phases[-1]:
            self.state.log.log(
                "phase", values={}, message="finished", **self.between_rounds.where(phase)
            )
        cursor.phase, cursor.round, cursor.begun, cursor.reached = cursor.phase + 1, 0, 0, 0
        self.keeper.save()
        if self._signal() is not None:  # The signal came after the last update.
            self.stop(phase)

    def play_round(self, phase: Phase, rounds: int) -> bool:
        """Play one round and the work due after it; return whether the phase ends early."""
        cursor = self.state.cursor
        began, moves_before = time.monotonic(), cursor.total_moves
        self._make_moves(phase, rounds)
        cursor.round, cursor.turn = cursor.round + 1, 0
        cursor.total_rounds += 1
        rate = (cursor.total_moves - moves_before) / max(time.monotonic() - began, 1e-9)
        self.between_rounds.log(phase, rounds, rate)
        return self.between_rounds.look(phase, rounds)

    def _make_moves(self, phase: Phase, rounds: int) -> None:
        cursor, memory = self.state.cursor, partial(self.state.stepper.memory, phase)
        self.game.train()
        while cursor.turn < len(phase.turns):
            turn = phase.turns[cursor.turn]
            feed = self.feeds.get(turn.feed or "")
            moves = turn.moves_in(cursor.round, feed.batches_per_epoch if feed else 1)
            part, parts = self.state.stepper.part_of_round(phase, cursor.turn)
            while cursor.move < moves:
                progress = (cursor.round + (part + cursor.move / moves) / parts) / rounds
                move = Move(phase.name, cursor.round, rounds, self.state.rng, memory)
                began = time.monotonic()
                made, stop, save = self._make_move(turn, move, progress)
                self.pace.add(turn, time.monotonic() - began)
                if not made:
                    self.undo.back()
                    self.stop(phase, " (one more was interrupted and undone)")
                cursor.move, cursor.total_moves = cursor.move + 1, cursor.total_moves + 1
                if stop:
                    self.stop(phase)
                if save:
                    self.keeper.save()
            cursor.turn, cursor.move = cursor.turn + 1, 0

    def _make_move(self, turn: Turn, move: Move, progress: float) -> tuple[bool, ...]:
        """Make one update; return whether it was finished, and whether to stop and to save the run.

        If the update of any process is interrupted, it is undone on all processes.
        """
        players = [self.game.players[name] for name in turn.players if turn.rule]
        self.undo.mark(parameter for player in players for parameter in player.parameters())
        batch = self._next_batch(turn.feed) if turn.feed is not None else {}
        if turn.rule:
            return self._apply_rule(turn, batch, move)
        loss, logs, wishes = self.state.stepper.step(
            turn, batch, move, progress, self._wishes, self._may_break_off
        )
        if loss is None:
            return False, *wishes
        number, optimizer = self.state.cursor.total_moves, turn.optimizer
        self.state.finite.add(turn.loss, number, loss.total, optimizer)
        moved, rate = self.state.stepper.last_step(turn)
        self.state.finite.add_parameters(turn.players, moved, number, rate, optimizer)
        self.state.sums.add({**loss.logs, **logs}, self.state.runtime.device)
        if turn.after_step:
            self.state.sums.add(
                self.game.rule(turn.after_step, batch, move), self.state.runtime.device
            )
        if not turn.optimizer_of:  # a lazy penalty is part of its turn's update
            self.state.averages.follow(self.game, turn.players)
        return True, *wishes

    def _next_batch(self, feed: str) -> Batch:
        runtime = self.state.runtime
        try:
            return self.feeds[feed].next_batch()
        except DataError as error:
            if runtime.world_size == 1:
                raise
            raise DataErrorOfOneProcess(
                f"process {runtime.rank} of {runtime.world_size}: {error}"
            ) from error

    def _apply_rule(self, turn: Turn, batch: Batch, move: Move) -> tuple[bool, ...]:
        """See :meth:`_make_move`."""
        logs = None
        try:
            with self._may_break_off(), frozen(*self.state.stepper.bystanders(turn)):
                logs = self.game.rule(turn.rule, batch, move)
            self.state.sharding.scatter()
        except Unfinished:
            logs = None
        broken_off, *wishes = self.state.stepper.agree((logs is None, *self._wishes()))
        if broken_off or logs is None:
            return False, *wishes
        self.state.sums.add(logs, self.state.runtime.device)
        return True, *wishes

    def _wishes(self) -> tuple[bool, ...]:
        """Return whether this process wants to stop, and to save."""
        asked = self.stop_wish.signal is not None or self.state.run.out_of_time()
        return asked, self.keeper.due()

    def _signal(self) -> int | None:
        """Return the signal that any process heard."""
        heard = self.state.runtime.gather(self.stop_wish.signal)
        return next((number for number in heard if number is not None), None)

    def stop(self, phase: Phase, undone: str = "") -> NoReturn:
        """Save, and end the run with a message that has the command to resume it."""
        self.keeper.save()
        number = self._signal()
        why = "time limit" if number is None else {2: "Ctrl-C", 15: "SIGTERM"}.get(number, "signal")
        raise Interrupted(
            f"Stopped by {why} in phase {phase.name!r} after {self.state.cursor.total_moves} updates"
            f"{undone}; everything is saved. Resume with:\n  {self.state.run.resume_command()}",
            0 if number is None else 128 + number,
        )
