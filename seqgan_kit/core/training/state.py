"""The state of a training run, shared by the parts that train, save, restore and report.

The trainer makes updates, the keeper saves and restores, and the work between rounds reads the state; this
module depends on none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import torch

from seqgan_kit.core.feeds import Feed
from seqgan_kit.core.game import Game, Phase, check_phases
from seqgan_kit.core.runs.log import RunLog
from seqgan_kit.core.runs.progress import Progress
from seqgan_kit.core.runs.run import Run
from seqgan_kit.core.runs.runtime import Runtime, restore_rng_state, rng_state
from seqgan_kit.core.sharding.sharding import Sharding, shard_players
from seqgan_kit.core.training.averages import Averages
from seqgan_kit.core.training.checkpoint import last_good
from seqgan_kit.core.training.cursor import Cursor, FiniteCheck, Sums
from seqgan_kit.core.training.gradient_step import GradientStepper
from seqgan_kit.core.training.hooks import Hooks
from seqgan_kit.core.training.memory_account import saved_bytes
from seqgan_kit.errors import UsageError


@dataclass
class TrainingState:
    """Players, optimizers, data, position in the phases, and the run they belong to."""

    run: Run
    game: Game
    phases: tuple[Phase, ...]
    feeds: dict[str, Feed]
    hooks: Hooks
    averages: Averages
    stepper: GradientStepper
    finite: FiniteCheck
    """Losses that have not been checked yet."""
    rng: torch.Generator
    """Random generator of updates."""
    sharding: Sharding = field(default_factory=Sharding)
    """The players that are divided among the processes."""
    cursor: Cursor = field(default_factory=Cursor)
    """The next update."""
    sums: Sums = field(default_factory=Sums)
    """Values logged in the current round."""
    tally: dict[str, int] = field(default_factory=dict)
    """Counts of the alarms."""

    @property
    def runtime(self) -> Runtime:
        """The runtime of the run."""
        return self.run.runtime

    @property
    def log(self) -> RunLog:
        """The log of the run."""
        return self.run.log

    @property
    def progress(self) -> Progress:
        """The progress display of the run."""
        return self.run.progress

    @property
    def finished(self) -> bool:
        """Whether no phase is left."""
        return self.cursor.phase >= len(self.phases)

    def statistics_rng(self) -> torch.Generator:
        """Return the random generator of the samples for batch statistics of averages."""
        return self.runtime.generator("statistics")

    def shared_buffers(self) -> list[torch.Tensor]:
        """Return the buffers that are equal on all processes, including those of averages."""
        own = set(self.game.private_players())
        shared = [player for name, player in self.game.players.items() if name not in own]
        return [b for module in (*shared, self.averages) for b in module.buffers()]

    def collect(self) -> None:
        """Gather sharded players on rank 0, for :meth:`aside` or a checkpoint, until they are released; all
        processes must call this."""
        self.sharding.collect(keep=self.runtime.leads)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Use the game without changing the run: eval mode, averages and collected players in place of
        players, random state restored."""
        before = rng_state([self.rng])
        try:
            with (
                self.sharding.twins_in_place(self.game),
                self.averages.in_place_of_players(self.game),
                torch.no_grad(),
            ):
                self.game.eval()
                with self.averages.with_own_statistics(self.game, self.statistics_rng()):
                    yield
        finally:
            self.game.train()
            restore_rng_state(before, [self.rng])


def prepare_training(
    run: Run,
    game: Game,
    phases: Sequence[Phase],
    feed: Feed | Mapping[str, Feed],
    hooks: Hooks,
    averages: Mapping[str, float],
) -> TrainingState:
    """Return the state before the first update: checked, on the run's device, and equal on all processes."""
    runtime = run.runtime
    game = game.to(runtime.device)
    feeds = dict(feed) if isinstance(feed, Mapping) else {"train": feed}
    check_phases(game, tuple(phases), feeds)
    if check := getattr(hooks.evaluate, "check", None):
        check(game)
    runtime.broadcast(game)
    with runtime.autocast():
        sharding = shard_players(game, run.settings, runtime, averages, saved_bytes)
    if sharding and hooks.after_round:
        raise UsageError(
            "--shard: callbacks after a round get the players, of which a sharded run has only parts: leave "
            "out the callbacks, or --shard."
        )
    return TrainingState(
        run,
        game,
        tuple(phases),
        feeds,
        hooks,
        # .to() puts the scattered weights of a copied LSTM into one block again, as cuDNN requires.
        Averages(game, averages).to(runtime.device),
        GradientStepper(game, tuple(phases), runtime, run.settings.accumulate, sharding),
        FiniteCheck(
            runtime.device,
            partial(last_good, run.log.checkpoint_folder),
            settings=run.record.get("config"),
        ),
        runtime.generator("moves"),
        sharding,
    )
