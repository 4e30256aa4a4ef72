"""Interface of text encoders: sentences in, features [N,F] out."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.evaluation.encoders.lstm_language_model import Sentences

Features = NDArray[np.float32]


class TextEncoder(Protocol):
    """An encoder that maps sentences to features."""

    @property
    def name(self) -> str:
        """Name in signatures: kind, width and the first digits of the hash of its weights."""

    def __call__(self, sentences: Sentences) -> Features:
        """Return features [N,F] of sentences given as lists of words."""
