"""A captioning model: the probability of a caption's words given the class scores of its image.

    log p(w_1 ... w_T | c) = sum_t log softmax(W s_t)[w_t],      s_t = GRU(s_{t-1}, [e(w_{t-1}) | A c])

The class scores of a recogniser enter every step (Donahue et al. 2015, "Long-term recurrent convolutional
networks for visual recognition and description").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    scores: Size
    """Class scores of an image."""
    width: Size = 64
    """Units of the GRU, and dimensions of a word's vector and of what is read of an image."""


class CaptionWriter(nn.Module):
    """Class scores of images, and captions, to log-probabilities."""

    def __init__(self, config: CaptionWriterConfig):
        super().__init__()
        self.config, width = config, config.width
        tokens = len(SPECIALS) + len(config.words)
        self.read = nn.Linear(config.scores, width)
        self.embed = nn.Embedding(tokens, width, padding_idx=PAD)
        self.gru = nn.GRU(2 * width, width, batch_first=True)
        self.predict = nn.Linear(width, tokens)

    def forward(self, scores: Tensor, rows: Tensor) -> Tensor:
        """Return the logits [N,T,V] of each token of rows [N,T] after the tokens before it.

        Args:
            scores: [N,C] of images, see :func:`class_scores`.
            rows: token rows, ended by EOS.
        """
        before = functional.pad(rows[:, :-1], (1, 0), value=BOS)
        read = self.read(scores).unsqueeze(1).expand(-1, rows.shape[1], -1)
        # cuDNN's GRU has a gradient in training mode only.
        plain = nullcontext() if self.training else torch.backends.cudnn.flags(enabled=False)
        with plain:
            states, _ = self.gru(torch.cat([self.embed(before), read], 2))
        return cast(Tensor, self.predict(states))

    def log_prob(self, scores: Tensor, rows: Tensor) -> Tensor:
        """Return log p(caption | scores) [N] of rows [N,T]; words that the model does not know count 0."""
        logits = self(scores, rows).transpose(1, 2)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        lost = functional.cross_entropy(logits, rows, reduction="none")
        return -lost.masked_fill((rows == PAD) | (rows == UNK), 0.0).sum(1)

    def rows(self, captions: Sequence[str], strict: bool = False) -> Tensor:
        """Return token rows [N,T] of captions; see :func:`rows_of_captions`."""
        rows = rows_of_captions(self.config.words, self.config.length, captions, strict)
        return rows.to(self.embed.weight.device)


def class_scores(seen: Mapping[str, Tensor]) -> Tensor:
    """Return the log-probabilities [N,C] of all classes, of a recogniser's logits [N,classes] by label."""
    return torch.cat([logits.log_softmax(1) for logits in seen.values()], 1)
