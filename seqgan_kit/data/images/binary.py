"""Convert a corpus to black-and-white images."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.errors import UsageError

_SEED = 20081
"""Seed of drawn_binary: all runs see the same images."""


def binarised(corpus: ImageCorpus, threshold: int = 128) -> ImageCorpus:
    """Return the corpus with every grey pixel black (0), or white (255) from ``threshold`` on."""
    if not 1 <= threshold <= 255:
        raise UsageError(f"the threshold is {threshold}; it must be from 1 to 255.")
    _check_grey(corpus)

    def split(pictures: Tensor) -> Tensor:
        return (pictures >= threshold).to(pictures.dtype) * 255

    reference = binarised(corpus.reference, threshold) if corpus.reference else None
    return replace(corpus, train=split(corpus.train), test=split(corpus.test), reference=reference)


def drawn_binary(corpus: ImageCorpus) -> ImageCorpus:
    """Return the corpus with every grey pixel g white with probability g/255, drawn once for all runs.

    This is the static binarisation of the literature (Salakhutdinov and Murray 2008), with draws of its own.
    """
    _check_grey(corpus)
    rng = torch.Generator().manual_seed(_SEED)

    def split(pictures: Tensor) -> Tensor:
        drawn = torch.randint(1, 256, pictures.shape, generator=rng, dtype=torch.int16)
        return (pictures >= drawn).to(pictures.dtype) * 255

    reference = drawn_binary(corpus.reference) if corpus.reference else None
    return replace(corpus, train=split(corpus.train), test=split(corpus.test), reference=reference)


def _check_grey(corpus: ImageCorpus) -> None:
    if corpus.train.shape[1] != 1:
        raise UsageError(
            f"images of {corpus.train.shape[1]} channels cannot be made black and white: use --channels 1."
        )
    if corpus.stream is not None:
        raise UsageError("black-and-white images cannot be streamed: leave out --streaming.")
