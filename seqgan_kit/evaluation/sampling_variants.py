"""Further ways to draw from a generator, each a row of the final table; the discriminator that chooses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from torch import nn

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Game
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.evaluation_settings import TextScoreSettings
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.tempered import at_temperature
from seqgan_kit.sequences.sampling.best_of import BestOf
from seqgan_kit.sequences.sampling.truncation import Truncated


def judge_of_rows(game: Game) -> nn.Module | None:
    """Return the game's discriminator if it scores whole rows outside of the game; else None."""
    return dict(game.players.items()).get("discriminator") if game.judges_rows else None


def check_variants(settings: TextScoreSettings, game: Game) -> None:
    """Raise UsageError for a choice by a discriminator where there is none."""
    if settings.best_of and judge_of_rows(game) is None:
        raise UsageError(
            "--best-of keeps what a discriminator scores highest, and this method has none that scores "
            "sentences by themselves: leave it out."
        )


def sampling_variants(
    settings: TextScoreSettings, generator: nn.Module, judge: nn.Module | None
) -> Iterator[tuple[str, nn.Module]]:
    """Yield name and generator of each way of sampling; ``judge`` chooses the best of several samples."""
    whole = cast(SequenceGenerator, generator)
    for temperature in settings.temperatures:
        yield f"at {temperature:g}", at_temperature(whole, temperature)
    for k in settings.top_ks:
        yield f"at top-k {k}", Truncated(whole, top_k=k)
    for p in settings.top_ps:
        yield f"at top-p {p:g}", Truncated(whole, top_p=p)
    for tries in settings.best_of:
        yield f"best of {tries}", BestOf(whole, cast(Discriminator, judge), tries)
