"""Encoder from a HuggingFace model in a local folder: the mean of its last hidden states over tokens.

It downloads nothing, reads weights from safetensors only, and runs no code from the folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seqgan_kit.data.sources.resolve import file_digest
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.evaluation.encoders.encoder import Features
from seqgan_kit.evaluation.encoders.lstm_language_model import Sentences

MOST_TOKENS = 512
"""Maximum number of tokens read per sentence; the model may read fewer."""
_BATCH = 64


class HuggingFaceEncoder:
    """An encoder to features [N,F]; needs the extra ``embed``.

    Args:
        folder: folder of a model with its tokenizer, as ``save_pretrained`` writes them.
        joiner: string between the words of a line.
    """

    def __init__(self, folder: Path, joiner: str = " "):
        transformers = _library()
        weights = sorted(folder.glob("*.safetensors"))
        if not weights:
            raise DataError(
                f"{folder} has no safetensors weights, the only kind that is read: save the "
                "model again "
                "with model.save_pretrained(folder, safe_serialization=True)."
            )
        # The library's message about a broken folder would mention downloads.
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = transformers.AutoModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True
            )
        except (OSError, ValueError, KeyError) as error:
            raise DataError(
                f"the model in {folder} cannot be loaded: {error}. Give a folder that "
                "transformers' save_pretrained wrote, with its tokenizer."
            ) from error
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        self._tokenizer, self._model, self._joiner = tokenizer, model.eval(), joiner
        digest = hashlib.sha256(b"".join(map(file_digest, weights))).hexdigest()[:8]
        self._name = f"{folder.resolve().name}-mean-{digest}"

    @property
    def name(self) -> str:
        """Name in signatures: folder, pooling, and the first digits of the hash of the weights."""
        return self._name

    @torch.no_grad()
    def __call__(self, sentences: Sentences) -> Features:
        return np.concatenate(list(self._parts([self._joiner.join(words) for words in sentences])))

    def _parts(self, lines: list[str]) -> Iterator[Features]:
        most = min(MOST_TOKENS, int(self._tokenizer.model_max_length))
        for start in range(0, len(lines), _BATCH):
            batch: Any = self._tokenizer(
                lines[start : start + _BATCH],
                return_tensors="pt",
                padding=True,
                truncation=True,
                max_length=most,
            )
            states = self._model(**batch).last_hidden_state.float()
            mask = batch["attention_mask"].unsqueeze(2)
            yield np.asarray(((states * mask).sum(1) / mask.sum(1).clamp(min=1)).numpy())


def _library() -> Any:
    try:
        return import_module("transformers")
    except ImportError:
        raise UsageError(
            "a HuggingFace encoder needs transformers: install it with pip install "
            "'seqgan-kit[embed]', or use the encoder 'own'."
        ) from None
