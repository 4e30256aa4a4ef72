"""Scores and figures of images of captions that chains of features draw."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from image_gans.evaluation.captions.caption_truth import shown_facts
from image_gans.evaluation.captions.painting import painted_by_steps
from image_gans.evaluation.image_table import score_row
from image_gans.evaluation.latent.steering_scores import (
    CHAINS,
    COLUMNS,
    SteeringScorer,
    SteeringSettings,
    drawing_model,
    images_of,
    parts_of,
)
from image_gans.grids import enlargement, save_grid
from image_gans.latent.langevin import Steering
from image_gans.metrics.attributes import is_catworld
from image_gans.metrics.diversity import diversity
from image_gans.metrics.pair_quality import mean_of
from seqgan_kit.core.discriminator import device_of, evaluating
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run
from seqgan_kit.data.images.captioned import CaptionedImages
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.pixels import to_float, to_uint8
from seqgan_kit.metrics.statistics.divergences import Estimate

CHANCE, UNTOLD = "real images, captions of others", "no condition"
_SAME, _REPEATS = 8, 8
"""Captions for the diversity of one caption's images, and images of each."""

_CHUNK = 128
_FACTS: Mapping[str, tuple[str, str | None, int, str]] = {
    "facts": ("facts shown", "higher", 3, "share-of-told-facts|by:recogniser"),
    "whole": ("whole captions", "higher", 3, "share-of-images-that-show-all-facts|by:recogniser"),
    "nll": ("caption NLL", "lower", 2, "nats-per-caption|by:captioning-model-of-the-run"),
    "caption_diversity": (
        "diversity of one caption",
        None,
        3,
        f"mean-pairwise-rms|range:-1..1|of:{_SAME}|images-each:{_REPEATS}",
    ),
    "milliseconds": ("ms an image", "lower", 1, "wall-clock"),
}

Draw = Callable[[Sequence[str]], Tensor]
"""An image [N,C,H,W] for each caption."""


