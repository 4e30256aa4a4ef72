"""Scores and figures of translators: source, output and truth side by side, and a table of scores.

The table always has three rows for comparison: the unchanged source, which may already be near the truth;
the truth, which is the best possible; and a baseline trained without a discriminator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from image_gans.evaluation.image_parts import applied, check_image_parts, save_image_parts
from image_gans.evaluation.image_table import score_row
from image_gans.evaluation.translation.pair_columns import (
    kept_attributes,
    pair_columns,
    pair_notes,
)
from image_gans.grids import enlargement, save_grid
from image_gans.metrics.attributes import recognisable
from image_gans.metrics.comparison import Comparison
from image_gans.metrics.pair_quality import error_maps, mean_of, pair_quality
from image_gans.metrics.perception.feature_maps import Perception
from image_gans.metrics.perception.perceptual_choice import perception_of_file
from image_gans.metrics.recogniser import Recogniser
from image_gans.metrics.trained_recogniser import accuracies, recognise
from seqgan_kit.core.bounds import Several, bounded
from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.log import SHEET_COLUMNS, SHEETS
from seqgan_kit.core.runs.run import Run
from seqgan_kit.data.images.image_account import ImageAccount
from seqgan_kit.data.images.load_images import ImageCorpus
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.data.pairs.image_pairs import ImagePairs
from seqgan_kit.errors import UsageError
from seqgan_kit.metrics.statistics.divergences import Estimate

_SHOWN, _COLUMNS = 16, 4
_CHUNK = 64


@dataclass(frozen=True)
@bounded
class PairScoreSettings:
    """Number of pairs for scoring."""

    score_pairs: Several = 500
    """Test pairs for the final table."""
    evaluation_pairs: Several = 100
    """Test pairs for each evaluation during the run."""
    features: str = "auto"
    """What attributes and FD are taken by: classifier (trained on the targets' own labels, a minute or
    two on a CPU, and kept), random, none, or a classifier's .safetensors file. auto: the classifier
    where there are labels and at least 500 pairs are scored, else random."""
    lpips: str = "auto"
    """Network of the LPIPS-like score: auto (the one that FD is taken by, if it has feature maps), none,
    vgg:FILE (torchvision's weights of vgg16 or vgg19), or a recogniser's .safetensors file."""
    lpips_heads: str = ""
    """File of LPIPS's fitted weights for vgg16; with them the score is LPIPS."""


@dataclass(frozen=True)
class PairScorer:
    """Scores and figures of image-to-image models.

    Attributes:
        pairs: what the model is trained on; its test split is scored.
        settings: how many pairs.
        verb: translate, or rebuild.
        parts: players that make up the exported model.
        baselines: further rows, by the name of the row: players of the game in place of the parts.
        plain: further rows, by the name of the row: functions of the sources, such as an interpolation.
    """

    pairs: ImagePairs
    settings: PairScoreSettings = PairScoreSettings()
    verb: str = "translate"
    parts: tuple[str, ...] = ("generator",)
    baselines: Mapping[str, Mapping[str, str]] | None = None
    verbs: tuple[str, ...] = ("translate",)
    plain: Mapping[str, Callable[[Tensor], Tensor]] | None = None

    def __post_init__(self) -> None:
        self.comparison.check()
        named = self.settings.lpips not in ("auto", "none") or self.settings.lpips_heads
        if named and self.perception is not None:
            self.perception.maps(self._sources(1))

    def check(self, game: Game) -> None:
        """Raise UsageError, before training, for a model that could not be saved."""
        check_image_parts(self.parts_of(game), self.verbs)

    def export(self, game: Game, folder: Path, about: Mapping[str, Any]) -> None:
        """Write the game's parts into a run's ``model`` folder."""
        save_image_parts(folder, self.parts_of(game), self.verbs, about)

    def parts_of(self, game: Game) -> dict[str, nn.Module]:
        """Return the parts of the model by name."""
        return {name: game.players[name] for name in self.parts}

    @cached_property
    def comparison(self) -> Comparison:
        """Return the targets in the form that outputs are compared with."""
        train, test, names = self.pairs.train, self.pairs.test, dict(self.pairs.label_names)
        names = {name: values for name, values in names.items() if name in train.labels}
        side, channels = train.targets.shape[-1], train.targets.shape[1]
        corpus = ImageCorpus(
            train=train.targets, test=test.targets, train_labels=dict(train.labels),
            test_labels=dict(test.labels), label_names=names, train_captions=[], test_captions=[],
            account=ImageAccount(side, channels, {}, names),
        )  # fmt: skip
        return Comparison(corpus, self.settings.features, self.settings.score_pairs, seed=0)

    @cached_property
    def perception(self) -> Perception | None:
        """Return the network of the LPIPS-like score; None if there is none."""
        choice, heads = self.settings.lpips, self.settings.lpips_heads
        if choice not in ("auto", "none"):
            return perception_of_file(choice, heads)
        if heads:
            raise UsageError(
                f"--lpips-heads {heads} are weights for VGG-16, and --lpips is {choice}: give --lpips "
                "vgg:FILE."
            )
        extractor = self.comparison.extractor
        if choice == "none" or extractor is None or not hasattr(extractor.network, "maps"):
            return None
        known = isinstance(extractor.network, Recogniser)
        return Perception("recogniser" if known else extractor.name, extractor.network)

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Return PSNR and SSIM on some test pairs: the evaluation hook."""
        count = self.settings.evaluation_pairs
        outputs = self.outputs(self.parts_of(game), count)
        found = pair_quality(outputs, self._targets(count))
        return {name: estimate.value for name, estimate in found.items()}

    def draw_grid(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """Draw source, output and truth of some test pairs, always the same: the sampling hook."""
        outputs = self.outputs(self.parts_of(game), _SHOWN)
        truth = [self._targets(_SHOWN)] if self.pairs.matched else []
        self._save([self._sources(_SHOWN), outputs, *truth], path.with_suffix(".png"))

    def draw_figures(self, run: Run, game: Game) -> None:
        """Draw pairs.png: source, each baseline, output, truth and the output's error of some test pairs, and
        the same sources, outputs and truths on three sheets that the report lays over each other."""
        outputs, targets = self.outputs(self.parts_of(game), _SHOWN), self._targets(_SHOWN)
        others = [*self._other_outputs(game, _SHOWN).values()]
        truth = [targets, error_maps(outputs, targets)] if self.pairs.matched else []
        shown = [self._sources(_SHOWN), *others, outputs, *truth]
        self._save(shown, run.log.figure_path("pairs.png"))
        sheets = (self._sources(_SHOWN), outputs, targets) if self.pairs.matched else ()
        for name, images in zip(SHEETS, sheets, strict=False):
            scale = enlargement(images)
            save_grid(images, run.log.figure_path(name), columns=SHEET_COLUMNS, scale=scale)

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table of scores.json: source, baselines, each game, truth."""
        count = self.settings.score_pairs
        sources, targets = self._sources(count), self._targets(count)
        rows = [self._row("source, untouched", sources, reference=True)]
        for name, game in games.items():
            for baseline, outputs in self._other_outputs(game, count).items():
                rows.append(self._row(baseline, outputs))
            rows.append(self._row(name, self.outputs(self.parts_of(game), count)))
        rows.append(self._row("truth", targets, reference=True))
        keys = {key for row in rows for key in row["values"]}
        size = f"px:{'x'.join(map(str, targets.shape[1:]))}|pairs:{len(targets)}"
        columns = pair_columns(keys, size, self.perception)
        return {"title": title, "columns": columns, "rows": rows, "notes": pair_notes(keys)}

    def further_rows(self, game: Game, count: int) -> dict[str, Tensor]:
        """Return outputs [count,C,H,W] of baselines that are not players, by the name of the row."""
        sources = self._sources(count)
        return {name: function(sources) for name, function in (self.plain or {}).items()}

    def _other_outputs(self, game: Game, count: int) -> dict[str, Tensor]:
        """Return every baseline's outputs for the first test sources."""
        players = {
            row: self.outputs({part: game.players[name] for part, name in parts.items()}, count)
            for row, parts in (self.baselines or {}).items()
        }
        return {**players, **self.further_rows(game, count)}

    def _row(self, name: str, outputs: Tensor, reference: bool = False) -> dict[str, Any]:
        count, test = len(outputs), self.pairs.test
        found: dict[str, Estimate] = {}
        if name != "truth" and self.pairs.matched:
            masks = None if test.masks is None else test.masks[:count]
            found |= pair_quality(outputs, self._targets(count), masks)
            if self.perception is not None:
                found["lpips"] = mean_of(self.perception.lpips(outputs, self._targets(count)))
        scores = self.comparison.scores(outputs)
        found |= {"fd": scores["fd"]} if "fd" in scores else {}
        if (recogniser := self.comparison.recogniser) is not None:
            labels, _ = recognisable(dict(test.labels), dict(self.pairs.label_names))
            seen = accuracies(
                recognise(recogniser, outputs), {k: v[:count] for k, v in labels.items()}
            )
            found |= kept_attributes(seen)
        row = score_row(name, found)
        return {**row, "reference": True} if reference else row

    @torch.no_grad()
    def outputs(self, parts: Mapping[str, nn.Module], count: int) -> Tensor:
        """Return the parts' outputs [N,C,H,W] for the first test sources, on the CPU."""
        device = device_of(parts["generator"])
        made = [applied(self.verb, parts, x.to(device)) for x in self._sources(count).split(_CHUNK)]
        return torch.cat(made).float().cpu()

    def _sources(self, count: int) -> Tensor:
        return to_float(self.pairs.test.sources[:count])

    def _targets(self, count: int) -> Tensor:
        return to_float(self.pairs.test.targets[:count])

    def _save(self, shown: Sequence[Tensor], path: Path) -> None:
        """Return the images of pairs side by side, several pairs in a row."""
        images = torch.stack(list(shown), 1).flatten(0, 1)
        scale = enlargement(images)
        save_grid(
            images, path, columns=len(shown) * max(1, _COLUMNS * 3 // len(shown)), scale=scale
        )
