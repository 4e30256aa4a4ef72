"""Rows of jsonl, csv, parquet and hub sources through HuggingFace ``datasets``.

Local files are read in streaming mode: what is kept is the encoded tensor, so a second copy of the corpus
in the library's own cache (keyed by modification time) would only cost disk and could go stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from seqgan_kit.data.plaintext import check_text, read_lines
from seqgan_kit.data.sources import Source


def read_text(source: Source, column: str | None) -> Iterator[str]:
    """Raw text rows of a source, in order."""
    if source.format == "txt":
        for path in source.files:
            check_text(path)
            yield from read_lines(path)
        return
    raise NotImplementedError


def held_out_on_hub(train: Source) -> dict[str, Source]:
    raise NotImplementedError


def library_versions(tokenizer: str) -> dict[str, str]:
    """Versions of the libraries that an encoding depends on."""
    names = ["datasets"] + (["sentencepiece"] if tokenizer in ("unigram", "bpe") else [])
    return {name: version(name) for name in names}
