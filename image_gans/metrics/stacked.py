"""Stacked images: three labelled grey images in the three colour channels of one (Stacked-MNIST; Metz et
al. 2017, section 3.3.1). With K classes there are K^3 modes: which three, in which order.

Any labelled corpus works: ten digits give 1,000 modes.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from image_gans.metrics.recogniser import Recogniser
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.errors import DataError, unknown

CHANNELS = 3
_CHUNK = 512


def stack_pictures(pictures: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """[P,1,H,W] -> [n,3,H,W]: three images drawn by themselves in each."""
    rows = torch.randint(len(pictures), (n * CHANNELS,), generator=rng)
    return pictures[rows].view(n, CHANNELS, *pictures.shape[2:])


def stacked_corpus(corpus: ImageCorpus, n: int, rng: torch.Generator) -> ImageCorpus:
    """``n`` stacked images to train on, and as many to test as there are test images; without labels."""
    if corpus.train.shape[1] != 1:
        raise DataError(
            f"images of {corpus.train.shape[1]} channels cannot be stacked into the channels of one; load "
            "them in grey (--channels 1)."
        )
    test = stack_pictures(corpus.test, len(corpus.test), rng) if len(corpus.test) else corpus.test
    return replace(
        corpus,
        train=stack_pictures(corpus.train, n, rng),
        test=test,
        train_labels={},
        test_labels={},
        label_names={},
        train_captions=[],
        test_captions=[],
        reference=None,
    )


def chosen_label(corpus: ImageCorpus, label: str) -> str:
    """Return the label whose classes define the modes: the named one, or the first."""
    if not corpus.label_names:
        raise DataError(
            "these images have no labels, which define the modes: use a folder with a sub-folder "
            "per class, or a file with a label column (digits for Stacked-MNIST)."
        )
    if label and label not in corpus.label_names:
        raise unknown("label", label, corpus.label_names)
    return label or next(iter(corpus.label_names))


@torch.no_grad()
def stacked_counts(pictures: Tensor, recogniser: Recogniser, label: str) -> Tensor:
    """[N,3,H,W] in [-1,1] -> [K^3] int64: how many show each triple of classes, as the recogniser sees it."""
    flat = pictures.reshape(-1, 1, *pictures.shape[2:])
    named = torch.cat([recogniser(part)[label].argmax(1) for part in flat.split(_CHUNK)])
    classes = len(recogniser.config.label_names[label])
    first, second, third = named.view(-1, CHANNELS).unbind(1)
    return ((first * classes + second) * classes + third).bincount(minlength=classes**CHANNELS)
