"""Small labelled corpora and conditional players for the tests of conditional methods."""

from __future__ import annotations

import torch
from torch import Tensor

from image_gans.conditions import LabelledCorpus, conditioned
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.conditional import (
    ConditionalGenerator,
    ConditionSettings,
    build_conditional_networks,
)
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.data.images.image_account import ImageAccount
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.image_corpus import ImageCorpus

NAMES = {"coat": ("black", "white"), "eyes": ("open", "shut", "odd")}


def corpus(
    names: dict[str, tuple[str, ...]] = NAMES,
    labels: dict[str, Tensor] | None = None,
    *,
    rows: int = 12,
    channels: int = 3,
    size: int = 16,
) -> ImageCorpus:
    """Noise images with the given labels, or with labels in cyclic order."""
    rng = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (rows, channels, size, size), dtype=torch.uint8, generator=rng)
    told = {name: torch.arange(rows) % len(c) for name, c in names.items()} | (labels or {})
    account = ImageAccount(size, channels, {}, names)
    return ImageCorpus(pictures, pictures[:4], told, {n: t[:4] for n, t in told.items()}, names,
                       [], [], account)  # fmt: skip


def players(
    labelled: LabelledCorpus | None = None, *, channels: int = 3, size: int = 16, norm: bool = False,
    embedding: int = 4, **choice: object,
) -> tuple[ConditionalGenerator, Discriminator]:  # fmt: skip
    """A small conditional generator and a plain discriminator."""
    labelled = labelled or conditioned(corpus(channels=channels, size=size))
    networks = NetworkChoice(**({"width": 2, "latent": 5} | choice))  # type: ignore[arg-type]
    data, settings = ImageData(size=size, channels=channels), ConditionSettings((), embedding, norm)
    return build_conditional_networks(networks, data, labelled, settings)
