"""Convert a corpus to black-and-white images."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.errors import UsageError


def binarised(corpus: ImageCorpus, threshold: int = 128) -> ImageCorpus:
    """Return the corpus with every grey pixel black (0), or white (255) from ``threshold`` on."""
    if not 1 <= threshold <= 255:
        raise UsageError(f"the threshold is {threshold}; it must be from 1 to 255.")
    if corpus.train.shape[1] != 1:
        raise UsageError(
            f"images of {corpus.train.shape[1]} channels cannot be made black and white: use --channels 1."
        )
    if corpus.stream is not None:
        raise UsageError("black-and-white images cannot be streamed: leave out --streaming.")

    def split(pictures: Tensor) -> Tensor:
        return (pictures >= threshold).to(pictures.dtype) * 255

    return replace(corpus, train=split(corpus.train), test=split(corpus.test))
