"""``sk.Trainer``: trains a game without a recipe, a command line or a configuration."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import nn

from seqgan_kit.core.feeds import Feed
from seqgan_kit.core.game import Game, Phase
from seqgan_kit.core.runs.run import Run, RunSettings, open_run
from seqgan_kit.core.training.alarms import Alarm, PinnedDiscriminator
from seqgan_kit.core.training.hooks import DrawSamples, Evaluate, Hooks
from seqgan_kit.core.training.round_report import AfterRound
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.errors import Interrupted
from seqgan_kit.report.run_page import write_report


@dataclass(frozen=True)
class _OnlyRun:
    """A configuration with run settings only."""

    run: RunSettings


class GameTrainer:
    """Trains a game; available as ``sk.Trainer``.

    It does the training part of a recipe: gradients, optimizers, clipping, moving
    averages, several processes, precision, checks for losses that are not finite.

    Args:
        game: the players and their losses.
        phases: order of the players' updates.
        feed: one feed, or several by name (a single one is called ``train``).
        out: folder for checkpoints, log and report. None leaves nothing on disk after training.
        resume: continue the run in ``out``.
        overwrite: replace an earlier run in ``out``.
        callbacks: functions that are called after every logged round with a ``RoundReport``.
        evaluate: ``evaluate(game, rng) -> {name: value}``, called when a phase's ``evaluate_every_rounds``
            says so; the values become curves, and early stopping can watch them.
        draw_samples: ``draw_samples(game, rng, path)``, writes samples to a path that lacks its suffix.
        alarms: watch the logged values.
        averages: players with an exponential moving average, and its decay.
        seed: seed of everything random.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: precision of the losses, ``fp32`` or ``bf16``.
        quiet: print alarms only.

    Example:
        >>> trainer = sk.Trainer(game, [sk.Phase("adversarial", turns, rounds=100)], feed)
        >>> game = trainer.fit()
    """

    def __init__(
        self,
        game: Game,
        phases: Sequence[Phase],
        feed: Feed | Mapping[str, Feed],
        out: str | Path | None = None,
        *,
        resume: bool = False,
        overwrite: bool = False,
        callbacks: Iterable[AfterRound] = (),
        evaluate: Evaluate | None = None,
        draw_samples: DrawSamples | None = None,
        alarms: Sequence[Alarm] = (PinnedDiscriminator(),),
        averages: Mapping[str, float] | None = None,
        seed: int = 0,
        device: str = "auto",
        precision: Literal["fp32", "bf16"] = "fp32",
        quiet: bool = False,
    ):
        self._closing = ExitStack()
        self._kept = out is not None
        folder = Path(out) if out is not None else Path(tempfile.mkdtemp(prefix="seqgan-kit-"))
        if out is None:
            self._closing.callback(shutil.rmtree, folder, ignore_errors=True)
        weakref.finalize(self, self._closing.close)
        settings = RunSettings(
            out=folder,
            seed=seed,
            resume=folder if resume and out is not None else None,
            overwrite=overwrite and out is not None,
            quiet=quiet,
            device=device,
            precision=precision,
        )
        try:
            self._run = self._closing.enter_context(open_run("own game", _OnlyRun(settings)))
            hooks = Hooks(
                evaluate=evaluate,
                draw_samples=draw_samples,
                refresh_report=write_report if self._kept else None,
                alarms=alarms,
                after_round=tuple(callbacks),
            )
            self._trainer = Trainer(self._run, game, phases, feed, hooks, averages)
        except BaseException:
            self._closing.close()
            raise

    @property
    def game(self) -> Game:
        """The game in its current state."""
        return self._trainer.game

    @property
    def run(self) -> Run:
        """The run: device, log and settings."""
        return self._run

    def fit(self) -> Game:
        """Train to the end of the last phase, and return the game in evaluation mode, averages in place.

        Ctrl-C stops after the current update; calling ``fit`` again goes on from there.
        """
        try:
            game = self._trainer.fit()
        except Interrupted as stop:
            if self._kept:
                raise
            done = self._trainer.state.cursor.total_moves
            self._trainer.stop_wish.signal = None  # granted
            raise Interrupted(
                f"Stopped after {done} moves. Call fit() again to go on; nothing was saved on disk, since "
                "out is None.",
                stop.exit_code,
            ) from None
        if self._kept and self._run.runtime.leads:
            write_report(self._run.folder)
        return game

    def player_after(self, phase: str, player: str) -> nn.Module:
        """Return a copy of a player as it was at the end of a phase that has ``keep=True``."""
        return self._trainer.player_after(phase, player)
