"""A generator of images of a condition by a chain of a recogniser's features (Nguyen et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from image_gans.conditions import Conditions
from image_gans.latent.langevin import Denoise, LogLikelihood, Steering, steered
from image_gans.metrics.recogniser import Recogniser
from image_gans.networks.captions.caption_writer import CaptionWriter, class_scores
from image_gans.networks.translators.feature_denoiser import FeatureDenoiser
from seqgan_kit.core.runs.settings import restored
from seqgan_kit.errors import CheckpointError, SeqganKitError

_CHUNK = 64
SETTING = "steering"
"""Name of the chain's settings in model.json."""


@dataclass(frozen=True)
class SteeredConfig:
    """Attributes that an image generator exposes."""

    conditions: Conditions
    latent: int
    size: int
    channels: int


class SteeredGenerator(nn.Module):
    """A generator from standardised features, whose latent vectors are the ends of chains.

    Args:
        generator: features [N,F] to images [N,C,H,W].
        recogniser: E and the heads that name conditions.
        denoiser: R, and mean and deviation of features.
        steering: how features are drawn.
        writer: the captioning model that reads the recogniser's class scores, if captions are conditions.
    """

    def __init__(
        self,
        generator: nn.Module,
        recogniser: Recogniser,
        denoiser: FeatureDenoiser,
        steering: Steering,
        writer: CaptionWriter | None = None,
    ):
        super().__init__()
        self.generator, self.recogniser, self.denoiser = generator, recogniser, denoiser
        self.writer = writer
        self.steering, shape = steering, recogniser.config
        told = Conditions(tuple(shape.label_names), tuple(shape.label_names.values()))
        self.config = SteeredConfig(told, denoiser.config.features, shape.size, shape.channels)

    def forward(self, s: Tensor) -> Tensor:
        """Return images [N,C,H,W] of standardised features [N,F]."""
        return cast(Tensor, self.generator(self.denoiser.features(s)))

    def encoded(self, x: Tensor) -> Tensor:
        """Return standardised features [N,F] of images [N,C,H,W]."""
        return self.denoiser.standardised(self.recogniser.places(x).flatten(1))

    def log_prob(self, s: Tensor, wanted: Mapping[int, int]) -> Tensor:
        """Return the recogniser's log-probability [N] of the wanted classes in the images of features."""
        seen, names = self.recogniser(self(s)), self.config.conditions.names
        terms = [seen[names[place]].log_softmax(1)[:, c] for place, c in wanted.items()]
        return torch.stack(terms).sum(0)

    def described(self, x: Tensor, rows: Tensor) -> Tensor:
        """Return log p(caption | image) [N] of images [N,C,H,W] and token rows [N,T]."""
        assert self.writer is not None
        return self.writer.log_prob(class_scores(self.recogniser(x)), rows)

    def caption_log_prob(self, s: Tensor, rows: Tensor) -> Tensor:
        """Return log p(caption | image) [N] of token rows [N,T], in the images of features."""
        return self.described(self(s), rows)

    @torch.no_grad()
    def latents(
        self, n: int, rng: torch.Generator, wanted: Mapping[int, int] | None = None
    ) -> Tensor:
        """Return features [n,F] of the wanted classes, by the places of their labels.

        Each chain has random numbers of its own, so the first features of a seed are the same for every n.
        """
        parts = [min(_CHUNK, n - start) for start in range(0, n, _CHUNK)]
        told = partial(self.log_prob, wanted=wanted) if wanted else None
        return torch.cat([self._chains(part, rng, told) for part in parts])

    @torch.no_grad()
    def latents_of_captions(self, rows: Tensor, rng: torch.Generator) -> Tensor:
        """Return features [N,F], by a chain for each caption of token rows [N,T]."""
        return torch.cat([
            self._chains(len(part), rng, partial(self.caption_log_prob, rows=part))
            for part in rows.split(_CHUNK)
        ])  # fmt: skip

    @torch.no_grad()
    def named(self, images: Tensor, wanted: Mapping[int, int]) -> Tensor:
        """Return whether [N] the recogniser names the wanted classes in images [N,C,H,W]."""
        names, seen = self.config.conditions.names, self.recogniser(images)
        right = [seen[names[place]].argmax(1) == number for place, number in wanted.items()]
        return torch.stack(right).all(0)

    def _chains(self, n: int, rng: torch.Generator, told: LogLikelihood | None) -> Tensor:
        steps, size = self.steering, self.config.latent
        if told is None:
            steps = replace(steps, epsilon2=0.0)
        shape = steps.moves + 1, size
        drawn = [torch.randn(shape, generator=rng, device=rng.device) for _ in range(n)]
        noise = torch.stack(drawn, 1).to(cast(Tensor, self.denoiser.scale.running_mean))
        return steered(noise[0], self._prior(), told, steps, lambda number: noise[number + 1])

    def _prior(self) -> Denoise | None:
        known: Mapping[str, Denoise | None] = {
            "denoiser": self.denoiser,
            "joint": lambda s: self.encoded(self(s)),
            "none": None,
        }
        return known[self.steering.prior]


def drawing_part(parts: Mapping[str, Any], description: Mapping[str, Any]) -> nn.Module:
    """Return the part of a saved model that draws: the generator, by chains if there is a denoiser.

    Args:
        parts: networks by name.
        description: content of model.json.
    """
    if "denoiser" not in parts:
        return cast(nn.Module, parts["generator"])
    try:
        steering = restored(Steering, description.get(SETTING) or {}, SETTING)
    except (SeqganKitError, AttributeError, TypeError) as error:
        raise CheckpointError(f"model.json does not say how to draw: {error}") from error
    generator, denoiser = parts["generator"], parts["denoiser"]
    recogniser, writer = parts.get("recogniser"), parts.get("caption_writer")
    if not _alike(generator, recogniser, denoiser, writer):
        raise CheckpointError(
            "the model's generator, recogniser and denoiser are not of the same features: its files must "
            "come from one run."
        )
    made = SteeredGenerator(generator, cast(Recogniser, recogniser), denoiser, steering, writer)
    return made.eval().requires_grad_(False)


def _alike(generator: Any, recogniser: Any, denoiser: Any, writer: Any) -> bool:
    """Return whether parts read and write equally many features."""
    if not (isinstance(recogniser, Recogniser) and isinstance(denoiser, FeatureDenoiser)):
        return False
    inputs = cast(nn.Linear, recogniser.heads[0]).in_features
    classes = sum(map(len, recogniser.config.label_names.values()))
    if writer is not None and not (
        isinstance(writer, CaptionWriter) and writer.config.scores == classes
    ):
        return False
    return inputs == denoiser.config.features == getattr(generator.config, "latent", None)
