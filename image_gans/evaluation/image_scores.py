"""Scores and figures of image generators: grids, interpolations and the table of scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from image_gans.evaluation.image_export import check_image_model, save_image_model
from image_gans.evaluation.image_table import REAL, ScoredImages, drawn_diversity, image_table
from image_gans.grids import enlargement, save_grid
from image_gans.latent.walks import strip
from image_gans.metrics.comparison import Comparison
from image_gans.metrics.diversity import diversity
from seqgan_kit.core.bounds import Several, bounded
from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.pixels import to_float

_GRID_PICTURES, _GRID_COLUMNS = 64, 8
_WAYS, _STEPS = 6, 9
_SUSPECTS = 9  # Samples shown that are nearest to training images, out of _LOOKED_AT.
_LOOKED_AT = 256
_CHUNK = 128


@dataclass(frozen=True)
@bounded
class ImageScoreSettings:
    """Number of samples for scoring, and the features of distances."""

    score_samples: Several = 1000
    """Images for each row of the final table."""
    evaluation_samples: Several = 256
    """Images for each evaluation during training."""
    features: str = "auto"
    """Features for the distances: classifier (trained on the data's labels in a minute or two on a CPU, and
    cached), random (a random network, needs no labels), inception:FILE (FID and KID with the Inception
    weights of pytorch-fid; inception-tf:FILE uses torch-fidelity's resizing), hf:FOLDER (a DINOv2 or CLIP
    model of transformers), none, or a classifier's .safetensors file. auto: classifier if there are labels
    and 500 or more images are scored, else random.
    """


SMOKE_SCORES = ImageScoreSettings(score_samples=64, evaluation_samples=32, features="none")
"""Settings for presets that take seconds."""


@dataclass(frozen=True)
class ImageScorer:
    """A scorer of image generators against a corpus.

    Attributes:
        corpus: training corpus.
        settings: number of images for each score.
    """

    corpus: ImageCorpus
    settings: ImageScoreSettings = ImageScoreSettings()

    def __post_init__(self) -> None:
        self.comparison.check()

    def export(self, game: Game, folder: Path, about: Mapping[str, Any]) -> None:
        """Write the game's generator into a run's ``model`` folder."""
        save_image_model(folder, game.generator, about)

    @cached_property
    def comparison(self) -> Comparison:
        """Comparison of samples with the corpus, shared by all games."""
        return Comparison(self.corpus, self.settings.features, self.settings.score_samples, seed=0)

    def check(self, game: Game) -> None:
        """Refuse, before training, a generator that could not be saved."""
        check_image_model(game.generator)

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Compute the diversity of samples; the evaluation hook of a run."""
        return {"diversity": drawn_diversity(_draw(game, self.settings.evaluation_samples, rng))}

    def draw_grid(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """Draw a grid of the same latent vectors every time; the sampling hook of a run."""
        pictures = _draw(game, _GRID_PICTURES, rng)
        save_grid(
            pictures,
            path.with_suffix(".png"),
            columns=_GRID_COLUMNS,
            scale=enlargement(pictures),
        )

    def real_diversity(self) -> float:
        """Return the diversity of real images."""
        return diversity(self.real_pictures(self.settings.score_samples))

    def real_pictures(self, most: int) -> Tensor:
        """Return up to ``most`` real images in [-1,1], spread evenly because the corpus may be sorted by
        class.
        """
        train = self.corpus.whole.train
        rows = torch.linspace(0, len(train) - 1, min(most, len(train)))
        return to_float(train[rows.long()])

    def draw_figures(self, run: Run, game: Game) -> None:
        """Write figures/: grid.png, real.png for comparison, and interpolation.png with a path through
        latent space per row.
        """
        rng = torch.Generator(run.runtime.device).manual_seed(run.settings.seed)
        generator = game.generator
        with torch.no_grad():
            self.draw_grid(game, rng, run.log.figure_path("grid.png"))
            starts, ends = generator.latents(2 * _WAYS, rng).chunk(2)
            pictures = strip(generator, starts, ends, _STEPS)
        path = run.log.figure_path("interpolation.png")
        save_grid(pictures, path, columns=_STEPS, scale=enlargement(pictures))
        real, path = self.real_pictures(_GRID_PICTURES), run.log.figure_path("real.png")
        save_grid(real, path, columns=_GRID_COLUMNS, scale=enlargement(real))
        self.draw_nearest(run, _draw(game, _LOOKED_AT, rng))

    def draw_nearest(self, run: Run, pictures: Tensor) -> None:
        """Draw nearest.png: the samples nearest to training images, each above its nearest training image."""
        found = self.comparison.copies(pictures)
        if found is not None:
            suspects = torch.from_numpy(found.nearest_first[:_SUSPECTS].copy())
            origins = torch.from_numpy(found.neighbours)[suspects]
            shown = torch.cat([pictures[suspects], to_float(self.corpus.train[origins])])
            path = run.log.figure_path("nearest.png")
            save_grid(shown, path, columns=len(suspects), scale=enlargement(shown))

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table of scores.json: a row for each game, then one for real images.

        Diversity uses all images of a row; ``metrics/comparison.py`` computes the rest.
        """
        rows = []
        for name, game in games.items():
            rng = torch.Generator(device_of(game)).manual_seed(seed)
            pictures = _draw(game, self.settings.score_samples, rng)
            rows.append(ScoredImages(name, pictures, pictures, self.comparison))
        real = self.real_pictures(self.settings.score_samples)
        rows.append(ScoredImages(REAL, real, self.comparison.held_out, self.comparison))
        return image_table(title, rows)


@torch.no_grad()
def _draw(game: Game, n: int, rng: torch.Generator) -> Tensor:
    """Sample ``n`` images [n,C,H,W] on the CPU, in chunks that fit into memory."""
    sizes = [min(_CHUNK, n - start) for start in range(0, n, _CHUNK)]
    return torch.cat([game.sample(size, rng=rng).float().cpu() for size in sizes])
