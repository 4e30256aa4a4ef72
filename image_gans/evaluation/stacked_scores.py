"""Scores of stacked images: how many of the K^3 modes a generator covers, and how evenly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from image_gans.evaluation.image_scores import ImageScorer
from image_gans.metrics.modes import ModeScores, mode_scores, perfect_modes
from image_gans.metrics.recogniser import Recogniser
from image_gans.metrics.stacked import CHANNELS, chosen_label, stack_pictures, stacked_counts
from image_gans.metrics.trained_recogniser import (
    RecognitionTraining,
    accuracies,
    recognise,
    recogniser_of,
)
from seqgan_kit.core.bounds import Positive, bounded
from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Game
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.pixels import to_float

_CHUNK = 500


@dataclass(frozen=True)
@bounded
class StackSettings:
    """Settings of the stacked data and of the count of modes."""

    stacked: Positive = 25_600
    """Number of stacked training images (128,000 in PacGAN's experiment)."""
    label: str = ""
    """Label whose classes define the modes (default: the first label)."""
    mode_samples: Positive = 26_000
    """Images for the modes in the final table (the protocol's 26,000)."""
    mode_evaluation_samples: Positive = 1000
    """Images for the modes in each evaluation during training."""
    recogniser_steps: Positive = 600
    """Training batches of the recogniser of single images, which is cached for later runs."""


@dataclass(frozen=True)
class Triples:
    """Single images, and the recogniser of their classes."""

    label: str
    recogniser: Recogniser
    accuracy: float
    """Accuracy of the recogniser on test images (training images if there are none)."""
    pictures: Tensor
    """[P,1,H,W] uint8 to stack as what real data score: test images, or else training ones."""

    def line(self) -> str:
        """One-line summary for the console."""
        classes = len(self.recogniser.config.label_names[self.label])
        return (
            f"modes: {classes}^{CHANNELS} = {classes**CHANNELS:,} triples of {self.label}; the recogniser "
            f"names {100 * self.accuracy:.2f} % of {len(self.pictures):,} single images rightly"
        )


def triples_of(corpus: ImageCorpus, settings: StackSettings) -> Triples:
    """Return a recogniser of the corpus's label, trained or from the cache."""
    label = chosen_label(corpus, settings.label)
    training = RecognitionTraining(width=12, steps=settings.recogniser_steps)
    names = {label: corpus.label_names[label]}
    told = {label: corpus.train_labels[label]}
    recogniser = recogniser_of(corpus.train, told, names, training)
    tested = len(corpus.test) > 0
    pictures = corpus.test if tested else corpus.train
    truth = corpus.test_labels if tested else corpus.train_labels
    seen = recognise(recogniser, to_float(pictures))
    return Triples(label, recogniser, accuracies(seen, truth)[label].value, pictures)


@dataclass(frozen=True)
class StackedScorer(ImageScorer):
    """Scores and figures of a generator of stacked images."""

    triples: Triples = field(kw_only=True)
    """Recogniser that identifies the modes."""
    stacks: StackSettings = field(kw_only=True)
    """Number of images to count."""

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Also compute the modes and the reverse KL of their shares; the evaluation hook of a run."""
        found = self.modes(game, self.stacks.mode_evaluation_samples, rng)
        return {**super().__call__(game, rng), **_values(found)}

    def modes(self, game: Game, n: int, rng: torch.Generator) -> ModeScores:
        """Of ``n`` samples."""
        return self._scored(
            game.sample(len(part), rng=rng) for part in torch.arange(n).split(_CHUNK)
        )

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table with modes and reverse KL, also for real images and a perfect generator."""
        table, n = super().record(title, games, seed), self.stacks.mode_samples
        for row in table["rows"]:
            if row["name"] in games:
                game = games[row["name"]]
                rng = torch.Generator(device_of(game)).manual_seed(seed)
                with torch.no_grad():
                    row["values"] |= _values(self.modes(game, n, rng))
            elif row["name"] == "real data":
                row["values"] |= _values(self._scored(self._real(n)))
        modes = len(self.triples.recogniser.config.label_names[self.triples.label]) ** CHANNELS
        perfect = {"name": "perfect, expected", "values": _values(perfect_modes(modes, n))}
        signature = (
            f"triples-of:{self.triples.label}|n:{n}|recogniser-accuracy:{self.triples.accuracy:.4f}"
        )
        columns = [
            _column("modes", f"modes of {modes:,}", "higher", 1, signature),
            _column("reverse_kl", "reverse KL", "lower", 3, f"{signature}|vs:uniform"),
        ]
        note = f"{self.triples.line()}. Reverse KL in nats, of the shares of modes against uniform ones."
        return {
            **table,
            "rows": [*table["rows"], {**perfect, "reference": True}],
            "columns": [*columns, *table["columns"]],
            "notes": [note, *table["notes"]],
        }

    def _real(self, n: int) -> Iterator[Tensor]:
        rng = torch.Generator().manual_seed(0)
        for part in torch.arange(n).split(_CHUNK):
            yield to_float(stack_pictures(self.triples.pictures, len(part), rng))

    def _scored(self, pieces: Iterator[Tensor]) -> ModeScores:
        label, recogniser = self.triples.label, self.triples.recogniser
        counts = [stacked_counts(piece.float().cpu(), recogniser, label) for piece in pieces]
        total = torch.stack(counts).sum(0)
        return mode_scores(total, int(total.sum()))


def _values(found: ModeScores) -> dict[str, float]:
    """Without the share of high quality: every image is counted for some triple."""
    return {name: value for name, value in found.values().items() if name != "high_quality"}


def _column(key: str, label: str, better: str, digits: int, signature: str) -> dict[str, Any]:
    named = {"key": key, "label": label, "better": better}
    return {**named, "digits": digits, "signature": signature}
