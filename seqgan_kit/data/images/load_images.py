"""Load images as one uint8 tensor: decode, resize and cache; normalisation is done on the device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import Any

from torch import Tensor

from seqgan_kit.data.cache import cache_key, load_entry, store_entry
from seqgan_kit.data.images.image_account import ImageAccount
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.image_corpus import (
    ImageCorpus,
    build_corpus,
    cut_test,
    learning_from,
)
from seqgan_kit.data.images.image_decode import check_budget, decode_split
from seqgan_kit.data.images.image_rows import locate_images, open_images
from seqgan_kit.data.images.image_stream import stream_images
from seqgan_kit.data.sources.resolve import Source
from seqgan_kit.data.sources.text_rows import row_count

__all__ = ["ImageCorpus", "ImageData", "load_images"]


def load_images(cfg: ImageData) -> ImageCorpus:
    """Read, split, decode and resize images, or load them from the cache.

    With ``cfg.streaming``, the tensors hold the first images of the corpus and ``feed`` streams all of it.
    """
    return learning_from(_read_images(replace(cfg, train_images=0)), cfg.train_images)


def _read_images(cfg: ImageData) -> ImageCorpus:
    """Do so, with all training images."""
    sources = locate_images(cfg)
    if cfg.streaming:
        return stream_images(cfg, sources)
    key = _key(cfg, sources)
    stored = load_entry(key, _restore) if key else None
    if stored is not None:
        return stored
    for source in sources.values():
        check_budget(row_count(source) or 0, str(source), cfg)
    tables = {split: open_images(source, cfg) for split, source in sources.items()}
    splits = {s: decode_split(t.read(), str(t.source), cfg) for s, t in tables.items()}
    splits = cut_test(cfg, splits)
    corpus = build_corpus(cfg, splits, tables["train"])
    if key:
        store_entry(key, *_entry(corpus))
    return corpus


def _key(cfg: ImageData, sources: Mapping[str, Source]) -> str | None:
    if any(source.format == "hub" for source in sources.values()):
        return None  # The hub has its own cache of encoded images, and there are no local files to hash.
    digests = {split: source.digest() for split, source in sources.items()}
    versions = {name: version(name) for name in ("datasets", "pillow")}
    # The account names the files, and a cached one may name those of another checkout.
    places = {split: str(source) for split, source in sources.items()}
    settings = {k: v for k, v in asdict(cfg).items() if k != "train_images"}  # taken afterwards
    parts = {"config": settings, "sources": digests, "places": places, "versions": versions}
    checked = {"refused": "grey as colour"}  # Entries of older versions were not checked.
    return cache_key("images", {**parts, **checked})


def _entry(corpus: ImageCorpus) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors = {"train": corpus.train, "test": corpus.test}
    tensors |= {f"train.{name}": t for name, t in corpus.train_labels.items()}
    tensors |= {f"test.{name}": t for name, t in corpus.test_labels.items()}
    captions = {"train": corpus.train_captions, "test": corpus.test_captions}
    return tensors, {"account": corpus.account.to_dict(), "captions": captions}


def _restore(tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> ImageCorpus:
    account = ImageAccount.from_dict(values["account"])
    names = dict(account.label_names)
    return ImageCorpus(
        train=tensors["train"],
        test=tensors["test"],
        train_labels={name: tensors[f"train.{name}"] for name in names},
        test_labels={name: tensors[f"test.{name}"] for name in names},
        label_names=names,
        train_captions=values["captions"]["train"],
        test_captions=values["captions"]["test"],
        account=account,
    )
