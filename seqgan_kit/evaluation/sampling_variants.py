"""Further ways to draw from a generator, each a row of the final table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from torch import nn

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Game
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.evaluation_settings import TextScoreSettings
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.tempered import tempered
from seqgan_kit.sequences.sampling.best_of import BestOf
from seqgan_kit.sequences.sampling.truncation import Truncated


def check_variants(settings: TextScoreSettings, game: Game) -> None:
    """Raise UsageError for a choice by a discriminator where there is none."""
    if settings.best_of and "discriminator" not in game.players:
        raise UsageError(
            "--best-of keeps what a discriminator scores highest, and this method has none: leave it out."
        )


def sampling_variants(
    settings: TextScoreSettings, generator: nn.Module, judge: nn.Module | None
) -> Iterator[tuple[str, nn.Module]]:
    """Yield name and generator of each way of sampling; ``judge`` chooses the best of several samples."""
    whole = cast(SequenceGenerator, generator)
    for temperature in settings.temperatures:
        yield f"at {temperature:g}", tempered(whole, temperature)
    for k in settings.top_ks:
        yield f"at top-k {k}", Truncated(whole, top_k=k)
    for p in settings.top_ps:
        yield f"at top-p {p:g}", Truncated(whole, top_p=p)
    for tries in settings.best_of:
        yield f"best of {tries}", BestOf(whole, cast(Discriminator, judge), tries)
