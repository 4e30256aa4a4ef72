"""Scores and figures of generators that move a given image: angles to the true tangents of the cat world."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from image_gans.evaluation.image_scores import ImageScorer
from image_gans.evaluation.local.tangent_spaces import (
    angles,
    effective_rank,
    local_tangents,
    random_tangents,
)
from image_gans.evaluation.translation.rebuilding_scores import principal_components
from image_gans.grids import enlargement, save_grid
from image_gans.metrics.attributes import is_catworld
from image_gans.networks.local.local_generator import LocalGenerator, tangents
from seqgan_kit.core.bounds import Several, bounded
from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run
from seqgan_kit.data.catworld.build import BUNDLED_SEED
from seqgan_kit.data.catworld.drawing.draw_scene import draw_moment
from seqgan_kit.data.catworld.views.tangents import TANGENTS, tangent
from seqgan_kit.data.catworld.views.world_views import Shown, scene_of_face
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.metrics.statistics.divergences import Estimate

_TEST_STREAM = 3  # of the bundled faces
_COLUMNS, _SHOWN = 9, 4
_CHUNK = 16
_STEP = 1e-4  # of finite differences: larger ones cross kinks of G, smaller ones drown in rounding
_NEAR = 2  # neighbours of local PCA for each dimension


@dataclass(frozen=True)
@bounded
class TangentSettings:
    """The images whose tangent spaces are scored."""

    tangent_images: Several = 100
    """Test faces whose tangents are compared with the true ones."""


@dataclass(frozen=True)
class TangentScorer(ImageScorer):
    """A scorer of games whose generator moves a given image."""

    tangents: TangentSettings = field(default_factory=TangentSettings, kw_only=True)

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Compute the diversity of samples, and the scores of tangents."""
        scores = self.scores_of(self.learned(generator_of(game)))
        return super().__call__(game, rng) | {key: e.value for key, e in scores.items()}

    def draw_figures(self, run: Run, game: Game) -> None:
        """Write the figures of all image runs, and moves.png: two test images moved along four coordinates,
        a row each, with the image itself in the middle."""
        super().draw_figures(run, game)
        generator = generator_of(game)
        reach, count = 2 * generator.config.deviation, min(_SHOWN, generator.config.latent)
        along = torch.linspace(-reach, reach, _COLUMNS)
        axes = torch.eye(generator.config.latent)[:count]
        z = (axes[:, None] * along[:, None]).flatten(0, 1)
        with torch.no_grad():
            rows = [
                generator.moved(x.expand(len(z), -1, -1, -1), z.to(x)).clamp(-1, 1)
                for x in self.images[:2, None].to(device_of(game))
            ]
        scale = enlargement(self.images)
        path = run.log.figure_path("moves.png")
        save_grid(torch.cat(rows).cpu(), path, columns=_COLUMNS, scale=scale)

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table with the scores of tangents, and rows of simple tangents."""
        table = super().record(title, games, seed)
        rows = {row["name"]: row for row in table["rows"]}
        generators = {name: generator_of(game) for name, game in games.items()}
        spaces = {name: self.learned(generator) for name, generator in generators.items()}
        dimensions = next(iter(generators.values())).config.latent
        for name, space in (spaces | self.simple(dimensions, seed)).items():
            row = rows.setdefault(name, {"name": name, "values": {}, "errors": {}})
            scores = self.scores_of(space)
            row["values"] |= {key: e.value for key, e in scores.items()}
            row["errors"] |= {key: e.standard_error for key, e in scores.items()}
        for name, generator in generators.items():
            rows[name]["values"]["locality"] = self.locality(generator)
        columns = _columns([*self.truth], len(self.images), dimensions)
        return {
            **table,
            "columns": [*columns, *table["columns"]],
            "rows": [*rows.values()],
            "notes": [_note(dimensions, len(self.images), bool(self.truth)), *table["notes"]],
        }

    def learned(self, generator: LocalGenerator) -> Tensor:
        """Return the tangents [N,K,F] of a generator at the test images."""
        device = device_of(generator)
        every = torch.arange(generator.config.latent, device=device)
        with torch.no_grad():
            found = [
                tangents(generator, x.to(device), every, _STEP).cpu()
                for x in self.images.split(_CHUNK)
            ]
        return torch.cat(found)

    def simple(self, dimensions: int, seed: int) -> dict[str, Tensor]:
        """Return tangents [N,K,F] that need no generator, by name."""
        rng = torch.Generator().manual_seed(seed)
        x, train = self.images.flatten(1), to_float(self.corpus.train).flatten(1)
        count, features = x.shape
        found = {"random tangents": random_tangents(count, dimensions, features, rng)}
        near = min(_NEAR * dimensions, len(train))
        if dimensions <= near:
            found["local PCA"] = local_tangents(x, train, dimensions, near)
        if dimensions <= min(train.shape):
            everywhere = principal_components(train, dimensions).T
            found["PCA of all images"] = everywhere.expand(count, -1, -1)
        return found

    def scores_of(self, space: Tensor) -> dict[str, Estimate]:
        """Return mean angles to the true tangents in degrees, and the mean rank, of rows [N,K,F]."""
        found = {f"angle_{name}": _mean(angles(space, true)) for name, true in self.truth.items()}
        return {**found, "rank": _mean(effective_rank(space))}

    def locality(self, generator: LocalGenerator) -> float:
        """Return the root mean square difference of G(x, 0) and x."""
        x = self.images.to(device_of(generator))
        with torch.no_grad():
            same = generator.moved(x, x.new_zeros(len(x), generator.config.latent))
        return float((same - x).square().mean().sqrt())

    @cached_property
    def images(self) -> Tensor:
        """[N,C,H,W] in [-1,1]: test faces drawn anew on the cat world, else test images."""
        if not self._in_catworld:
            test = self.corpus.test if len(self.corpus.test) else self.corpus.train
            return to_float(test[: self.tangents.tangent_images])
        size = self.corpus.train.shape[-1]
        drawn = np.stack([draw_moment(*shown, size) for shown in self._scenes])
        return to_float(torch.from_numpy(drawn).permute(0, 3, 1, 2))

    @cached_property
    def truth(self) -> dict[str, Tensor]:
        """True tangents [N,F] at these images, by parameter; none outside the cat world."""
        if not self._in_catworld:
            return {}
        size = self.corpus.train.shape[-1]
        drawn = {
            name: np.stack([tangent(*shown, name, size) for shown in self._scenes])
            for name in TANGENTS
        }
        return {name: torch.from_numpy(rows).flatten(1) for name, rows in drawn.items()}

    @property
    def _in_catworld(self) -> bool:
        return is_catworld(self.corpus.label_names) and self.corpus.train.shape[1] == 3

    @property
    def _scenes(self) -> list[Shown]:
        count = self.tangents.tangent_images
        return [scene_of_face(BUNDLED_SEED, _TEST_STREAM, number) for number in range(count)]


def generator_of(game: Game) -> LocalGenerator:
    """Return the game's generator."""
    return cast(LocalGenerator, game.generator)


