"""Scores and figures of models that generate images from captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from image_gans.evaluation.captions.caption_truth import Agreement, shown_facts
from image_gans.evaluation.captions.painting import painted
from image_gans.evaluation.image_parts import check_image_parts, save_image_parts
from image_gans.evaluation.image_scores import ImageScorer
from image_gans.evaluation.image_table import REAL, score_row
from image_gans.grids import enlargement, save_grid
from image_gans.metrics.diversity import diversity
from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run
from seqgan_kit.data.images.captioned import CaptionedImages
from seqgan_kit.data.images.pixels import to_float, to_uint8

_COLUMNS, _ROWS = 8, 8
_SAME, _REPEATS = 32, 8
"""Captions for the diversity of one caption's images, and images of each."""
MISMATCHED = "real data, captions of others"
SKETCHES = "stage I alone, enlarged"
_VERBS = ("paint",)


@dataclass(frozen=True)
class CaptionScorer(ImageScorer):
    """A scorer of games that generate images from captions."""

    captioned: CaptionedImages = field(kw_only=True)
    """The corpus with its captions."""

    def check(self, game: Game) -> None:
        """Refuse, before training, a model that could not be saved."""
        check_image_parts(parts_of(game), _VERBS)

    def export(self, game: Game, folder: Path, about: Mapping[str, Any]) -> None:
        """Write the encoder of captions and the generator into a run's ``model`` folder."""
        save_image_parts(folder, parts_of(game), _VERBS, about)

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Compute the diversity of samples, and, if a recogniser is there, the facts that images show."""
        found = super().__call__(game, rng)
        captions = self.test_captions(self.settings.evaluation_samples)
        shown = self.shown(painted(parts_of(game), captions, rng), captions)
        return found if shown is None else {**found, "facts_shown": shown.facts.value}

    def draw_grid(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """Draw images of the same captions and noise every time; a row has one caption."""
        captions = [caption for caption in self.test_captions(_ROWS) for _ in range(_COLUMNS)]
        images = painted(parts_of(game), captions, rng)
        save_grid(images, path.with_suffix(".png"), columns=_COLUMNS, scale=enlargement(images))

    def draw_figures(self, run: Run, game: Game) -> None:
        """Write figures/: grid.png with a test caption per row, grid.txt with the captions, real.png with
        their real images, and nearest.png."""
        rng = torch.Generator(run.runtime.device).manual_seed(run.settings.seed)
        self.draw_grid(game, rng, run.log.figure_path("grid.png"))
        captions = self.test_captions(_ROWS)
        run.log.figure_path("grid.txt").write_text("\n".join(captions) + "\n", encoding="utf-8")
        real = self.test_images(_ROWS)
        save_grid(real, run.log.figure_path("real.png"), columns=1, scale=enlargement(real))
        self.draw_nearest(run, painted(parts_of(game), self.test_captions(256), rng))

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table with the facts that images show, and a row of chance: real images with captions
        of others."""
        table = super().record(title, games, seed)
        count = self.comparison.compared
        captions = self.test_captions(count)
        others = [*captions[1:], captions[0]]
        found = {REAL: self.shown(self.test_images(count), captions)}
        found[MISMATCHED] = self.shown(self.test_images(count), others)
        rows = {row["name"]: row for row in table["rows"]}
        if any(found.values()):
            rows[MISMATCHED] = {"name": MISMATCHED, "values": {}, "errors": {}, "reference": True}
        for name, game in games.items():
            rng = torch.Generator(device_of(game)).manual_seed(seed)
            found[name] = self.shown(painted(parts_of(game), captions, rng), captions)
            values = rows[name]["values"]
            values["caption_diversity"] = self.diversity_of_captions(game, rng)
            if "sketcher" in game.players:
                sketches = self.sketches(game, captions, seed)
                found[SKETCHES] = self.shown(sketches, captions)
                scores = self.comparison.scores(sketches)
                rows[SKETCHES] = score_row(SKETCHES, scores)
        for name, shown in found.items():
            if shown is not None:
                told = {"facts": shown.facts, "whole": shown.whole}
                rows[name]["values"] |= {key: e.value for key, e in told.items()}
                rows[name]["errors"] |= {key: e.standard_error for key, e in told.items()}
        columns = _columns(count, any(found.values()))
        notes = [told_note(found)] if any(found.values()) else []
        return {
            **table,
            "columns": [*columns, *table["columns"]],
            "rows": [*rows.values()],
            "notes": [*notes, *table["notes"]],
        }

    def sketches(self, game: Game, captions: Sequence[str], seed: int) -> Tensor:
        """Return the images of stage I [N,C,H,W] for captions, enlarged by bicubic interpolation."""
        parts = parts_of(game)
        first = {"caption_encoder": parts["caption_encoder"], "generator": parts["sketcher"]}
        drawn = painted(first, captions, torch.Generator(device_of(game)).manual_seed(seed))
        size = list(self.captioned.corpus.train.shape[2:])
        larger = functional.interpolate(drawn, size, mode="bicubic", align_corners=False)
        return larger.clamp(-1, 1)

    def diversity_of_captions(self, game: Game, rng: torch.Generator) -> float:
        """Return the diversity of images of one caption, a mean over test captions."""
        values = [
            diversity(painted(parts_of(game), [caption] * _REPEATS, rng))
            for caption in self.test_captions(_SAME)
        ]
        return sum(values) / len(values)

    def shown(self, images: Tensor, captions: Sequence[str]) -> Agreement | None:
        """Return how images agree with their captions; None without a recogniser or known facts."""
        recogniser = self.comparison.recogniser
        if recogniser is None:
            return None
        return shown_facts(recogniser, to_float(to_uint8(images)), captions)

    def test_captions(self, most: int) -> list[str]:
        """Return up to ``most`` test captions, evenly spaced; training captions if there are none."""
        return self.captioned.examples(most)[0]

    def test_images(self, most: int) -> Tensor:
        """Return the images [N,C,H,W] of :meth:`test_captions`."""
        return self.captioned.examples(most)[1]


def parts_of(game: Game) -> dict[str, nn.Module]:
    """Return the parts of the exported model: the encoder of captions and the generators."""
    names = ("caption_encoder", "sketcher", "generator")
    return {name: game.players[name] for name in names if name in game.players}


def told_note(found: Mapping[str, Agreement | None]) -> str:
    """Return a note with the share of images that show what their caption tells, by label."""
    rows = [
        f"{name}: " + ", ".join(f"{label} {e.value:.0%}" for label, e in shown.by_label.items())
        for name, shown in found.items()
        if shown is not None
    ]
    return (
        "Facts shown: of all that captions tell (of the first cat and the scene), the share that the "
        "recogniser sees in the image. Whole captions: the share of images that show everything. Real "
        f"data with captions of others are chance. {'; '.join(rows)}."
    )


def _columns(count: int, recognised: bool) -> list[dict[str, Any]]:
    told = [
        {"key": "facts", "label": "facts shown", "better": "higher", "digits": 3,
         "signature": f"share-of-told-facts|by:recogniser|captions:{count}"},
        {"key": "whole", "label": "whole captions", "better": "higher", "digits": 3,
         "signature": f"share-of-images-that-show-all-facts|by:recogniser|captions:{count}"},
    ]  # fmt: skip
    each = f"captions:{_SAME}|images-each:{_REPEATS}"
    alone = {
        "key": "caption_diversity",
        "label": "diversity of one caption",
        "better": None,
        "digits": 3,
        "signature": f"mean-pairwise-rms|range:-1..1|{each}",
    }
    return [*(told if recognised else []), alone]
