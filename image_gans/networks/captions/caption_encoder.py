"""An encoder of captions: words to a vector whose squared norm is its length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.bounds import Size, bounded
from seqgan_kit.data.images.captioned import caption_rows, word_tokenizer
from seqgan_kit.data.text.tokenizer import PAD, SPECIALS
from seqgan_kit.errors import UsageError, unknown


@dataclass(frozen=True)
@bounded
class CaptionEncoderShape:
    """Size of the caption encoder and of the condition that G gets."""

    features: Size = 64
    """Dimensions of a caption's vector (1,024 in the paper)."""
    hidden: Size = 64
    """Units of the GRU in each direction."""
    embedding: Size = 64
    """Dimensions of a word's vector."""
    condition: Size = 32
    """Dimensions of the condition that is drawn from a caption's vector (128 in the paper)."""


@dataclass(frozen=True)
@bounded
class CaptionEncoderConfig:
    """Shape and words of a caption encoder."""

    words: tuple[str, ...]
    """Words that it knows, in the order of their numbers."""
    length: Size
    """Tokens of a row."""
    features: Size = 64
    """Dimensions of a caption's vector."""
    hidden: Size = 64
    """Units of the GRU in each direction."""
    embedding: Size = 64
    """Dimensions of a word's vector."""


class CaptionEncoder(nn.Module):
    """Token rows to vectors: embeddings, a GRU in both directions, the mean over words, a linear layer.

    A caption's vector has mean 0 and variance 1 over its dimensions.
    """

    def __init__(self, config: CaptionEncoderConfig):
        super().__init__()
        self.config = config
        tokens = len(SPECIALS) + len(config.words)
        self.embed = nn.Embedding(tokens, config.embedding, padding_idx=PAD)
        self.gru = nn.GRU(config.embedding, config.hidden, batch_first=True, bidirectional=True)
        self.project = nn.Linear(2 * config.hidden, config.features)

    def forward(self, rows: Tensor) -> Tensor:
        """[N,T] -> [N,F]."""
        states, _ = self.gru(self.embed(rows))
        known = (rows != PAD).unsqueeze(2).to(states)
        return standardised(self.project((states * known).sum(1) / known.sum(1).clamp_min(1)))

    def rows(self, captions: Sequence[str], strict: bool = False) -> Tensor:
        """Return token rows [N,T] of captions.

        Args:
            captions: sentences.
            strict: refuse captions with words that the encoder does not know, empty ones, and longer ones
                than the longest training caption.
        """
        tokenizer = word_tokenizer(self.config.words)
        for caption in captions if strict else ():
            self._check(caption, tokenizer.words(caption))
        rows = caption_rows(tokenizer, captions, self.config.length)
        return rows.to(self.embed.weight.device)

    def vectors(self, captions: Sequence[str]) -> Tensor:
        """Return the vectors [N,F] of captions, without gradients."""
        with torch.no_grad():
            return cast(Tensor, self(self.rows(captions)))

    def _check(self, caption: str, words: Sequence[str]) -> None:
        if not words:
            raise UsageError("a caption is empty: give a sentence.")
        if len(words) >= self.config.length:
            raise UsageError(
                f"the caption {caption[:60]!r} has {len(words)} words; the model reads "
                f"{self.config.length - 1}, as in its longest training caption. Shorten it."
            )
        known = set(self.config.words)
        for word in words:
            if word not in known:
                raise UsageError(
                    f"the caption {caption[:60]!r}: "
                    f"{unknown('word', word, self.config.words[:12], self.config.words)} "
                    f"These are the most frequent of {len(known):,} words that the model was trained on."
                )


def standardised(vectors: Tensor) -> Tensor:
    """Return vectors [N,F] with mean 0 and variance 1 over their dimensions."""
    return nn.functional.layer_norm(vectors, vectors.shape[1:])
