"""The state of a run in training, shared by those who train, save, restore and report.

It knows none of them: the trainer makes moves, the keeper saves and restores, and what is due between rounds
reads it.
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
from seqgan_kit.core.training.averages import Averages
from seqgan_kit.core.training.checkpoint import last_good
from seqgan_kit.core.training.cursor import Cursor, FiniteCheck, Sums
from seqgan_kit.core.training.gradient_step import GradientStepper
from seqgan_kit.core.training.hooks import Hooks


@dataclass
class TrainingState:
    """Players, optimizers, data and the place in the phases, with what they belong to."""

    run: Run
    game: Game
    phases: tuple[Phase, ...]
    feeds: dict[str, Feed]
    hooks: Hooks
    averages: Averages
    stepper: GradientStepper
    finite: FiniteCheck
    """Losses that are yet to be looked at."""
    rng: torch.Generator
    """What moves draw from."""
    cursor: Cursor = field(default_factory=Cursor)
    """The next move."""
    sums: Sums = field(default_factory=Sums)
    """What the round in progress has logged."""
    tally: dict[str, int] = field(default_factory=dict)
    """What alarms count."""

    @property
    def runtime(self) -> Runtime:
        """Where the run computes."""
        return self.run.runtime

    @property
    def log(self) -> RunLog:
        """What the run writes to."""
        return self.run.log

    @property
    def progress(self) -> Progress:
        """What the run shows."""
        return self.run.progress

    @property
    def finished(self) -> bool:
        """Whether no phase is left."""
        return self.cursor.phase >= len(self.phases)

    def statistics_rng(self) -> torch.Generator:
        """Return the randomness of the samples on which averages measure their batch statistics."""
        return self.runtime.generator("statistics")

    def shared_buffers(self) -> list[torch.Tensor]:
        """Return the buffers that all processes should agree on, those of the averages among them."""
        own = set(self.game.private_players())
        shared = [player for name, player in self.game.players.items() if name not in own]
        return [b for module in (*shared, self.averages) for b in module.buffers()]

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Look at the game without leaving a trace: eval mode, averages with their own statistics playing,
        randomness put back."""
        before = rng_state([self.rng])
        try:
            with self.averages.in_place_of_players(self.game), torch.no_grad():
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
    """The state before the first move: all is checked, on the run's device, and alike on all processes."""
    runtime = run.runtime
    game = game.to(runtime.device)
    feeds = dict(feed) if isinstance(feed, Mapping) else {"train": feed}
    check_phases(game, tuple(phases), feeds)
    if check := getattr(hooks.evaluate, "check", None):
        check(game)
    runtime.broadcast(game)
    return TrainingState(
        run,
        game,
        tuple(phases),
        feeds,
        hooks,
        # .to(): the weights of a copied LSTM are scattered, and cuDNN wants them in one block again.
        Averages(game, averages).to(runtime.device),
        GradientStepper(game, tuple(phases), runtime),
        FiniteCheck(
            runtime.device,
            partial(last_good, run.log.checkpoint_folder),
            settings=run.record.get("config"),
        ),
        runtime.generator("moves"),
    )
