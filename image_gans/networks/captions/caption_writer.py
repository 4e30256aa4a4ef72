"""A captioning model: the probability of a caption's words given the features of its image.

    log p(w_1 ... w_T | h) = sum_t log softmax(W s_t)[w_t],      s_t = GRU(s_{t-1}, [e(w_{t-1}) | A h])

The image's features enter every step (Donahue et al. 2015, "Long-term recurrent convolutional networks for
visual recognition and description").
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from image_gans.networks.captions.caption_words import rows_of_captions
from seqgan_kit.core.bounds import Size, bounded
from seqgan_kit.data.text.tokenizer import BOS, PAD, SPECIALS, UNK


@dataclass(frozen=True)
@bounded
class CaptionWriterConfig:
    """Shape and words of a captioning model."""

    words: tuple[str, ...]
    """Words that it knows, in the order of their numbers."""
    length: Size
    """Tokens of a row."""
    features: Size
    """Features of an image."""
    width: Size = 64
    """Units of the GRU, and dimensions of a word's vector and of what is read of an image."""


class CaptionWriter(nn.Module):
    """Features of images and captions to log-probabilities."""

    def __init__(self, config: CaptionWriterConfig):
        super().__init__()
        self.config, width = config, config.width
        tokens = len(SPECIALS) + len(config.words)
        self.read = nn.Linear(config.features, width)
        self.embed = nn.Embedding(tokens, width, padding_idx=PAD)
        self.gru = nn.GRU(2 * width, width, batch_first=True)
        self.predict = nn.Linear(width, tokens)

    def forward(self, h: Tensor, rows: Tensor) -> Tensor:
        """Return the logits [N,T,V] of each token of rows [N,T] after the tokens before it.

        Args:
            h: [N,F] features of images.
            rows: token rows, ended by EOS.
        """
        before = functional.pad(rows[:, :-1], (1, 0), value=BOS)
        read = self.read(h).unsqueeze(1).expand(-1, rows.shape[1], -1)
        # cuDNN's GRU has a gradient in training mode only.
        plain = nullcontext() if self.training else torch.backends.cudnn.flags(enabled=False)
        with plain:
            states, _ = self.gru(torch.cat([self.embed(before), read], 2))
        return cast(Tensor, self.predict(states))

    def log_prob(self, h: Tensor, rows: Tensor) -> Tensor:
        """Return log p(caption | h) [N] of rows [N,T]; words that the model does not know count 0."""
        logits = self(h, rows).transpose(1, 2)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        lost = functional.cross_entropy(logits, rows, reduction="none")
        return -lost.masked_fill((rows == PAD) | (rows == UNK), 0.0).sum(1)

    def rows(self, captions: Sequence[str], strict: bool = False) -> Tensor:
        """Return token rows [N,T] of captions; see :func:`rows_of_captions`."""
        rows = rows_of_captions(self.config.words, self.config.length, captions, strict)
        return rows.to(self.embed.weight.device)
