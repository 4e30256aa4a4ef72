"""What a run does between rounds besides training, as its recipe says."""

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
    after_round: Sequence[AfterRound] = ()
    """Called with every row of the training log, on rank 0 alone, as a RoundReport."""
