"""The one training loop: ``Trainer(run, game, phases, feed).fit()``.

The game returns losses; everything that happens to a parameter happens under :meth:`Trainer.fit`: the
gradient of the turn's players alone, its average over processes, clipping, the step, moving averages, then
logging, evaluation, checkpoints and alarms between rounds.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import torch
from torch import nn

from seqgan_kit.core.discriminator import frozen
from seqgan_kit.core.feeds import Feed
from seqgan_kit.core.game import Batch, Game, Move, Phase, Turn, check_phases
from seqgan_kit.core.runs.interrupts import StopWish, Unfinished
from seqgan_kit.core.runs.pace import Pace
from seqgan_kit.core.runs.run import Run
from seqgan_kit.core.training.alarms import Alarm, PinnedDiscriminator
from seqgan_kit.core.training.averages import Averages
from seqgan_kit.core.training.between_rounds import BetweenRounds
from seqgan_kit.core.training.checkpoint import read_checkpoint
from seqgan_kit.core.training.cursor import Cursor, FiniteCheck, Sums, rounds_of
from seqgan_kit.core.training.gradient_step import GradientStepper
from seqgan_kit.core.training.keeper import Keeper
from seqgan_kit.core.training.undo import Undo
from seqgan_kit.errors import Interrupted

Evaluate = Callable[[Game, torch.Generator], Mapping[str, float]]
DrawSamples = Callable[[Game, torch.Generator, Path], None]


@dataclass(frozen=True)
class Hooks:
    """What a run does between rounds besides training; each is optional."""

    evaluate: Evaluate | None = None
    """Measures the game (in eval mode, averages in place of players); on rank 0 alone. If it has a method
    ``check(game)``, that is called before training and raises for a game whose results could not be saved;
    if it has ``export(game, folder, about)``, that writes the model with every checkpoint."""
    draw_samples: DrawSamples | None = None
    """Writes samples to a path that lacks its suffix."""
    refresh_report: Callable[[Path], object] | None = None
    """Renders the run directory after an evaluation."""
    alarms: Sequence[Alarm] = (PinnedDiscriminator(),)
    """Watch every round's and evaluation's values."""


class Trainer:
    """Plays the phases.

    Args:
        run: where it computes and what it writes to.
        game: the players and their losses.
        phases: who moves when.
        feed: one feed, or several by name (a single one is called ``train``).
        hooks: evaluation, samples, report, alarms.
        averages: players to follow by an exponential moving average, with their decay.
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
        self.run, self.runtime, self.log, self.progress = run, run.runtime, run.log, run.progress
        self.game = game.to(self.runtime.device)
        self.phases = tuple(phases)
        self.feeds = dict(feed) if isinstance(feed, Mapping) else {"train": feed}
        self.hooks = hooks or Hooks()
        check_phases(game, self.phases, self.feeds)
        if check := getattr(self.hooks.evaluate, "check", None):
            check(game)
        self.runtime.broadcast(self.game)
        # .to(): the weights of a copied LSTM are scattered, and cuDNN wants them in one block again.
        self.averages = Averages(self.game, averages or {}).to(self.runtime.device)
        self.stepper = GradientStepper(self.game, self.phases, self.runtime)
        self.cursor, self.sums, self.tally = Cursor(), Sums(), dict[str, int]()
        self.rng = self.runtime.generator("moves")
        self.stop_wish, self.keeper = StopWish(), Keeper(self)
        buffers = (*self.game.buffers(), *self.averages.buffers())
        self.between_rounds, self.pace = BetweenRounds(self), Pace(self.phases, self.feeds)
        self.undo = Undo(buffers, self.feeds, self.rng)
        self.finite = FiniteCheck(self.runtime.device, self.keeper.advice)
        if run.settings.compile:
            for player in self.game.players.values():
                player.compile()

    def fit(self) -> Game:
        """Train from wherever the run stands to its end; returns the game, averages in place."""
        self.keeper.resume()
        if self.cursor.phase < len(self.phases):
            with self.progress, self.stop_wish.listening(self.run.seconds_left()):
                while self.cursor.phase < len(self.phases):
                    self._play(self.phases[self.cursor.phase])
        else:
            self.run.say("Training already finished; recomputing the scores.")
        for name in self.averages.decays:
            self.game.players[name] = self.averages.copies[name]
        self.game.eval()
        self.averages.measure_statistics(self.game, self.statistics_rng())
        self.runtime.broadcast(self.averages)
        return self.game

    def player_after(self, phase: str, player: str) -> nn.Module:
        """A copy of a player as it was at the end of a phase that keeps its players."""
        state = read_checkpoint(
            self.log.checkpoint_folder / f"after-{phase}.pt", self.runtime.device
        )
        kept = copy.deepcopy(self.game.players[player])
        kept.load_state_dict(state["players"][player])
        return kept.to(self.runtime.device).eval()

    def _play(self, phase: Phase) -> None:
        rounds, cursor = rounds_of(phase, self.feeds), self.cursor
        self.progress.phase(phase.name, rounds, cursor.round)
        if (cursor.round, cursor.turn, cursor.move, cursor.begun) == (0, 0, 0, 0):
            self.log.log("phase", values={"rounds": rounds}, **self.between_rounds.where(phase))
        cursor.begun = 1
        ended = bool(cursor.to_evaluate) and self.between_rounds.look(phase, rounds)
        while cursor.round < rounds and not ended:
            ended = self.play_round(phase, rounds)
        self.keeper.end_phase(phase)
        if phase is self.phases[-1]:
            self.log.log("phase", values={}, message="finished", **self.between_rounds.where(phase))
        cursor.phase, cursor.round, cursor.begun = cursor.phase + 1, 0, 0
        self.keeper.save()
        if self._signal() is not None:  # it came after the last move
            self.stop(phase)

    def play_round(self, phase: Phase, rounds: int) -> bool:
        """One round of so many, and what is due after it; True if the phase shall end early."""
        cursor = self.cursor
        began, moves_before = time.monotonic(), cursor.total_moves
        self._make_moves(phase, rounds)
        cursor.round, cursor.turn = cursor.round + 1, 0
        cursor.total_rounds += 1
        rate = (cursor.total_moves - moves_before) / max(time.monotonic() - began, 1e-9)
        self.between_rounds.log(phase, rounds, rate)
        return self.between_rounds.look(phase, rounds)

    def _make_moves(self, phase: Phase, rounds: int) -> None:
        cursor, memory = self.cursor, partial(self.stepper.memory, phase)
        self.game.train()
        while cursor.turn < len(phase.turns):
            turn = phase.turns[cursor.turn]
            feed = self.feeds.get(turn.feed or "")
            moves = turn.moves_in(cursor.round, feed.batches_per_epoch if feed else 1)
            part, parts = self.stepper.part_of_round(phase, cursor.turn)
            while cursor.move < moves:
                progress = (cursor.round + (part + cursor.move / moves) / parts) / rounds
                move = Move(phase.name, cursor.round, rounds, self.rng, memory)
                began = time.monotonic()
                made, stop, save = self._make_move(turn, move, progress)
                self.pace.add(turn, time.monotonic() - began)
                if not made:
                    self.undo.back()
                    self.stop(phase, " (one more was broken off and undone)")
                cursor.move, cursor.total_moves = cursor.move + 1, cursor.total_moves + 1
                if stop:
                    self.stop(phase)
                if save:
                    self.keeper.save()
            cursor.turn, cursor.move = cursor.turn + 1, 0

    def _make_move(self, turn: Turn, move: Move, progress: float) -> tuple[bool, ...]:
        """Make one move; whether it was finished, whether the run shall stop, whether it shall be saved.

        If any process breaks its move off, none has made it.
        """
        players = [self.game.players[name] for name in turn.players if turn.rule]
        self.undo.mark(parameter for player in players for parameter in player.parameters())
        batch = self.feeds[turn.feed].next_batch() if turn.feed is not None else {}
        if turn.rule:
            return self._apply_rule(turn, batch, move)
        loss, logs, wishes = self.stepper.step(
            turn, batch, move, progress, self._wishes, self.stop_wish.may_break_off
        )
        if loss is None:
            return False, *wishes
        self.finite.add(turn.loss, self.cursor.total_moves, loss.total)
        moved, rate = self.stepper.last_step(turn)
        self.finite.add_parameters(turn.players, moved, self.cursor.total_moves, rate)
        self.sums.add({**loss.logs, **logs}, self.runtime.device)
        if turn.after_step:
            self.sums.add(self.game.rule(turn.after_step, batch, move), self.runtime.device)
        self.averages.follow(self.game, turn.players)
        return True, *wishes

    def _apply_rule(self, turn: Turn, batch: Batch, move: Move) -> tuple[bool, ...]:
        """See :meth:`_make_move`."""
        logs = None
        try:
            with self.stop_wish.may_break_off(), frozen(*self.stepper.bystanders(turn)):
                logs = self.game.rule(turn.rule, batch, move)
        except Unfinished:
            logs = None
        broken_off, *wishes = self.stepper.agree((logs is None, *self._wishes()))
        if broken_off or logs is None:
            return False, *wishes
        self.sums.add(logs, self.runtime.device)
        return True, *wishes

    def _wishes(self) -> tuple[bool, ...]:
        """Return whether this process wants to stop, and to save."""
        asked = self.stop_wish.signal is not None or self.run.out_of_time()
        return asked, self.keeper.due()

    def statistics_rng(self) -> torch.Generator:
        """Return the randomness of the samples on which averages measure their batch statistics."""
        return self.runtime.generator("statistics")

    def _signal(self) -> int | None:
        """Return the signal that any process heard."""
        heard = self.runtime.gather(self.stop_wish.signal)
        return next((number for number in heard if number is not None), None)

    def stop(self, phase: Phase, undone: str = "") -> NoReturn:
        """Save, and ends the run with the command that goes on with it."""
        self.keeper.save()
        number = self._signal()
        why = "time limit" if number is None else {2: "Ctrl-C", 15: "SIGTERM"}.get(number, "signal")
        raise Interrupted(
            f"Stopped by {why} in phase {phase.name!r} after {self.cursor.total_moves} moves{undone}; "
            f"everything is saved. Go on with:\n  {self.run.resume_command()}",
            0 if number is None else 128 + number,
        )
