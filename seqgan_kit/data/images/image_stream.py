"""Stream images that do not fit in memory; only the first images are decoded as a corpus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice

import torch

from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.image_corpus import (
    ImageCorpus,
    build_corpus,
    cut_test,
    normalised,
    number_labels,
)
from seqgan_kit.data.images.image_decode import (
    DecodeLog,
    Pictures,
    check_budget,
    decode_rows,
    decode_split,
)
from seqgan_kit.data.images.image_rows import ImageTable, open_images
from seqgan_kit.data.sources.resolve import Source
from seqgan_kit.data.sources.splits import split_of
from seqgan_kit.data.sources.streaming import Record, StreamFeed
from seqgan_kit.data.sources.text_rows import row_count

UNKNOWN_EPOCH_ROWS = 100_000
"""Images per epoch if their number is unknown."""


def stream_images(cfg: ImageData, sources: Mapping[str, Source]) -> ImageCorpus:
    """Return a corpus whose tensors hold the first images of a source and whose feed streams all of it.

    The feed recognises test images by a hash of their bytes, and leaves them out.
    """
    check_budget(
        cfg.shuffle_buffer + 2 * cfg.sample_images, "the shuffle buffer and the samples", cfg
    )
    tables = {split: open_images(source, cfg) for split, source in sources.items()}
    heads = {split: _head(table, cfg) for split, table in tables.items()}
    share = {} if "test" in sources or not cfg.test_share else {"test": cfg.test_share}
    corpus = build_corpus(cfg, cut_test(cfg, heads), tables["train"])
    read = heads["train"].account.read
    rows = read if read < cfg.sample_images else row_count(sources["train"])
    note = (
        f"streaming: the tensors come from the first {read:,} images; training reads all "
        f"{f'{rows:,}' if rows else f'(an epoch is taken as {UNKNOWN_EPOCH_ROWS:,} images)'}."
    )
    feed = partial(
        StreamFeed,
        partial(image_records, cfg, tables["train"], corpus.label_names, share),
        rows=rows or UNKNOWN_EPOCH_ROWS,
        shuffle_buffer=cfg.shuffle_buffer,
        transform=normalised,
    )
    return replace(corpus, account=replace(corpus.account, notes=(note,)), stream=feed)


def image_records(
    cfg: ImageData,
    table: ImageTable,
    label_names: Mapping[str, tuple[str, ...]],
    share: Mapping[str, float],
    start: int,
    rank: int,
    world_size: int,
) -> Iterator[Record]:
    """Yield the decoded training images of one rank, from row ``start`` of the source on."""
    own = (row for row in table.read(start) if row.index % world_size == rank)
    for item in decode_rows(own, cfg, DecodeLog(str(table.source), cfg)):
        if split_of(item.digest, share) == "train":
            record = {"real": torch.from_numpy(item.picture.pixels)}
            for name, names in label_names.items():
                stated = bool(table.labels[name])
                record[name] = number_labels([item.row.labels[name]], names, stated=stated)[0]
            yield item.row.index, record


def _head(table: ImageTable, cfg: ImageData) -> Pictures:
    return decode_split(islice(table.read(), cfg.sample_images), f"head of {table.source}", cfg)
