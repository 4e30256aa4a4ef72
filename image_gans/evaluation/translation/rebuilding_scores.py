"""Scores and figures of autoencoders: images, damaged or not, and their reconstructions.

The baseline is linear: as many principal components of the training images as the code has dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from image_gans.evaluation.image_table import score_row
from image_gans.evaluation.translation.code_map import draw_code_map
from image_gans.evaluation.translation.pair_scores import PairScorer
from image_gans.grids import save_grid
from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run
from seqgan_kit.data.images.corruptions import corruption
from seqgan_kit.data.images.load_images import ImageCorpus
from seqgan_kit.data.images.pixels import to_float, to_uint8
from seqgan_kit.data.pairs.image_pairs import ImagePairs
from seqgan_kit.data.pairs.world_pairs import PairSplit
from seqgan_kit.metrics.statistics.divergences import Estimate

ATTRIBUTE_TV = {
    "key": "attribute_tv",
    "label": "attributes' TV",
    "better": "lower",
    "digits": 3,
    "signature": "mean-total-variation|of:decisions|by:recogniser",
}
"""The column of samples' attributes, where a recogniser knows the images' labels."""
_SEED = 20170209
_MOST_FOR_COMPONENTS = 3000
_DRAWS, _CHUNK = 50, 100
_SAMPLES = 64
_SPARE_COMPONENTS, _POWER_STEPS = 16, 4


def damaged_pairs(corpus: ImageCorpus, name: str) -> ImagePairs:
    """Return test images with the named damage, the same for every model, as pairs with the clean ones."""
    damage = corruption(name)
    rng = torch.Generator().manual_seed(_SEED)
    sources = to_uint8(damage(to_float(corpus.test), rng))
    train = PairSplit(corpus.train, corpus.train, None, corpus.train_labels)
    test = PairSplit(sources, corpus.test, None, corpus.test_labels)
    return ImagePairs(train, test, corpus.label_names, damage, ())


def principal_rebuilding(train: Tensor, x: Tensor, dimensions: int) -> Tensor:
    """Return x [N,...] projected on the first principal components of train [M,...] about its mean."""
    rows, shape = train.flatten(1), x.shape
    mean, basis = rows.mean(0), principal_components(rows, dimensions)
    return ((x.flatten(1) - mean) @ basis @ basis.T + mean).view(shape)


def principal_components(rows: Tensor, dimensions: int) -> Tensor:
    """Return the first principal components of rows [M,F] about their mean, as columns [F,dimensions].

    They come from a randomised decomposition (Halko, Martinsson, Tropp 2011): those of 3,072 pixels take a
    second in place of half a minute.
    """
    most = min(dimensions + _SPARE_COMPONENTS, *rows.shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        _, _, vectors = torch.svd_lowrank(rows - rows.mean(0), q=most, niter=_POWER_STEPS)
    return vectors[:, :dimensions]


@dataclass(frozen=True)
class RebuildingScorer(PairScorer):
    """Scores and figures of an autoencoder."""

    dimensions: int = field(kw_only=True)
    """Dimensions of the code, and of the baseline."""

    def further_rows(self, game: Game, count: int) -> dict[str, Tensor]:
        """Return the reconstruction of the test images from principal components."""
        return {f"{self.dimensions} principal components": self._principal[:count]}

    def draw_figures(self, run: Run, game: Game) -> None:
        """Draw also map.png, where the code has two dimensions: codes of test images by their labels."""
        super().draw_figures(run, game)
        if self.dimensions == 2:
            test, names = self.pairs.test, self.pairs.label_names
            labels = {name: values for name, values in test.labels.items() if name in names}
            draw_code_map(self.codes(game), labels, names, run.log.figure_path("map.png"))

    @torch.no_grad()
    def codes(self, game: Game) -> Tensor:
        """Return the codes [N,d] of the test sources: means, where the encoder gives a distribution."""
        encoder = cast(Any, game.players["encoder"])
        encode = getattr(encoder, "mean", encoder)
        device, sources = device_of(encoder), to_float(self.pairs.test.sources)
        return torch.cat([encode(x.to(device)).cpu() for x in sources.split(_CHUNK)])

    def row_of_samples(self, name: str, drawn: Tensor) -> dict[str, Any]:
        """Return a row of images [N,C,H,W] that are drawn and have no truth: FD and attributes."""
        scores = self.comparison.scores(drawn)
        found = {"fd": scores["fd"]} if "fd" in scores else {}
        if (shown := self.comparison.attributes(drawn)) is not None:
            found["attribute_tv"] = shown.mean_distance
        return score_row(name, found)

    @cached_property
    def _principal(self) -> Tensor:
        train = to_float(self.pairs.train.targets[:_MOST_FOR_COMPONENTS])
        sources = to_float(self.pairs.test.sources)
        return principal_rebuilding(train, sources, self.dimensions).clamp(-1, 1)


class HasBounds(Protocol):
    """A game whose likelihood has bounds."""

    def bounds(self, x: Tensor, draws: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the ELBO and the importance-weighted bound [N] of images."""

    def code_divergence(self, x: Tensor) -> Tensor:
        """Return the mean divergence of each dimension of the code [d]."""


