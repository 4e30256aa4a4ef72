"""Corpora sampled from an oracle, in the form of any other text."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from seqgan_kit.core.bounds import Count, Several, Size, bounded
from seqgan_kit.data.text.numbers import NumberTokenizer
from seqgan_kit.data.text.text_account import Account, SplitAccount
from seqgan_kit.data.text.text_corpus import SPLITS, TextCorpus
from seqgan_kit.sequences.generators.lstm import LSTMGenerator
from seqgan_kit.sequences.worlds.oracle import open_oracle


@dataclass(frozen=True)
@bounded
class OracleData:
    """Settings of an oracle: rows of an LSTM with fixed random weights instead of text."""

    oracle: str = ""
    """Oracle to learn from: seed:N draws its weights from N(0, 1), FILE.npz holds them; empty for text."""
    oracle_length: Size = 20
    """Tokens per row (Yu et al. 2017: 20)."""
    oracle_vocabulary: Several = 5000
    """Vocabulary of a seeded oracle (the paper: 5000); a file has its own."""
    oracle_width: Size = 32
    """Width of a seeded oracle's embeddings and LSTM (the paper: 32); a file has its own."""
    oracle_rows: Several = 10_000
    """Training rows (the paper: 10,000)."""
    oracle_held_out: Several = 2000
    """Rows of the validation split and of the test split, each."""
    oracle_data_seed: Count = 0
    """Seed of the rows. It is separate from the run's seed, so that runs share the same rows."""


def load_oracle(cfg: OracleData) -> tuple[LSTMGenerator, TextCorpus]:
    """Return the oracle and a corpus of its rows; ``test`` and ``valid`` do not depend on ``oracle_rows``."""
    oracle = open_oracle(
        cfg.oracle,
        vocabulary=cfg.oracle_vocabulary,
        length=cfg.oracle_length,
        embedding=cfg.oracle_width,
        hidden=cfg.oracle_width,
    )
    rng = torch.Generator().manual_seed(cfg.oracle_data_seed)
    sizes = {"test": cfg.oracle_held_out, "valid": cfg.oracle_held_out, "train": cfg.oracle_rows}
    rows = {split: oracle.sample(size, rng=rng) for split, size in sizes.items()}
    tokenizer = NumberTokenizer(oracle.vocabulary)
    lines = {split: [tokenizer.decode(row) for row in rows[split].tolist()] for split in SPLITS}
    corpus = TextCorpus(
        tokenizer=tokenizer,
        train=rows["train"],
        valid=rows["valid"],
        test=rows["test"],
        train_lines=lines["train"],
        valid_lines=lines["valid"],
        test_lines=lines["test"],
        account=_account(cfg.oracle, oracle, sizes),
    )
    return oracle, corpus


def _account(source: str, oracle: LSTMGenerator, sizes: dict[str, int]) -> Account:
    splits = {
        split: SplitAccount(
            f"drawn from {source}",
            sizes[split],
            kept=sizes[split],
            tokens=sizes[split] * oracle.length,
        )
        for split in SPLITS
    }
    return Account("number", oracle.vocabulary, 0, oracle.length, splits, special=0)