def _mean(values: Tensor) -> Estimate:
    error = float(values.std()) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    return Estimate(float(values.mean()), error)


def _columns(parameters: list[str], images: int, dimensions: int) -> list[dict[str, Any]]:
    of = f"faces:{images}|dimensions:{dimensions}"
    columns = [
        {"key": f"angle_{name}", "label": f"angle to {name}", "better": "lower", "digits": 1,
         "signature": f"degrees|tangent-space-to-true-tangent|{of}"}
        for name in parameters
    ]  # fmt: skip
    return [
        *columns,
        {"key": "rank", "label": "effective rank", "better": "higher", "digits": 2,
         "signature": f"exp-entropy-of-squared-singular-values|{of}"},
        {"key": "locality", "label": "RMS of G(x,0) - x", "better": "lower", "digits": 4,
         "signature": f"rms|range:-1..1|faces:{images}"},
    ]  # fmt: skip


def _note(dimensions: int, images: int, known: bool) -> str:
    told = (
        "Angle: degrees between a true tangent, by redrawing a face with a parameter shifted, and the space "
        "of the learned ones; 0 is best, 90 worst. "
    )
    return (
        f"{told if known else ''}Tangent spaces of {dimensions} dimensions at {images} test images. "
        "Effective rank: as many if the tangents are orthonormal."
    )
