"""Images with a caption each, as token rows: a corpus whose batches hold image and caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqgan_kit.core.feeds import Feed, TensorFeed
from seqgan_kit.data.images.image_corpus import ImageCorpus, normalised
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.data.text.encoding import clean_line, pad_rows
from seqgan_kit.data.text.tokenizer import SPECIALS
from seqgan_kit.data.text.tokenizers import WordTokenizer, train_tokenizer
from seqgan_kit.errors import DataError, UsageError

CAPTION = "caption"
"""Key of the token rows [B,T] in a batch."""


def word_tokenizer(words: Sequence[str]) -> WordTokenizer:
    """Return the tokenizer of captions: lower-case words, with punctuation at their edges split off."""
    return WordTokenizer(words, lowercase=True)


def caption_rows(tokenizer: WordTokenizer, captions: Sequence[str], length: int) -> Tensor:
    """Return token rows [N,length] of captions, each ended by EOS; longer captions lose their last words."""
    ids = [tokenizer.encode(clean_line(caption))[: length - 1] for caption in captions]
    return pad_rows(ids, length)


@dataclass(frozen=True)
class CaptionedImages:
    """A corpus of images with a caption each.

    Attributes:
        corpus: images, labels if there are any, and captions.
        words: words of the training captions, most frequent first.
        length: tokens of a row: those of the longest training caption, and its end.
    """

    corpus: ImageCorpus
    words: tuple[str, ...]
    length: int

    def rows(self, captions: Sequence[str]) -> Tensor:
        """Return token rows [N,T] of captions."""
        return caption_rows(word_tokenizer(self.words), captions, self.length)

    def feed(
        self,
        batch_size: int,
        *,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        device: torch.device | str = "cpu",
    ) -> Feed:
        """Return a feed of batches ``{"real": [B,C,H,W] in [-1,1], <label>: [B] ..., "caption": [B,T]}``,
        reshuffled every epoch."""
        rows = self.rows(self.corpus.train_captions)
        tensors = {"real": self.corpus.train, **self.corpus.train_labels, CAPTION: rows}
        return TensorFeed(
            tensors, batch_size, seed=seed, rank=rank, world_size=world_size, device=device,
            transform=normalised,
        )  # fmt: skip

    def examples(self, most: int) -> tuple[list[str], Tensor]:
        """Return up to ``most`` test captions, evenly spaced, and their images [N,C,H,W] in [-1,1]; those of
        the training data if there are no others."""
        corpus = self.corpus
        held_out = bool(corpus.test_captions)
        captions = corpus.test_captions if held_out else corpus.train_captions
        images = corpus.test if held_out else corpus.train
        places = torch.linspace(0, len(captions) - 1, min(most, len(captions))).long()
        return [captions[i] for i in places.tolist()], to_float(images[places])

    def line(self) -> str:
        """One-line summary for the console."""
        return (
            f"captions: {len(self.corpus.train_captions):,} with {len(self.words):,} different words, "
            f"up to {self.length - 1} words long"
        )


def captioned(corpus: ImageCorpus) -> CaptionedImages:
    """Return the corpus with the words of its captions.

    Raises:
        DataError: for images without captions, or an empty caption.
        UsageError: for streamed images.
    """
    if corpus.stream is not None:
        raise UsageError(
            "a model of captions reads all captions before training, so it needs the data in memory: "
            "leave out --streaming."
        )
    if not corpus.train_captions:
        raise DataError(
            "these images have no captions. Give a parquet file with a column of captions "
            "(--caption-column names it; by default caption or text), such as the bundled catworld."
        )
    if empty := sum(not (caption or "").strip() for caption in corpus.train_captions):
        raise DataError(
            f"{empty:,} of {len(corpus.train_captions):,} training captions are empty. Leave these images "
            "out of the data, or name another column with --caption-column."
        )
    lines = [clean_line(caption) for caption in corpus.train_captions]
    found = train_tokenizer("word", lines, lowercase=True)
    assert isinstance(found, WordTokenizer)
    words = found.vocabulary[len(SPECIALS) :]
    return CaptionedImages(corpus, words, 1 + max(len(found.encode(line)) for line in lines))
