"""Runs made by hand for the tests of the explorer: a log, a small untrained text model."""

from __future__ import annotations

from pathlib import Path

import torch

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.runs.log import RunLog, provenance
from seqgan_kit.data.text.tokenizers import WordTokenizer
from seqgan_kit.evaluation.text_export import save_text_model
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator

WORDS = ("a", "cat", "<b>", "sat", "ran")
LENGTH = 5


def log_of(folder: Path) -> RunLog:
    """A begun log of a run in a folder."""
    log = RunLog(folder)
    log.write_config({"recipe": "toy", "preset": "smoke", "seed": 1, "config": {}} | provenance())
    log.begin()
    return log


def save_text(folder: Path, given: int = 0, words: tuple[str, ...] = WORDS) -> Path:
    """Save a text model with a discriminator into a run."""
    torch.manual_seed(0)
    tokenizer = WordTokenizer(words, punctuation="keep")
    config = LSTMConfig(embedding=3, hidden=4, initial_std=0.9)
    size = tokenizer.vocabulary_size
    generator = LSTMGenerator(config, size, LENGTH, bos=1, eos=2, pad=0, given=given)
    trunk = TextCNN(
        TextCNNConfig(embedding=3, filters=((1, 4), (2, 4))), size, LENGTH + given, pad=0
    )
    save_text_model(
        folder / "model", generator, tokenizer, discriminator=Discriminator(trunk, trunk.features)
    )
    return folder
