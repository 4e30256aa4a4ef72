"""Scores of InfoGAN's codes: how well they are recovered from images, and which labels they match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from image_gans.evaluation.image_scores import ImageScorer
from image_gans.grids import enlargement, save_grid
from image_gans.networks.coded import CodedGenerator
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run
from seqgan_kit.data.images.pixels import to_float

_NOISES, _STEPS = 8, 9  # rows of codes.png, and columns of a continuous code
_MOST_ROWS = 1000


@dataclass(frozen=True)
class CodeScorer(ImageScorer):
    """A scorer of games with codes."""

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Compute diversity and the recovery of the codes; the evaluation hook of a run."""
        recovered = code_recovery(game, self.settings.evaluation_samples, rng)
        return {**super().__call__(game, rng), **recovered}

    def draw_figures(self, run: Run, game: Game[CodedGenerator]) -> None:
        """Also draw codes.png: each row is a noise vector with each code at all its values."""
        super().draw_figures(run, game)
        generator = game.generator
        rng = torch.Generator(run.runtime.device).manual_seed(run.settings.seed)
        latents = code_sweep(generator, _NOISES, _STEPS, rng)
        with torch.no_grad():
            pictures = torch.cat([generator(rows) for rows in latents])
        scale = enlargement(pictures)
        path = run.log.figure_path("codes.png")
        save_grid(pictures, path, columns=latents.shape[1], scale=scale)

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table with the recovery of codes, and a note on the labels that they match best."""
        table = super().record(title, games, seed)
        for row in table["rows"]:
            if row["name"] in games:
                game = games[row["name"]]
                rng = torch.Generator(device_of(game)).manual_seed(seed)
                row["values"] |= code_recovery(game, self.settings.score_samples, rng)
                table["notes"] += self.meanings(game)
        seen = {key for row in table["rows"] for key in row["values"]}
        table["columns"] += [column for column in _COLUMNS if column["key"] in seen]
        return table

    @torch.no_grad()
    def meanings(self, game: Game) -> list[str]:
        """Return for each categorical code the label of real images that it predicts best."""
        corpus, device = self.corpus, device_of(game)
        places = torch.linspace(0, len(corpus.train) - 1, min(_MOST_ROWS, len(corpus.train))).long()
        told = cast(AdversarialGame, game)
        pieces = [
            game.players["recogniser"](
                told.discriminate(to_float(corpus.train[rows]).to(device)).features
            )[0]
            for rows in places.split(128)
        ]
        notes = []
        for number, logits in enumerate(zip(*pieces, strict=True), 1):
            classes = torch.cat(logits).argmax(1).cpu()
            shared = {
                name: shared_information(classes, labels[places])
                for name, labels in corpus.train_labels.items()
            }
            if shared:
                best = max(shared, key=lambda name: shared[name])
                notes.append(
                    f"On {len(places):,} real images categorical code {number} predicts the "
                    f"label {best!r} best: {shared[best]:.0%} of its entropy."
                )
        return notes


@torch.no_grad()
def code_recovery(game: Game[CodedGenerator], n: int, rng: torch.Generator) -> dict[str, float]:
    """Return Q's accuracy on categorical codes, and the correlation of its means with continuous codes."""
    generator = game.generator
    latents = generator.latents(n, rng)
    told = cast(AdversarialGame, game)
    read = [
        game.players["recogniser"](told.discriminate(generator(rows)).features)
        for rows in latents.split(128)
    ]
    classes, continuous = generator.codes(latents)
    values = {}
    if classes:
        named = [torch.cat([piece[0][i] for piece in read]).argmax(1) for i in range(len(classes))]
        right = [(a == b).double().mean() for a, b in zip(named, classes, strict=True)]
        values["code_accuracy"] = float(torch.stack(right).mean())
    if continuous.shape[1]:
        means = torch.cat([piece[1] for piece in read])
        values["code_correlation"] = float(correlations(means, continuous).mean())
    return values


def correlations(a: Tensor, b: Tensor) -> Tensor:
    """Return Pearson's correlation [M] of matching columns of [N,M]; 0 if a column is constant."""
    a, b = (x.double() - x.double().mean(0) for x in (a, b))
    lengths = a.norm(dim=0) * b.norm(dim=0)
    return (a * b).sum(0) / torch.where(lengths > 0, lengths, 1.0)


def shared_information(codes: Tensor, labels: Tensor) -> float:
    """Return I(code; label) / H(label) for integers [N] from 0: the share of the label's entropy in the code.

    Rows without a label (-1) are left out. The result is 0 if the labels are constant.
    """
    codes, labels = codes[labels >= 0], labels[labels >= 0]
    if not len(labels):
        return 0.0
    joint = torch.zeros(int(codes.max()) + 1, int(labels.max()) + 1, dtype=torch.float64)
    joint.index_put_((codes, labels), torch.ones((), dtype=torch.float64), accumulate=True)
    joint /= joint.sum()
    entropy = _entropy(joint.sum(0))
    shared = _entropy(joint.sum(1)) + entropy - _entropy(joint.flatten())
    return float(shared / entropy) if entropy > 0 else 0.0


def code_sweep(generator: CodedGenerator, noises: int, steps: int, rng: torch.Generator) -> Tensor:
    """Return latent vectors [noises,W,d]: each noise vector with all classes of every categorical code,
    then ``steps`` values from -1 to 1 of every continuous code; other codes stay as sampled.
    """
    codes, base = generator.config.codes, generator.latents(noises, rng)
    ways, start = [], generator.config.latent
    for classes in codes.categorical:
        way = base[:, None].repeat(1, classes, 1)
        way[:, :, start : start + classes] = torch.eye(classes).to(base)
        ways.append(way)
        start += classes
    for place in range(start, start + codes.continuous):
        way = base[:, None].repeat(1, steps, 1)
        way[:, :, place] = torch.linspace(-1, 1, steps).to(base)
        ways.append(way)
    return torch.cat(ways, 1)


def _entropy(p: Tensor) -> Tensor:
    return -torch.special.xlogy(p, p).sum()


_COLUMNS = (
    {
        "key": "code_accuracy",
        "label": "codes named",
        "better": "higher",
        "digits": 3,
        "signature": "share-of-categorical-codes-named-by-q",
    },
    {
        "key": "code_correlation",
        "label": "codes' corr.",
        "better": "higher",
        "digits": 3,
        "signature": "pearson-of-q's-mean-and-continuous-code",
    },
)
