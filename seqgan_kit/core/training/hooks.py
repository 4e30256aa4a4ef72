"""Optional functions that a recipe passes to the trainer, to be called between rounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from seqgan_kit.core.game import Game
from seqgan_kit.core.training.alarms import Alarm, PinnedDiscriminator
from seqgan_kit.core.training.round_report import AfterRound

Evaluate = Callable[[Game, torch.Generator], Mapping[str, float]]
DrawSamples = Callable[[Game, torch.Generator, Path], None]


@dataclass(frozen=True)
class Hooks:
    """Optional functions that the trainer calls between rounds."""

    evaluate: Evaluate | None = None
    """Function that measures the game (in eval mode, averages in place of players), on rank 0 only. A
    method ``check(game)`` is called before training and raises for a game whose results could not be saved.
    A method ``export(game, folder, about)`` writes the model with every checkpoint."""
    draw_samples: DrawSamples | None = None
    """Function that writes samples to a path, which is given without a suffix."""
    refresh_report: Callable[[Path], object] | None = None
    """Function that writes the report of the run directory after an evaluation."""
    alarms: Sequence[Alarm] = (PinnedDiscriminator(),)
    """Alarms that check the values of every round and evaluation."""
    after_round: Sequence[AfterRound] = ()
    """Callbacks, called on rank 0 only with every row of the training log as a RoundReport."""
