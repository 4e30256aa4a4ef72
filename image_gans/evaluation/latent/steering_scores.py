"""Scores and figures of images of a condition that chains of features draw."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from image_gans.evaluation.image_parts import check_image_parts, save_image_parts
from image_gans.evaluation.latent.conditional_law import ConditionalLaw
from image_gans.grids import enlargement, save_grid
from image_gans.latent.langevin import Prior, Steering
from image_gans.latent.steered_generator import SETTING, SteeredGenerator
from image_gans.metrics.diversity import diversity
from image_gans.metrics.pair_quality import psnr
from image_gans.metrics.recogniser import Recogniser
from seqgan_kit.core.bounds import Positive, Several, bounded
from seqgan_kit.core.discriminator import device_of, evaluating
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run
from seqgan_kit.core.runs.settings import to_dict
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import UsageError, unknown

PARTS = ("generator", "recogniser", "denoiser", "caption_writer")
"""Parts of the exported model; the last one is there if captions are conditions."""
COLUMNS, _CHUNK = 8, 128
CHAINS: Mapping[str, tuple[Prior, bool]] = {
    "PPGN-h": ("denoiser", True),
    "noiseless joint PPGN-h": ("joint", True),
    "no prior": ("none", False),
}
"""Rows of chains: the prior, and whether there is noise."""


@dataclass(frozen=True)
@bounded
class SteeringSettings:
    """Conditions that are scored, and number of images."""

    steered_label: str = ""
    """Label whose classes are the conditions to score (default: the first label of the images)."""
    steered_images: Several = 64
    """Images of each condition in each row."""
    rejected_images: Several = 512
    """Images drawn without a condition, of which each condition keeps those that show it."""
    evaluation_images: Several = 64
    """Reconstructed test images for each evaluation during training."""
    scoring_steps: Positive = 600
    """Updates of the recogniser that scores, which is trained once and kept."""
    steered_captions: Several = 64
    """With captions as conditions: test captions in each row, an image each."""


@dataclass(frozen=True)
class SteeringScorer:
    """Scores, figures and export of a game of a recogniser, a generator from its features and a denoiser."""

    corpus: ImageCorpus
    steering: Steering
    settings: SteeringSettings = field(default_factory=SteeringSettings)

    def __post_init__(self) -> None:
        if not self.corpus.label_names:
            raise UsageError(
                "these images have no labels, so no recogniser can name a condition. Sort them into "
                "sub-folders, one per class, or name the label column of a parquet file with --label-column."
            )
        if self.label not in self.corpus.label_names:
            raise unknown("label to steer", self.label, self.corpus.label_names)

    @cached_property
    def law(self) -> ConditionalLaw:
        """The scores of images of each condition."""
        return ConditionalLaw(self.corpus, self.label, self.settings.scoring_steps)

    @property
    def label(self) -> str:
        """The label whose classes are scored."""
        return self.settings.steered_label or next(iter(self.corpus.label_names))

    def check(self, game: Game) -> None:
        """Refuse, before training, a model that could not be saved."""
        check_image_parts(parts_of(game), verbs_of(game))

    def export(self, game: Game, folder: Path, about: Mapping[str, Any]) -> None:
        """Write generator, recogniser and denoiser into a run's ``model`` folder, and how to draw."""
        how = {**about, SETTING: to_dict(self.steering)}
        save_image_parts(folder, parts_of(game), verbs_of(game), how)

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Return diversity and PSNR of test images that G draws of their features."""
        x = self.tested[: self.settings.evaluation_images]
        rebuilt = self.of_features(game, x)
        return {"diversity": diversity(rebuilt), "rebuilt_psnr": float(psnr(rebuilt, x).mean())}

    def draw_grid(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """Draw test images, and below each row what G draws of their features."""
        x = self.tested[: 4 * COLUMNS]
        rows = zip(x.split(COLUMNS), self.of_features(game, x).split(COLUMNS), strict=True)
        shown = torch.cat([part for pair in rows for part in pair])
        save_grid(shown, path.with_suffix(".png"), columns=COLUMNS, scale=enlargement(x))

    def real_diversity(self) -> float:
        """Return the diversity of test images."""
        return diversity(self.tested)

    def draw_figures(self, run: Run, game: Game) -> None:
        """Write figures/: grid.png, and conditions.png with a row of images for each condition."""
        rng = torch.Generator(run.runtime.device).manual_seed(run.settings.seed)
        self.draw_grid(game, rng, run.log.figure_path("grid.png"))
        with evaluating(*parts_of(game).values()), torch.no_grad():
            drawn = [self._drawn(game, self.steering, c, COLUMNS, rng) for c in self._classes]
        images = torch.cat(drawn)
        path = run.log.figure_path("conditions.png")
        save_grid(images, path, columns=COLUMNS, scale=enlargement(images))

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table: a row for each way to draw images of a condition, means over conditions."""
        real = {c: self._real(c) for c in self._classes}
        rows = [self.law.row("real images", real)]
        for game in games.values():
            rng = torch.Generator(device_of(game)).manual_seed(seed)
            with evaluating(*parts_of(game).values()), torch.no_grad():
                of_real = {c: self.of_features(game, x) for c, x in real.items()}
                rows.append(self.law.row("G of real features", of_real))
                for name, (prior, noisy) in CHAINS.items():
                    rows.append(self._chained(name, game, self.how(prior, noisy), rng))
                rows.append(self._rejected(game, rng))
        columns = self.law.columns(rows, self.settings.steered_images)
        return {"title": title, "columns": columns, "rows": rows, "notes": self._notes()}

    def how(self, prior: Prior, noisy: bool) -> Steering:
        """Return the settings of a chain with this prior, with or without noise."""
        steps = replace(self.steering, prior=prior)
        return steps if noisy else replace(steps, epsilon3=0.0)

    @cached_property
    def tested(self) -> Tensor:
        """Return test images [N,C,H,W] in [-1,1], or training images if there are no others."""
        test = self.corpus.test
        return to_float(test if len(test) > 1 else self.corpus.train[:256])

    @property
    def _classes(self) -> range:
        return range(len(self.corpus.label_names[self.label]))

    def _chained(
        self, name: str, game: Game, how: Steering, rng: torch.Generator
    ) -> dict[str, Any]:
        begun, count = time.perf_counter(), self.settings.steered_images
        drawn = {c: self._drawn(game, how, c, count, rng) for c in self._classes}
        seconds = (time.perf_counter() - begun) / (count * len(drawn))
        return self.law.row(name, drawn, 1000 * seconds)

    def _rejected(self, game: Game, rng: torch.Generator) -> dict[str, Any]:
        """Return the row of images drawn without a condition that the game's recogniser names as wished."""
        begun, most = time.perf_counter(), self.settings.rejected_images
        model = drawing_model(game, replace(self.steering, prior="denoiser"))
        images = images_of(model, model.latents(most, rng))
        place = model.config.conditions.names.index(self.label)
        kept = {c: images[model.named(images, {place: c})].cpu() for c in self._classes}
        kept = {c: x[: self.settings.steered_images] for c, x in kept.items() if len(x) > 1}
        seconds = (time.perf_counter() - begun) / max(1, sum(map(len, kept.values())))
        return self.law.row("rejection", kept, 1000 * seconds)

    def _drawn(
        self, game: Game, how: Steering, number: int, count: int, rng: torch.Generator
    ) -> Tensor:
        model = drawing_model(game, how)
        wanted = {model.config.conditions.names.index(self.label): number}
        return images_of(model, model.latents(count, rng, wanted)).cpu()

    def of_features(self, game: Game, x: Tensor) -> Tensor:
        """Return what G draws of the features of images [N,C,H,W]."""
        generator, recogniser = game.players["generator"], game.players["recogniser"]
        with evaluating(generator, recogniser), torch.no_grad():
            parts = [
                generator(cast(Recogniser, recogniser).places(part).flatten(1))
                for part in x.to(device_of(game)).split(_CHUNK)
            ]
        return torch.cat(parts).float().cpu()

    def _real(self, number: int) -> Tensor:
        """Return training images of a class, as many as a row has."""
        rows = (self.corpus.train_labels[self.label] == number).nonzero().flatten()
        return to_float(self.corpus.train[rows[: self.settings.steered_images]])

    def _notes(self) -> list[str]:
        steps = self.steering
        return [
            f"As told: share of images whose {self.label} another recogniser names as asked. TV: total "
            f"variation distance between the shares of the other labels' classes and their probabilities "
            f"given the {self.label}, a mean over labels; real images show the floor of "
            f"{self.settings.steered_images} images. All are means over conditions.",
            f"Chains have {steps.moves} steps with epsilons {steps.epsilon1:g}, {steps.epsilon2:g} and "
            f"{steps.epsilon3:g}; without a prior there is no noise. Rejection keeps those of "
            f"{self.settings.rejected_images} images drawn without a condition that the model's recogniser "
            "names.",
        ]


def drawing_model(game: Game, how: Steering) -> SteeredGenerator:
    """Return the generator of images of a condition, of a game's players."""
    players: Any = parts_of(game)
    return SteeredGenerator(
        players["generator"],
        players["recogniser"],
        players["denoiser"],
        how,
        players.get("caption_writer"),
    ).eval()


def parts_of(game: Game) -> dict[str, nn.Module]:
    """Return the parts of the exported model."""
    return {name: game.players[name] for name in PARTS if name in game.players}


def verbs_of(game: Game) -> tuple[str, ...]:
    """Return what the exported model can do."""
    return ("sample", "paint") if "caption_writer" in game.players else ("sample",)


@torch.no_grad()
def images_of(model: SteeredGenerator, features: Tensor) -> Tensor:
    return torch.cat([model(part) for part in features.split(_CHUNK)]).float()
