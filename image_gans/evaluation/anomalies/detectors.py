"""The detectors that a run compares: its own, AnoGAN's search with its G and D, its VAE, and simple ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from image_gans.evaluation.anomalies.latent_search import search
from image_gans.evaluation.anomalies.simple_detectors import simple_rebuilders
from seqgan_kit.core.discriminator import device_of, evaluating
from seqgan_kit.core.game import Game

_CHUNK = 100


@dataclass(frozen=True)
class AnomalyScores:
    """Anomaly scores of images and of their pixels."""

    scores: Tensor
    """[N]."""
    pixels: Tensor
    """[N,1,H,W]."""


Detector = Callable[[Tensor], AnomalyScores]
"""Images [N,C,H,W] in [-1,1] -> scores."""


class Rebuilt(Protocol):
    """What a reconstruction leaves of images."""

    @property
    def scores(self) -> Tensor:
        """Anomaly scores [N]."""

    @property
    def pixels(self) -> Tensor:
        """Residuals [N,1,H,W]."""

    @property
    def rebuilt(self) -> Tensor:
        """Reconstructions [N,C,H,W]."""


class DetectingGame(Protocol):
    """A game that scores images by reconstructions, its own and those of a VAE."""

    def detect(self, x: Tensor) -> Rebuilt:
        """Return the residuals of images [N,C,H,W]."""

    def baseline_detect(self, x: Tensor) -> tuple[Rebuilt, Tensor]:
        """Return the same of the VAE, and minus its bound [N]."""

    def features(self, x: Tensor) -> Tensor:
        """Return D's features [N,F] of images."""


def detected(game: Game, x: Tensor) -> AnomalyScores:
    """Return the game's own scores of images [N,C,H,W], on the CPU."""
    return _in_chunks(game, lambda part: _found(cast(DetectingGame, game).detect(part)), x)


def further_detectors(
    name: str,
    game: Game,
    train: Tensor,
    dimensions: int,
    *,
    moves: int,
    rng: torch.Generator,
) -> dict[str, Detector]:
    """Return the detectors beside the game's own, by the name of their row; the search comes first.

    Args:
        name: name of the game's own.
        game: the trained game.
        train: [M,C,H,W] normal images.
        dimensions: principal components.
        moves: updates of the search.
        rng: source of the starts of the search.
    """
    detecting = cast(DetectingGame, game)

    def pixels_alone(x: Tensor) -> AnomalyScores:
        found = detecting.detect(x)
        return _by_pixels(x, found.rebuilt)

    def vae_bound(x: Tensor) -> AnomalyScores:
        found, bound = detecting.baseline_detect(x)
        return AnomalyScores(bound, found.pixels)

    networks: dict[str, Detector] = {
        "AnoGAN's search": partial(_searched, game, moves, rng),
        f"{name}, pixels alone": pixels_alone,
        "VAE, reconstruction": lambda x: _found(detecting.baseline_detect(x)[0]),
        "VAE, bound": vae_bound,
    }
    simple = simple_rebuilders(train, dimensions)
    return {
        **{key: partial(_in_chunks, game, act) for key, act in networks.items()},
        **{key: partial(_with, rebuild) for key, rebuild in simple.items()},
    }


def _searched(game: Game, moves: int, rng: torch.Generator, x: Tensor) -> AnomalyScores:
    generator, critic = cast(Any, game).generator, cast(Any, game).discriminator
    starts = generator.latents(len(x), rng)
    with evaluating(generator, critic):
        features = cast(DetectingGame, game).features
        scores, images = search(generator, features, x, starts, moves=moves)
    return AnomalyScores(scores, _residuals(x, images))


def _with(rebuild: Callable[[Tensor], Tensor], x: Tensor) -> AnomalyScores:
    return _by_pixels(x, rebuild(x))


def _by_pixels(x: Tensor, rebuilt: Tensor) -> AnomalyScores:
    return AnomalyScores((x - rebuilt).square().flatten(1).mean(1), _residuals(x, rebuilt))


def _residuals(x: Tensor, rebuilt: Tensor) -> Tensor:
    return (x - rebuilt).abs().mean(1, keepdim=True)


def _found(rebuilt: Rebuilt) -> AnomalyScores:
    return AnomalyScores(rebuilt.scores, rebuilt.pixels)


def _in_chunks(game: Game, act: Detector, x: Tensor) -> AnomalyScores:
    device = device_of(game)
    parts = [act(part.to(device)) for part in x.split(_CHUNK)]
    scores, pixels = ([getattr(part, name) for part in parts] for name in ("scores", "pixels"))
    return AnomalyScores(torch.cat(scores).cpu(), torch.cat(pixels).cpu())