@dataclass(frozen=True)
class VariationalScorer(RebuildingScorer):
    """Scores and figures of a VAE: also its bounds and its samples."""

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Return also the ELBO on test images, and how many dimensions of the code are in use."""
        x = self._targets(self.settings.evaluation_pairs).to(device_of(game))
        bounded = cast(HasBounds, game)
        elbo, _ = bounded.bounds(x, 1, rng)
        used = (bounded.code_divergence(x) > 0.01).sum()
        return {
            **super().__call__(game, rng),
            "test_elbo": float(elbo.mean()),
            "codes_in_use": float(used),
        }

    def draw_figures(self, run: Run, game: Game) -> None:
        """Draw also grid.png: samples."""
        super().draw_figures(run, game)
        rng = torch.Generator(run.runtime.device).manual_seed(run.settings.seed)
        with torch.no_grad():
            save_grid(
                game.sample(_SAMPLES, rng=rng), run.log.figure_path("grid.png"), columns=8, scale=3
            )

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table with the bounds, and a row for the samples of each game."""
        table = super().record(title, games, seed)
        count = self.settings.score_pairs
        x = self._targets(count)
        columns = [
            ("elbo", "ELBO", f"nats-an-image|test-images:{len(x)}|draws:{_DRAWS}"),
            ("iw_bound", "IW bound", f"nats-an-image|test-images:{len(x)}|draws:{_DRAWS}"),
        ]
        for name, game in games.items():
            rng = torch.Generator(device_of(game)).manual_seed(seed)
            row = next(row for row in table["rows"] if row["name"] == name)
            parts = [
                cast(HasBounds, game).bounds(p.to(rng.device), _DRAWS, rng) for p in x.split(_CHUNK)
            ]
            for key, values in zip(("elbo", "iw_bound"), zip(*parts, strict=True), strict=True):
                _enter(row, key, torch.cat(values).double().cpu())
            with torch.no_grad():
                drawn = torch.cat([game.sample(len(p), rng=rng).cpu() for p in x.split(_CHUNK)])
            table["rows"].insert(
                len(table["rows"]) - 1, self.row_of_samples(f"samples of {name}", drawn)
            )
        keys = {key for row in table["rows"] for key in row["values"]}
        table["columns"] += [
            {"key": key, "label": label, "better": "higher", "digits": 1, "signature": signature}
            for key, label, signature in columns
        ]
        table["columns"] += [ATTRIBUTE_TV] if "attribute_tv" in keys else []
        table["notes"].append(
            "ELBO and IW bound: lower bounds of the log likelihood of a test image in nats: a density of "
            "pixels in [-1,1], or a probability if the likelihood is Bernoulli. They compare models of the "
            "same images and likelihood only."
        )
        return table


def _enter(row: dict[str, Any], key: str, values: Tensor) -> None:
    estimate = Estimate(float(values.mean()), float(values.std()) / len(values) ** 0.5)
    row["values"][key], row["errors"][key] = estimate.value, estimate.standard_error
