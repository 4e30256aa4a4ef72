"""Stream text that does not fit in memory; only its first lines are encoded as a corpus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice

import torch

from seqgan_kit.data.sources.resolve import Source
from seqgan_kit.data.sources.splits import split_of
from seqgan_kit.data.sources.streaming import Record, StreamFeed
from seqgan_kit.data.sources.text_rows import read_text, row_count
from seqgan_kit.data.text.encoding import clean_line, encode_corpus
from seqgan_kit.data.text.text_config import TextData
from seqgan_kit.data.text.text_corpus import TextCorpus
from seqgan_kit.data.text.tokenizer import EOS, PAD, Tokenizer
from seqgan_kit.errors import DataError, UsageError

UNKNOWN_EPOCH_ROWS = 100_000
"""Rows per epoch if the number of rows is unknown."""


def stream_text(cfg: TextData, sources: Mapping[str, Source]) -> TextCorpus:
    """Return a corpus whose tensors hold the first lines of a source and whose feed streams all of it.

    The feed recognises held-out lines by their hash wherever they occur, and leaves them out.
    """
    if cfg.max_tokens is None:
        raise UsageError(
            "streaming needs --max-tokens, since the length of rows must be known before all lines are read."
        )
    shares = _shares(cfg, sources)
    heads = {
        split: list(islice(read_text(source, cfg.column, streaming=True), cfg.sample_lines))
        for split, source in sources.items()
    }
    names = {split: f"head of {source}" for split, source in sources.items()}
    for split in shares:
        heads[split] = [x for x in heads["train"] if split_of(clean_line(x), shares) == split]
        names[split] = f"cut from the {names['train']}"
        if not heads[split]:
            raise DataError(
                f"none of the first {len(heads['train']):,} lines of {sources['train']} falls into {split}; "
                f"raise --sample-lines or give --{split}-text."
            )
    read = len(heads["train"])
    heads["train"] = [x for x in heads["train"] if split_of(clean_line(x), shares) == "train"]
    corpus = encode_corpus(cfg, heads, names, columns=cfg.max_tokens + 1)
    rows = read if read < cfg.sample_lines else row_count(sources["train"])
    note = (
        f"streaming: the tokenizer, the splits and the tensors come from the first {read:,} lines; training "
        f"reads all {f'{rows:,}' if rows else f'(an epoch is taken as {UNKNOWN_EPOCH_ROWS:,} lines)'}."
    )
    account = replace(corpus.account, notes=(*corpus.account.notes, note))
    feed = partial(
        StreamFeed,
        partial(text_records, cfg, sources["train"], corpus.tokenizer, shares),
        rows=rows or UNKNOWN_EPOCH_ROWS,
        shuffle_buffer=cfg.shuffle_buffer,
    )
    return replace(corpus, account=account, stream=feed)


def text_records(
    cfg: TextData,
    source: Source,
    tokenizer: Tokenizer,
    shares: Mapping[str, float],
    start: int,
    rank: int,
    world_size: int,
) -> Iterator[Record]:
    """Yield the encoded training rows of one rank, from row ``start`` of the source on."""
    columns = (cfg.max_tokens or 0) + 1
    for place, text in enumerate(read_text(source, cfg.column, start=start, streaming=True), start):
        if place % world_size != rank:
            continue
        line = clean_line(text)
        if line and split_of(line, shares) != "train":
            continue
        ids = tokenizer.encode(line)
        if 0 < len(ids) < columns:
            row = [*ids, EOS, *[PAD] * (columns - 1 - len(ids))]
            yield place, {"real": torch.tensor(row)}
        elif cfg.strict:
            raise DataError(
                f"row {place + 1} of {source} has {len(ids)} tokens; allowed are 1 to max_tokens "
                f"{cfg.max_tokens}. Leave out --strict to skip such rows."
            )


def _shares(cfg: TextData, sources: Mapping[str, Source]) -> dict[str, float]:
    shares = {"valid": cfg.valid_share, "test": cfg.test_share}
    return {split: share for split, share in shares.items() if split not in sources and share > 0}
