"""What an image generator is watched and shown by: diversity, grids, ways through latent space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from image_gans.grids import save_grid
from image_gans.latent import LatentGenerator, strip
from image_gans.metrics.diversity import diversity
from seqgan_kit.core.game import Game
from seqgan_kit.core.run import Run
from seqgan_kit.data.images import ImageCorpus, to_float

_GRID_PICTURES, _GRID_COLUMNS = 64, 8
_WAYS, _STEPS = 6, 9
_SHOWN_PIXELS = 96  # small pictures are enlarged to about this, or nobody sees anything in a report
_CHUNK = 128


@dataclass(frozen=True)
class ScoreSettings:
    """How much is drawn for scoring."""

    score_samples: int = 1000
    """Pictures for each row of the final table."""
    evaluation_samples: int = 256
    """Pictures for each evaluation during the run."""


@dataclass(frozen=True)
class ImageScorer:
    """Scores and shows image generators beside a corpus.

    Attributes:
        corpus: what the generator is trained on.
        settings: how many pictures each score uses.
    """

    corpus: ImageCorpus
    settings: ScoreSettings = ScoreSettings()

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """The evaluation hook: how much samples differ from each other."""
        return {"diversity": diversity(_draw(game, self.settings.evaluation_samples, rng))}

    def draw_grid(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """The sampling hook: a grid, of the same latent vectors every time."""
        pictures = _draw(game, _GRID_PICTURES, rng)
        save_grid(pictures, path.with_suffix(".png"), columns=_GRID_COLUMNS, scale=_scale(pictures))

    def real_diversity(self) -> float:
        """The diversity of real pictures."""
        return diversity(self.real_pictures(self.settings.score_samples))

    def real_pictures(self, most: int) -> Tensor:
        """Up to ``most`` real pictures in [-1,1], from evenly over the corpus: it may be sorted by class."""
        rows = torch.linspace(0, len(self.corpus.train) - 1, min(most, len(self.corpus.train)))
        return to_float(self.corpus.train[rows.long()])

    def draw_figures(self, run: Run, game: Game) -> None:
        """Into figures/: grid.png, real.png to compare it with, and interpolation.png, each of whose rows
        is a way through latent space."""
        rng = torch.Generator(run.runtime.device).manual_seed(run.settings.seed)
        generator = cast(LatentGenerator, game.players["generator"])
        with torch.no_grad():
            self.draw_grid(game, rng, run.log.figure_path("grid.png"))
            starts, ends = generator.latents(2 * _WAYS, rng).chunk(2)
            pictures = strip(generator, starts, ends, _STEPS)
        path = run.log.figure_path("interpolation.png")
        save_grid(pictures, path, columns=_STEPS, scale=_scale(pictures))
        real, path = self.real_pictures(_GRID_PICTURES), run.log.figure_path("real.png")
        save_grid(real, path, columns=_GRID_COLUMNS, scale=_scale(real))

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """The table of scores.json: a row for each game, then one for real pictures."""
        rows = []
        for name, game in games.items():
            rng = torch.Generator(_device(game)).manual_seed(seed)
            pictures = _draw(game, self.settings.score_samples, rng)
            rows.append({"name": name, "values": {"diversity": diversity(pictures)}})
        real = self.real_pictures(self.settings.score_samples)
        rows.append({"name": "real data", "values": {"diversity": diversity(real)}})
        column = {
            "key": "diversity",
            "label": "diversity",
            "better": None,
            "digits": 3,
            "signature": f"mean-pairwise-rms|range:-1..1|hyps:{self.settings.score_samples}|real:{len(real)}",
        }
        note = (
            "Diversity is the mean distance of two pictures: far below that of real data it means "
            "collapse; close to it, it says nothing about quality."
        )
        return {"title": title, "columns": [column], "rows": rows, "notes": [note]}


@torch.no_grad()
def _draw(game: Game, n: int, rng: torch.Generator) -> Tensor:
    """``n`` pictures [n,C,H,W] on the CPU, drawn in pieces that fit into memory."""
    sizes = [min(_CHUNK, n - start) for start in range(0, n, _CHUNK)]
    return torch.cat([game.sample(size, rng=rng).float().cpu() for size in sizes])


def _scale(pictures: Tensor) -> int:
    return max(1, _SHOWN_PIXELS // pictures.shape[-1])


def _device(module: nn.Module) -> torch.device:
    return next(module.parameters()).device
