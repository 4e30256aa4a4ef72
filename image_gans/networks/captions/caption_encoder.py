"""An encoder of captions: words to a vector whose squared norm is its length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from image_gans.networks.captions.caption_words import rows_of_captions
from seqgan_kit.core.bounds import Size, bounded
from seqgan_kit.data.text.tokenizer import PAD, SPECIALS


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
        """Return token rows [N,T] of captions; see :func:`rows_of_captions`."""
        rows = rows_of_captions(self.config.words, self.config.length, captions, strict)
        return rows.to(self.embed.weight.device)

    def vectors(self, captions: Sequence[str]) -> Tensor:
        """Return the vectors [N,F] of captions, without gradients."""
        with torch.no_grad():
            return cast(Tensor, self(self.rows(captions)))


def standardised(vectors: Tensor) -> Tensor:
    """Return vectors [N,F] with mean 0 and variance 1 over their dimensions."""
    return nn.functional.layer_norm(vectors, vectors.shape[1:])
