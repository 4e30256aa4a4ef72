"""Choice of an encoder by name."""

from __future__ import annotations

from seqgan_kit.core.files.user_paths import expanded
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.encoders.encoder import TextEncoder
from seqgan_kit.evaluation.encoders.huggingface_encoder import HuggingFaceEncoder
from seqgan_kit.evaluation.encoders.lstm_language_model import Sentences
from seqgan_kit.evaluation.encoders.own_encoder import OWN, own_encoder


def find_encoder(choice: str, training: Sentences, seed: int, joiner: str = " ") -> TextEncoder:
    """Return the encoder of a name: ``own``, or the folder of a HuggingFace model.

    Args:
        choice: name of the encoder.
        training: real training sentences for the own encoder.
        seed: seed of the own encoder.
        joiner: string between the words of a line.
    """
    if choice == OWN:
        return own_encoder(training, seed)
    path = expanded(choice)
    if not path.is_dir():
        raise UsageError(
            f"no such encoder: {choice!r} is not a folder. Give 'own' (trained on the training "
            "text), 'none', or the folder of a HuggingFace model with safetensors weights."
        )
    return HuggingFaceEncoder(path, joiner)
