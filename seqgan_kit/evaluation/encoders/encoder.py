"""What an encoder is: sentences in, features [N,F] out, for the distances between sets of sentences."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.evaluation.encoders.lstm_language_model import Sentences

Features = NDArray[np.float32]


class TextEncoder(Protocol):
    """What turns sentences into features."""

    @property
    def name(self) -> str:
        """Kind, width and the first digits of the hash of its weights: stands in signatures."""

    def __call__(self, sentences: Sentences) -> Features:
        """[N,F] of sentences as lists of words."""