@dataclass(frozen=True)
class CaptionSteeringScorer(SteeringScorer):
    """A scorer of chains whose conditions are captions."""

    captioned: CaptionedImages = field(kw_only=True)
    """The corpus with its captions."""

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Return, also, the negative log-likelihood of test captions given their images, in nats."""
        captions, images = self.captioned.examples(self.settings.evaluation_images)
        nll = -self._log_prob(game, images, captions).mean().item()
        return {**super().__call__(game, rng), "test_caption_nll": nll}

    def draw_figures(self, run: Run, game: Game) -> None:
        """Write figures/: grid.png, captions.png with a test caption per row, and captions.txt with these."""
        rng = torch.Generator(run.runtime.device).manual_seed(run.settings.seed)
        self.draw_grid(game, rng, run.log.figure_path("grid.png"))
        captions, _ = self.captioned.examples(COLUMNS)
        with evaluating(*parts_of(game).values()):
            images = self._steered(game, self.steering, rng)(repeated(captions, COLUMNS))
        path = run.log.figure_path("captions.png")
        save_grid(images, path, columns=COLUMNS, scale=enlargement(images))
        run.log.figure_path("captions.txt").write_text("\n".join(captions) + "\n", encoding="utf-8")

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table: a row for each way to draw an image of a caption."""
        captions, real = self.captioned.examples(self.settings.steered_captions)
        others, rows = [*captions[1:], captions[0]], list[dict[str, Any]]()
        for game in games.values():
            rng = torch.Generator(device_of(game)).manual_seed(seed)
            with evaluating(*parts_of(game).values()):
                of_real = self.of_features(game, real)
                rows.append(self._row("real images", game, real, captions))
                rows.append(self._row(CHANCE, game, real, others))
                rows.append(self._row("G of real features", game, of_real, captions))
                for name, (prior, noisy) in CHAINS.items():
                    draw = self._steered(game, self.how(prior, noisy), rng)
                    rows.append(self._drawn_row(name, game, draw, captions))
                rows += self._unsteered_rows(game, rng, captions)
        columns, notes = _columns(rows, len(captions)), self._notes()
        return {"title": title, "columns": columns, "rows": rows, "notes": notes}

    def _steered(self, game: Game, how: Steering, rng: torch.Generator) -> Draw:
        return partial(painted_by_steps, drawing_model(game, how), rng=rng)

    def _unsteered_rows(
        self, game: Game, rng: torch.Generator, captions: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Return rows of images drawn without a condition: any of them, and by the caption's likelihood."""
        begun, model = time.perf_counter(), drawing_model(game, self.steering)
        drawn = images_of(model, model.latents(self.settings.rejected_images, rng))
        seconds = time.perf_counter() - begun
        chances: dict[str, Tensor] = {}

        def by_likelihood(captions: Sequence[str]) -> Tensor:
            for caption in captions:
                if caption not in chances:
                    found = self._log_prob(game, drawn, [caption] * len(drawn))
                    chances[caption] = found.softmax(0).to(rng.device)
            places = [torch.multinomial(chances[c], 1, generator=rng) for c in captions]
            return drawn[torch.cat(places).to(drawn.device)].cpu()

        def any_of_them(captions: Sequence[str]) -> Tensor:
            order = torch.randperm(len(drawn), generator=rng, device=rng.device).to(drawn.device)
            return drawn[order[torch.arange(len(captions)) % len(drawn)]].cpu()

        each, all_of_them = seconds / len(drawn), seconds / len(captions)
        return [
            self._drawn_row(UNTOLD, game, any_of_them, captions, each),
            self._drawn_row("rejection", game, by_likelihood, captions, all_of_them),
        ]

    def _drawn_row(
        self, name: str, game: Game, draw: Draw, captions: Sequence[str], before: float = 0.0
    ) -> dict[str, Any]:
        """Return the row of what ``draw`` makes of captions; ``before`` is seconds spent before, an image."""
        begun = time.perf_counter()
        images = draw(captions)
        seconds = before + (time.perf_counter() - begun) / len(images)
        same = [diversity(draw([caption] * _REPEATS)) for caption in captions[:_SAME]]
        found = {
            "caption_diversity": Estimate(sum(same) / len(same), math.nan),
            "milliseconds": Estimate(1000 * seconds, math.nan),
        }
        return self._row(name, game, images, captions, found)

    def _row(
        self,
        name: str,
        game: Game,
        images: Tensor,
        captions: Sequence[str],
        found: Mapping[str, Estimate] | None = None,
    ) -> dict[str, Any]:
        """Return the row of images [N,C,H,W] of captions, an image each; a reference if nothing else is
        ``found``."""
        images = to_float(to_uint8(images))
        scores = {"nll": mean_of(-self._log_prob(game, images, captions).double())}
        if is_catworld(self.corpus.label_names) and (
            shown := shown_facts(self.law.recogniser, images, captions)
        ):
            scores = {"facts": shown.facts, "whole": shown.whole, **scores}
        reference = {} if found else {"reference": True}
        return {**score_row(name, {**scores, **(found or {})}), **reference}

    @torch.no_grad()
    def _log_prob(self, game: Game, images: Tensor, captions: Sequence[str]) -> Tensor:
        """Return log p(caption | image) [N] by the game's captioning model."""
        with evaluating(*parts_of(game).values()):
            model = drawing_model(game, self.steering)
            assert model.writer is not None
            rows, device = model.writer.rows(captions), device_of(game)
            parts = zip(images.split(_CHUNK), rows.split(_CHUNK), strict=True)
            return torch.cat([model.described(x.to(device), row).cpu() for x, row in parts])

    def _notes(self) -> list[str]:
        steps, most = self.steering, self.settings.rejected_images
        return [
            "Facts shown: of all that captions tell (of the first cat and the scene), the share that another "
            "recogniser sees in the image. Whole captions: the share of images that show everything. Caption "
            "NLL: by the model's own captioning model, which steers the chains.",
            f"Chains have {steps.moves} steps with epsilons {steps.epsilon1:g}, {steps.epsilon2:g} and "
            f"{steps.epsilon3:g}; without a prior there is no noise. No condition: any of {most} images "
            "drawn without a caption. Rejection draws from these, with replacement, with probabilities "
            "proportional to p(caption | image).",
        ]


def steering_scorer(
    corpus: ImageCorpus,
    told: CaptionedImages | None,
    steering: Steering,
    settings: SteeringSettings,
) -> SteeringScorer:
    """Return the scorer of chains whose conditions are captions, if there are any, or else classes."""
    if told is None:
        return SteeringScorer(corpus, steering, settings)
    return CaptionSteeringScorer(corpus, steering, settings, captioned=told)


def repeated(captions: Sequence[str], times: int) -> list[str]:
    """Return every caption so many times in a row."""
    return [caption for caption in captions for _ in range(times)]


def _columns(rows: Sequence[Mapping[str, Any]], captions: int) -> list[dict[str, Any]]:
    """Return the columns of these rows."""
    keys = {key for row in rows for key in row["values"]}
    return [
        {"key": key, "label": label, "better": better, "digits": digits,
         "signature": f"{fact}|captions:{captions}"}
        for key, (label, better, digits, fact) in _FACTS.items() if key in keys
    ]  # fmt: skip
