"""Scores and figures of generators of points: covered modes and a scatter plot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from image_gans.evaluation.image_export import check_image_model, save_image_model
from image_gans.evaluation.scatter import save_scatter
from image_gans.metrics.modes import (
    DEVIATIONS,
    ModeScores,
    high_quality_ceiling,
    perfect_modes,
    point_scores,
)
from image_gans.metrics.worlds import PointWorld
from seqgan_kit.core.bounds import Positive, bounded
from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run


@dataclass(frozen=True)
@bounded
class PointScores:
    """Number of samples for scoring."""

    score_samples: Positive = 2500
    """Points for each row of the final table and each evaluation (the protocol's 2,500)."""


@dataclass(frozen=True)
class PointScorer:
    """A scorer of generators of points against a world of known modes.

    Attributes:
        world: whose modes are counted.
        settings: how many points each score uses.
    """

    world: PointWorld
    settings: PointScores = PointScores()

    def check(self, game: Game) -> None:
        """Raise UsageError, before training, for a generator that could not be saved."""
        check_image_model(game.generator)

    def export(self, game: Game, folder: Path, about: Mapping[str, Any]) -> None:
        """Write the game's generator into a run's ``model`` folder."""
        save_image_model(folder, game.generator, about)

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Compute modes, share of high quality (%), reverse KL and spread; the evaluation hook of a run."""
        return point_scores(self._draw(game, rng), self.world).values()

    def draw_points(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """Draw a scatter plot of the same latent vectors every time; the sampling hook of a run."""
        self._scatter(self._draw(game, rng), path.with_suffix(".png"))

    def draw_figures(self, run: Run, game: Game) -> None:
        """Write figures/: points.png, and real.png for comparison."""
        rng = torch.Generator(run.runtime.device).manual_seed(run.settings.seed)
        self.draw_points(game, rng, run.log.figure_path("points.png"))
        real = self.world.draw(self.settings.score_samples, torch.Generator().manual_seed(0))
        self._scatter(real, run.log.figure_path("real.png"))

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table of scores.json: a row for each game, and the expected scores of a perfect
        generator.
        """
        rows: list[dict[str, Any]] = []
        for name, game in games.items():
            rng = torch.Generator(device_of(game)).manual_seed(seed)
            rows.append({"name": name, "values": self(game, rng)})
        rows.append(
            {"name": "perfect, expected", "values": self.perfect().values(), "reference": True}
        )
        modes = len(self.world.centres)
        signature = (
            f"world:{self.world.name}|n:{self.settings.score_samples}|within:{DEVIATIONS:g}sd"
        )
        columns = [
            _column("modes", f"modes of {modes}", "higher", 1, signature),
            _column("high_quality", "high quality, %", "higher", 2, signature),
            _column(
                "reverse_kl", "reverse KL", "lower", 4, f"{signature}|of:high-quality|vs:uniform"
            ),
            _column("spread", "spread in a mode", None, 2, f"{signature}|of:high-quality|vs:world"),
        ]
        note = (
            f"A sample within {DEVIATIONS:g} standard deviations of a mode has high quality; a "
            "mode with one such sample is covered. Reverse KL (nats) compares the modes' "
            "shares among them with uniform shares. Spread is their width within a mode "
            "relative to the data; near 0 the modes have shrunk to points."
        )
        return {"title": title, "columns": columns, "rows": rows, "notes": [note]}

    def perfect(self) -> ModeScores:
        """Return the expected scores of the world itself."""
        modes, samples = len(self.world.centres), self.settings.score_samples
        return replace(perfect_modes(modes, samples, high_quality_ceiling()), spread=1.0)

    @torch.no_grad()
    def _draw(self, game: Game, rng: torch.Generator) -> Tensor:
        return game.sample(self.settings.score_samples, rng=rng).float().cpu()

    def _scatter(self, points: Tensor, path: Path) -> None:
        radius = DEVIATIONS * self.world.deviation
        save_scatter(points, path, centres=self.world.centres, radius=radius)


def _column(
    key: str, label: str, better: str | None, digits: int, signature: str
) -> dict[str, Any]:
    named = {"key": key, "label": label, "better": better}
    return {**named, "digits": digits, "signature": signature}
