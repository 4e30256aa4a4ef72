"""Scores and figures of translators that were trained without pairs, in both directions.

The baseline needs no pairs and no discriminator either: a linear map of colours that gives one set the mean
and covariance of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from image_gans.evaluation.image_parts import applied
from image_gans.evaluation.translation.colour_matching import (
    ColourStatistics,
    with_matched_colours,
)
from image_gans.evaluation.translation.pair_scores import PairScorer
from image_gans.metrics.pair_quality import pair_quality
from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run
from seqgan_kit.data.images.pixels import to_float

_SHOWN, _CHUNK = 16, 64
_MATCHED = "colours matched"
_COLUMNS: Mapping[str, tuple[str, int, str]] = {
    "psnr_back": ("PSNR back", 2, "mean-of-images|uint8|dB|from:targets|truth:sources"),
    "ssim_back": ("SSIM back", 3, "window:11|deviation:1.5|from:targets|truth:sources"),
    "psnr_cycle": ("PSNR there and back", 2, "mean-of-images|uint8|dB|truth:sources"),
}


@dataclass(frozen=True)
class UnpairedScorer(PairScorer):
    """Scores and figures of two translators, there and back; pairs serve for scoring alone.

    Where none are known, PSNR and SSIM of a single direction are left out.
    """

    parts: tuple[str, ...] = ("generator", "inverse")
    verbs: tuple[str, ...] = ("translate", "reverse")

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Return also the PSNR of sources translated there and back: the evaluation hook."""
        found = super().__call__(game, rng) if self.pairs.matched else {}
        sources = self._sources(self.settings.evaluation_pairs)
        cycle = pair_quality(self._applied(game, ("translate", "reverse"), sources), sources)
        return {**found, "psnr_cycle": cycle["psnr"].value}

    def further_rows(self, game: Game, count: int) -> dict[str, Tensor]:
        """Return the test sources with the targets' mean and covariance of colours."""
        own, wanted = self._statistics
        return {_MATCHED: with_matched_colours(self._sources(count), own, wanted)}

    def draw_figures(self, run: Run, game: Game) -> None:
        """Draw also back.png: target, what the way back makes of it, and its true source if known."""
        super().draw_figures(run, game)
        targets = self._targets(_SHOWN)
        truth = [self._sources(_SHOWN)] if self.pairs.matched else []
        shown = [targets, self._applied(game, ("reverse",), targets), *truth]
        self._save(shown, run.log.figure_path("back.png"))

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table with columns of the way back."""
        table = super().record(title, games, seed)
        count = self.settings.score_pairs
        sources, targets = self._sources(count), self._targets(count)
        own, wanted = self._statistics
        back = {
            "source, untouched": targets,
            _MATCHED: with_matched_colours(targets, wanted, own),
            **{name: self._applied(game, ("reverse",), targets) for name, game in games.items()},
        }
        for row in table["rows"]:
            if row["name"] in back and self.pairs.matched:
                self._enter(row, "back", pair_quality(back[row["name"]], sources))
            if row["name"] in games:
                both_ways = self._applied(games[row["name"]], ("translate", "reverse"), sources)
                self._enter(row, "cycle", pair_quality(both_ways, sources))
        keys = {key for row in table["rows"] for key in row["values"]}
        shape = f"px:{'x'.join(map(str, targets.shape[1:]))}|pairs:{len(targets)}"
        table["columns"] += [
            {"key": key, "label": label, "better": "higher", "digits": digits,
             "signature": f"{fact}|{shape}"}
            for key, (label, digits, fact) in _COLUMNS.items() if key in keys
        ]  # fmt: skip
        table["notes"].append(
            "Training saw no pairs: sources and targets came from different scenes. Where several sources "
            "share a target, the way back cannot know which one it was."
        )
        return table

    @cached_property
    def _statistics(self) -> tuple[ColourStatistics, ColourStatistics]:
        """Return the statistics of the training images of each set, those that the translators saw."""
        sources, targets = self.pairs.unpaired()
        return ColourStatistics.of(to_float(sources)), ColourStatistics.of(to_float(targets))

    @torch.no_grad()
    def _applied(self, game: Game, verbs: tuple[str, ...], images: Tensor) -> Tensor:
        """Return what one verb after the other makes of images, on the CPU."""
        parts, device = self.parts_of(game), device_of(game)
        made = []
        for x in images.split(_CHUNK):
            x = x.to(device)
            for verb in verbs:
                x = applied(verb, parts, x)
            made.append(x.float().cpu())
        return torch.cat(made)

    def _enter(self, row: dict[str, Any], way: str, found: Mapping[str, Any]) -> None:
        for key in ("psnr", "ssim"):
            if f"{key}_{way}" in _COLUMNS:
                row["values"][f"{key}_{way}"] = found[key].value
                row["errors"][f"{key}_{way}"] = found[key].standard_error
