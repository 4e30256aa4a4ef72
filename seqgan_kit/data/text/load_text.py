"""Load text as tensors of token ids: read, split, tokenise, encode and cache."""

from __future__ import annotations

from dataclasses import asdict

from seqgan_kit.data.cache import cache_key, load_entry, store_entry
from seqgan_kit.data.sources.resolve import PLAIN_FORMATS, Source, locate_text
from seqgan_kit.data.sources.text_rows import (
    check_source,
    held_out_on_hub,
    library_versions,
    read_text,
    rows_digest,
)
from seqgan_kit.data.text.encoding import encode_corpus
from seqgan_kit.data.text.text_config import TextData
from seqgan_kit.data.text.text_corpus import SPLITS, TextCorpus
from seqgan_kit.errors import DataError

__all__ = ["TextCorpus", "TextData", "load_text", "text_sources"]


def load_text(cfg: TextData) -> TextCorpus:
    """Read, split and encode a corpus, or load it from the cache.

    With ``cfg.streaming``, the tensors hold the first lines of the corpus and ``feed`` streams all of it.
    """
    sources = text_sources(cfg)
    for source in sources.values():
        check_source(source)
    if cfg.streaming:
        from seqgan_kit.data.text.text_stream import stream_text

        return stream_text(cfg, sources)
    # A hub dataset has no files to hash, so its rows are read first.
    on_hub = {
        s: list(read_text(src, cfg.column)) for s, src in sources.items() if src.format == "hub"
    }
    digests = {
        split: rows_digest(on_hub[split]) if split in on_hub else source.digest()
        for split, source in sources.items()
    }
    # The account names the files, and a cached one may name those of another checkout.
    places = {split: str(source) for split, source in sources.items()}
    parts = {"sources": digests, "places": places, "versions": library_versions(cfg.tokenizer)}
    key = cache_key("text", {"config": asdict(cfg), **parts})
    stored = load_entry(key, TextCorpus.from_entry)
    if stored is not None:
        return stored
    rows = {
        split: on_hub[split] if split in on_hub else list(read_text(source, cfg.column))
        for split, source in sources.items()
    }
    corpus = encode_corpus(cfg, rows, places).with_training_lines(cfg.train_lines)
    store_entry(key, corpus.tensors(), corpus.values())
    return corpus


def text_sources(cfg: TextData) -> dict[str, Source]:
    """Return the sources by split: those of ``text``, overridden by ``valid_text`` and ``test_text``."""
    found = locate_text(cfg.text, split=cfg.split, revision=cfg.revision)
    if found["train"].format == "hub":
        found |= held_out_on_hub(found["train"])
    for split, name in (("valid", cfg.valid_text), ("test", cfg.test_text)):
        if name is not None:
            given = locate_text(name, revision=cfg.revision)
            found[split] = given.get(split, given["train"])
    if cfg.column is not None and all(source.format in PLAIN_FORMATS for source in found.values()):
        raise DataError(
            f"--column {cfg.column}: {found['train']} is plain text, a line each, and has no columns. Leave "
            "--column out, or give a .csv, .jsonl or .parquet file."
        )
    return {split: found[split] for split in SPLITS if split in found}
