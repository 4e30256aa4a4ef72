"""Select latent vectors by the recognised classes of their images, for models without labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from image_gans.conditions import Conditions
from image_gans.metrics.attributes import recognisable
from image_gans.metrics.trained_recogniser import recogniser_of
from seqgan_kit.core.runs.log import settings_of
from seqgan_kit.core.runs.settings import merged
from seqgan_kit.data.images.load_images import ImageData, load_images
from seqgan_kit.errors import DataError, UsageError

_CHUNK, _MOST = 256, 4096  # samples per batch, and in total before giving up

Name = Callable[[Tensor], Mapping[str, Tensor]]
"""A function from images [N,C,H,W] to class numbers [N] by label."""


def selector(
    run_dir: Path, generator: nn.Module, draw: Callable[..., Tensor]
) -> Callable[..., Tensor]:
    """Return ``select(condition, n, seed)`` -> [n,d], which uses a recogniser of the run's training data.

    The first call loads the data and trains the recogniser or takes it from the cache.
    """
    ready: list[tuple[Conditions, Name]] = []

    def select(condition: str, n: int, seed: int) -> Tensor:
        if not ready:
            ready.append(_recogniser(run_dir))
        conditions, name = ready[0]
        wishes = {conditions.names[i]: c for i, c in conditions.wishes(condition).items()}
        return recognised(generator, draw, name, wishes, condition, n, seed)

    return select


@torch.no_grad()
def recognised(
    generator: nn.Module,
    draw: Callable[..., Tensor],
    name: Name,
    wishes: Mapping[str, int],
    condition: str,
    n: int,
    seed: int,
) -> Tensor:
    """Return latent vectors [n,d] whose images are recognised as the requested classes; fewer if they are
    rare.

    Args:
        generator: generator of the images.
        draw: ``draw(n, seed=)`` -> [n,d].
        name: classifies images.
        wishes: class numbers by label.
        condition: the same as text, for messages.
        n: number of latent vectors.
        seed: seed of the samples.
    """
    latents, kept = draw(_MOST, seed=seed), list[Tensor]()
    for z in latents.split(_CHUNK):
        seen = name(generator(z))
        kept.append(z[torch.stack([seen[label] == c for label, c in wishes.items()]).all(0)])
        if sum(map(len, kept)) >= n:
            break
    found = torch.cat(kept)
    if not len(found):
        raise UsageError(
            f"none of {_MOST:,} samples of this model was recognised as {condition!r}: choose "
            "classes that the model draws."
        )
    return found[torch.arange(n) % len(found)]


def _recogniser(run_dir: Path) -> tuple[Conditions, Name]:
    """Return the conditions of a run's data and their recogniser."""
    settings = merged(ImageData(), settings_of(run_dir).get("data", {}), "data")
    corpus = load_images(settings)
    if not corpus.label_names:
        raise DataError(
            f"the training images of {run_dir} have no labels, but arithmetic by attribute needs "
            "them: use a run on labelled images."
        )
    labels, names = recognisable(corpus.train_labels, corpus.label_names)
    network = recogniser_of(corpus.train, labels, names)
    told = network.config.label_names

    def name(pictures: Tensor) -> Mapping[str, Tensor]:
        return {label: logits.argmax(1) for label, logits in network(pictures).items()}

    return Conditions(tuple(told), tuple(told.values())), name
