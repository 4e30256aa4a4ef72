"""Load pairs of images as tensors: a source, and the target that a translator should produce."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqgan_kit.core.feeds import Feed, JoinedFeed, TensorFeed
from seqgan_kit.core.runs.runtime import mixed_seed
from seqgan_kit.data.images.corruptions import PLACED, Corruption, corruption
from seqgan_kit.data.images.load_images import load_images
from seqgan_kit.data.images.pixels import decode, to_float, to_uint8
from seqgan_kit.data.pairs.damaged_feed import DamagedFeed, changed_pixels
from seqgan_kit.data.pairs.image_pair_config import CATWORLD, DAMAGE, ImagePairData
from seqgan_kit.data.pairs.image_pair_rows import ImagePairRow, pair_rows
from seqgan_kit.data.pairs.world_pairs import PairSplit, world_pairs
from seqgan_kit.data.sources.splits import assign
from seqgan_kit.errors import DataError, UsageError

_NAMED = 5
_TEST_SEED = 20170209


@dataclass(frozen=True)
class ImagePairs:
    """Pairs ready to train on.

    Attributes:
        train, test: the splits; with damage, the sources of ``train`` are copies of its targets.
        label_names: the classes of each label.
        damage: corruption that computes sources from targets at every draw; None for fixed pairs.
        lines: summary of the data for the console.
        matched: whether a source and the target at its place are a pair; if not, their numbers may differ.
    """

    train: PairSplit
    test: PairSplit
    label_names: Mapping[str, tuple[str, ...]]
    damage: Corruption | None
    lines: tuple[str, ...]
    matched: bool = True

    def feed(self, batch_size: int, *, masks: bool = False, **share: Any) -> Feed:
        """Return batches ``{"real": [B,2C,H,W]}`` in [-1,1]: channels of the source, then of its target.

        With ``masks``, also ``"mask"`` [B,1,H,W]: 1 where a target may differ from its source, else 0.
        """
        tensors = {"source": self.train.sources, "target": self.train.targets}
        if masks and self.test.masks is None:
            raise UsageError(
                "this method needs pairs that are known to differ in a part of the image, and these have no "
                "masks: give --pairs catworld:hand or another view that edits an image, or damage:boxes or "
                "damage:strokes."
            )
        if masks and self.train.masks is not None:
            tensors["mask"] = self.train.masks
        feed: Feed = TensorFeed(tensors, batch_size, transform=_in_range, **share)
        if self.damage is not None:
            feed = DamagedFeed(feed, self.damage, share["seed"], share.get("rank", 0), masks=masks)
        return feed

    def with_worse_targets(self, name: str) -> ImagePairs:
        """Return the pairs with a corruption of all targets, drawn once, as by a camera."""
        if self.damage is not None:
            raise UsageError(
                f"targets cannot be corrupted by {name!r} where damage: makes sources of them afresh. Give "
                "folders of images or catworld:VIEW."
            )
        worse, rng = corruption(name), torch.Generator().manual_seed(_TEST_SEED)
        train, test = (
            replace(split, targets=to_uint8(worse(to_float(split.targets), rng)), masks=None)
            for split in (self.train, self.test)
        )
        lines = (*self.lines, f"targets: {name}")
        return ImagePairs(train, test, self.label_names, None, lines)

    def unpaired(self) -> tuple[Tensor, Tensor]:
        """Return sources and targets [N,C,H,W] uint8 that are no pairs.

        They are the sources of the first half of the training pairs and the targets of the second, or all
        images of two sets.
        """
        if not self.matched:
            return self.train.sources, self.train.targets
        half = len(self.train) // 2
        return self.train.sources[:half], self.train.targets[half:]

    def unpaired_feed(self, batch_size: int, **share: Any) -> Feed:
        """Return batches ``{"source", "real"}`` [B,C,H,W] in [-1,1] without pairs.

        Sources come from the first half of the pairs and targets from the second, each shuffled
        independently.
        """
        if self.damage is not None:
            raise UsageError(
                "unpaired training takes fixed images, and damage: makes its sources afresh at every "
                "draw. Give folders of images or catworld:VIEW."
            )
        (sources, targets), seed = self.unpaired(), share.pop("seed")
        parts = {
            "targets": ({"real": targets}, seed),
            "sources": ({"source": sources}, mixed_seed(seed, 1)),
        }
        return JoinedFeed(
            {
                name: TensorFeed(tensors, batch_size, transform=_in_range, seed=own, **share)
                for name, (tensors, own) in parts.items()
            }
        )


def load_image_pairs(cfg: ImagePairData) -> ImagePairs:
    """Read, split, decode and resize pairs of images.

    Raises:
        DataError: if a name has no partner, the images of a pair differ in size, a side-by-side image has an
            odd width, or no pair is readable.
        UsageError: for an unknown view or corruption.
    """
    if cfg.pairs.startswith(CATWORLD):
        found = _of_world(cfg)
    elif cfg.pairs.startswith(DAMAGE):
        found = _damaged(cfg)
    else:
        found = _of_files(cfg)
    if not cfg.reverse:
        return found
    if found.damage is not None:
        raise UsageError(
            "--reverse would learn to damage images, and damage: is the same at no two draws. Leave it out."
        )
    return ImagePairs(found.train.reversed(), found.test.reversed(), {}, None, found.lines)


def _of_world(cfg: ImagePairData) -> ImagePairs:
    view = cfg.pairs.removeprefix(CATWORLD)
    train, test, names = world_pairs(view, cfg)
    line = f"train: {len(train):,} pairs of the view {view}; test: {len(test):,}"
    return ImagePairs(train, test, names, None, (_shape(cfg), line))


def _damaged(cfg: ImagePairData) -> ImagePairs:
    name = cfg.pairs.removeprefix(DAMAGE)
    damage = corruption(name)
    corpus = load_images(cfg.images_like(cfg.targets or "catworld"))
    rng = torch.Generator().manual_seed(_TEST_SEED)
    sources = to_uint8(damage(to_float(corpus.test), rng))
    masks = changed_pixels(sources, corpus.test) if name in PLACED else None
    test = PairSplit(sources, corpus.test, masks, corpus.test_labels)
    train = PairSplit(corpus.train, corpus.train, None, corpus.train_labels)
    lines = (*corpus.account.lines(), f"sources: {name}, afresh at every draw")
    return ImagePairs(train, test, corpus.label_names, damage, lines)


def _of_files(cfg: ImagePairData) -> ImagePairs:
    lines, splits = [_shape(cfg)], {}
    for split, rows in pair_rows(cfg).items():
        splits[split], digests, line = _decoded(rows, split, cfg)
        lines.append(line)
        if split == "train":
            train_digests = digests
    if "test" not in splits:
        splits |= _cut(splits["train"], train_digests, cfg)
        lines.append(f"test: {len(splits['test']):,} pairs cut from them")
    return ImagePairs(splits["train"], splits["test"], {}, None, tuple(lines))


def _decoded(
    rows: Iterable[ImagePairRow], split: str, cfg: ImagePairData
) -> tuple[PairSplit, list[bytes], str]:
    """Return a split, the digests of its pairs, and its counts."""
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    digests, unreadable = [], []
    for row in rows:
        try:
            pair = [_read(data, cfg) for data in (row.source, row.target)]
        except DataError as error:
            if cfg.strict:
                raise DataError(
                    f"cannot read the pair {row.name} ({error}). Leave --strict out to skip such pairs."
                ) from None
            unreadable.append(f"{row.name} ({error})")
            continue
        (source, one), (target, two) = pair
        if one != two:
            raise DataError(
                f"the images of the pair {row.name} have two sizes: the source {one[0]} x {one[1]} "
                f"pixels, the target {two[0]} x {two[1]}. Give both the same size."
            )
        kept.append((source, target))
        digests.append(hashlib.blake2b(row.source + row.target, digest_size=16).digest())
    if not kept:
        raise DataError(
            f"{cfg.pairs} has no pair that can be read"
            f"{': ' + unreadable[0] if unreadable else ''}. Give PNG or JPEG images."
        )
    line = f"{split}: {len(kept):,} pairs"
    if unreadable:
        more = f" and {len(unreadable) - _NAMED:,} more" if len(unreadable) > _NAMED else ""
        line += f"; skipped {len(unreadable):,} unreadable: {'; '.join(unreadable[:_NAMED])}{more}"
    sources, targets = (torch.from_numpy(np.stack(images)) for images in zip(*kept, strict=True))
    return PairSplit(sources, targets), digests, line


def _read(data: bytes, cfg: ImagePairData) -> tuple[np.ndarray, tuple[int, int]]:
    picture = decode(data, size=cfg.size, channels=cfg.channels, crop="centre")
    return picture.pixels, (picture.width, picture.height)


def _cut(train: PairSplit, digests: list[bytes], cfg: ImagePairData) -> dict[str, PairSplit]:
    """Split pairs into train and test by a hash of their bytes."""
    places = assign(digests, {"test": cfg.test_share}) if cfg.test_share else None
    if places is None:
        raise DataError(
            f"{cfg.pairs} has {len(train):,} pair{'s' * (len(train) != 1)} and no test split, and the "
            "test needs some: give at least 2 different pairs and a --test-share above 0."
        )
    rows = {
        split: torch.tensor([i for i, digest in enumerate(digests) if places[digest] == split])
        for split in ("train", "test")
    }
    return {s: PairSplit(train.sources[at], train.targets[at]) for s, at in rows.items()}


def _shape(cfg: ImagePairData) -> str:
    colours = "grey" if cfg.channels == 1 else "colour"
    return f"pairs of {cfg.size}x{cfg.size} pixels, {colours}"


def _in_range(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Scale to [-1,1] and concatenate each source and its target along the channels."""
    masks = {"mask": batch.pop("mask").float()} if "mask" in batch else {}
    images = {name: to_float(pixels) for name, pixels in batch.items()}
    if "target" in images:
        return {"real": torch.cat([images["source"], images["target"]], 1), **masks}
    return images
