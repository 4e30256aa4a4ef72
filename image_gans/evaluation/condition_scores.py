"""Scores of conditional models: whether samples show the requested classes, by a recogniser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from image_gans.conditions import ODD, Conditions, with_odd_eyes
from image_gans.evaluation.image_scores import ImageScorer
from image_gans.grids import enlargement, save_grid
from image_gans.metrics.attributes import ODD_EYES
from image_gans.metrics.comparison import Comparison
from image_gans.metrics.recogniser import Recogniser
from image_gans.metrics.trained_recogniser import accuracies, recognise
from image_gans.networks.conditional import ConditionalGenerator
from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run
from seqgan_kit.data.images.pixels import to_float, to_uint8

_CHUNK = 128
_COLUMNS, _MOST_ROWS = 8, 24  # of conditions.png


@dataclass(frozen=True)
class ConditionScorer(ImageScorer):
    """A scorer of conditional games."""

    conditions: Conditions = field(kw_only=True)
    """Conditions of the model."""

    def draw_figures(self, run: Run, game: Game[ConditionalGenerator]) -> None:
        """Also draw conditions.png: a row per class of each label, up to a limit; columns share everything
        else.
        """
        super().draw_figures(run, game)
        rng = torch.Generator(run.runtime.device).manual_seed(run.settings.seed)
        generator = game.generator
        with torch.no_grad():
            latents = class_sweep(generator, _COLUMNS, rng)[:_MOST_ROWS]
            pictures = torch.cat([generator(row) for row in latents])
        scale = enlargement(pictures)
        save_grid(pictures, run.log.figure_path("conditions.png"), columns=_COLUMNS, scale=scale)

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table with the label accuracy of samples, if a recogniser is available."""
        table = super().record(title, games, seed)
        generators = {name: game.generator for name, game in games.items()}
        add_told(table, self.comparison, self.conditions, generators, seed)
        return table


def add_told(
    table: dict[str, Any],
    comparison: Comparison,
    conditions: Conditions,
    generators: Mapping[str, ConditionalGenerator],
    seed: int,
) -> None:
    """Add the share of samples that show the requested label to a table, if there is a recogniser.

    Args:
        table: with a row for each generator, and one for real data.
        comparison: source of the recogniser and the real images.
        conditions: conditions of the generators.
        generators: generators by the name of their row.
        seed: seed of the samples.
    """
    recogniser = comparison.recogniser
    if recogniser is None:
        return
    real = with_odd_eyes(comparison.corpus)
    test = to_float(real.test)
    found = {"real data": _kept(recogniser, conditions, test, real.test_labels)}
    for name, generator in generators.items():
        rng = torch.Generator(device_of(generator)).manual_seed(seed)
        drawn = _draw_told(generator, conditions, comparison.compared, rng)
        found[name] = _kept(recogniser, conditions, *drawn)
    for row in table["rows"]:
        shares = found.get(row["name"], {})
        if shares:
            row["values"]["as_told"] = sum(shares.values()) / len(shares)
    column = {
        "key": "as_told",
        "label": "as told",
        "better": "higher",
        "digits": 3,
        "signature": f"conditional-accuracy|labels:{','.join(conditions.names)}|hyps:{comparison.compared}",
    }
    table["columns"].append(column)
    table["notes"].append(_told_note(found))


def _kept(
    recogniser: Recogniser, conditions: Conditions, pictures: Tensor, labels: Mapping[str, Tensor]
) -> dict[str, float]:
    """Return the share of images recognised as the requested class, by label."""
    seen = with_odd_class(recognise(recogniser, pictures), conditions)
    told = {name: labels[name].cpu() for name in conditions.names}
    shares = accuracies(seen, visible(told, conditions))
    return {name: share.value for name, share in shares.items()}


@torch.no_grad()
def _draw_told(
    generator: ConditionalGenerator, conditions: Conditions, n: int, rng: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return ``n`` samples, rounded to 8 bits like real images, and their requested labels."""
    labels = generator.labels(n, rng)
    drawn = [generator.draw(rows, rng).float().cpu() for rows in labels.split(_CHUNK)]
    told = dict(zip(conditions.names, labels.unbind(1), strict=True))
    return to_float(to_uint8(torch.cat(drawn))), told


def class_sweep(generator: ConditionalGenerator, columns: int, rng: torch.Generator) -> Tensor:
    """[W,columns,d] latent vectors: a row for each class of each label in turn, the others as drawn."""
    noise, labels = generator.noise(columns, rng), generator.labels(columns, rng)
    rows = []
    for place, classes in enumerate(generator.config.conditions.classes):
        for number in range(len(classes)):
            told = labels.clone()
            told[:, place] = number
            rows.append(generator.join(noise, told))
    return torch.stack(rows)


def with_odd_class(
    probabilities: Mapping[str, Tensor], conditions: Conditions
) -> dict[str, Tensor]:
    """Class probabilities [N,C] of the conditions that a recogniser names, ``odd`` among those of eyes.

    P(eyes odd) = P(open) P(colours differ),   P(eyes open) = P(open) P(colours are the same)
    """
    found = {name: p for name, p in probabilities.items() if name in conditions.names}
    classes = dict(zip(conditions.names, conditions.classes, strict=True)).get("eyes", ())
    if ODD in classes and ODD_EYES in probabilities and "eyes" in found:
        eyes, odd = probabilities["eyes"], probabilities[ODD_EYES][:, 1:]
        at = classes.index("open")
        opened = eyes[:, at : at + 1]
        split = eyes.clone()
        split[:, at : at + 1] = opened * (1 - odd)
        found["eyes"] = torch.cat([split, opened * odd], 1)
    return found


def visible(labels: Mapping[str, Tensor], conditions: Conditions) -> dict[str, Tensor]:
    """Return the labels [N], with -1 for the eye colours of images labelled as having shut eyes."""
    told = dict(labels)
    classes = dict(zip(conditions.names, conditions.classes, strict=True)).get("eyes", ())
    if not {"open", "shut"} <= set(classes):
        return told
    state = labels["eyes"]
    hidden = {
        "left_eye": (state == classes.index("shut")) | _is(state, classes, "winking"),
        "right_eye": state == classes.index("shut"),
    }
    for name in hidden.keys() & told.keys():
        told[name] = torch.where(hidden[name], -1, told[name])
    return told


def _is(numbers: Tensor, classes: tuple[str, ...], name: str) -> Tensor:
    return numbers == (classes.index(name) if name in classes else -1)


def _told_note(found: Mapping[str, Mapping[str, float]]) -> str:
    rows = [
        f"{name}: " + ", ".join(f"{label} {share:.0%}" for label, share in shares.items())
        for name, shares in found.items()
    ]
    return (
        "As told is the share of samples that are recognised as their requested class, a mean "
        "over labels; for real data it is the recogniser's accuracy. " + "; ".join(rows) + "."
    )
