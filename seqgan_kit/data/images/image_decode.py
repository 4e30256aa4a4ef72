"""Decode many images on all cores, within a memory budget, and report damaged ones."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqgan_kit.data.images.image_account import NAMED_PICTURES, ImageSplitAccount
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.image_rows import ImageRow
from seqgan_kit.data.images.pixels import Picture, decode
from seqgan_kit.errors import DataError

_CHUNK_PICTURES = 512
_SMALL_BYTES = 8192
_GIB = 1 << 30


@dataclass(frozen=True)
class Decoded:
    """A decoded image, with its row and a hash of its encoded bytes."""

    row: ImageRow
    picture: Picture
    digest: bytes


@dataclass
class Pictures:
    """One split, decoded.

    Attributes:
        account: counts of what was read and skipped.
        pixels: one ``[C,H,W]`` uint8 array per image.
        labels: raw label values by column.
        captions: one per image, empty if the source has none.
        digests: hashes of the encoded bytes, which decide the split.
    """

    account: ImageSplitAccount
    pixels: list[NDArray[np.uint8]] = field(default_factory=list)
    labels: dict[str, list[Any]] = field(default_factory=dict)
    captions: list[str] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)

    def add(self, item: Decoded) -> None:
        """Append one image."""
        self.pixels.append(item.picture.pixels)
        self.digests.append(item.digest)
        for name, value in item.row.labels.items():
            self.labels.setdefault(name, []).append(value)
        if item.row.caption is not None:
            self.captions.append(item.row.caption)

    def take(self, rows: list[int], account: ImageSplitAccount) -> Pictures:
        """Return the given rows as a split of their own."""
        return Pictures(
            account,
            [self.pixels[i] for i in rows],
            {name: [values[i] for i in rows] for name, values in self.labels.items()},
            [self.captions[i] for i in rows] if self.captions else [],
            [self.digests[i] for i in rows],
        )

    def tensor(self, cfg: ImageData) -> Tensor:
        """Return all images as one tensor ``[N,C,H,W]`` uint8."""
        if not self.pixels:
            return torch.empty((0, cfg.channels, cfg.size, cfg.size), dtype=torch.uint8)
        return torch.from_numpy(np.stack(self.pixels))


def decode_split(rows: Iterable[ImageRow], name: str, cfg: ImageData) -> Pictures:
    """Read a whole split.

    Raises:
        DataError: no image is readable, one is damaged and ``cfg.strict`` is set, or they exceed the budget.
    """
    log = DecodeLog(name, cfg)
    pictures = Pictures(log.account)
    for item in decode_rows(rows, cfg, log):
        pictures.add(item)
        if len(pictures.pixels) % _CHUNK_PICTURES == 0:
            check_budget(len(pictures.pixels), name, cfg, at_least=True)
    pictures.account = log.finished()
    return pictures


def decode_rows(rows: Iterable[ImageRow], cfg: ImageData, log: DecodeLog) -> Iterator[Decoded]:
    """Yield the readable images in order; report others in ``log``, or raise if ``cfg.strict`` is set."""
    rows = iter(rows)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while chunk := list(islice(rows, _CHUNK_PICTURES)):
            with warnings.catch_warnings():
                # Pillow warns about odd metadata in images that it reads correctly.
                warnings.filterwarnings("ignore", module=r"PIL\.")
                # For tiny images most time is spent in Python code, which threads do not speed up.
                small = sum(len(row.data) for row in chunk) < _SMALL_BYTES * len(chunk)
                decode_all = map if small else pool.map
                results = list(decode_all(lambda row: _try_decode(row, cfg), chunk))
            for row, result in zip(chunk, results, strict=True):
                if isinstance(result, Picture):
                    log.good(result)
                    yield Decoded(row, result, hashlib.blake2b(row.data, digest_size=16).digest())
                else:
                    log.bad(row, result)


def _try_decode(row: ImageRow, cfg: ImageData) -> Picture | str:
    if not row.data:
        return "empty, or the file is missing"
    try:
        return decode(row.data, size=cfg.size, channels=cfg.channels, crop=cfg.crop)
    except DataError as error:
        return str(error)


class DecodeLog:
    """A counter of the images of a split while they are decoded."""

    def __init__(self, name: str, cfg: ImageData):
        self.cfg = cfg
        self.account = ImageSplitAccount(name)

    def good(self, picture: Picture) -> None:
        """Count a readable image."""
        old, size = self.account, (picture.width, picture.height)
        sizes = [s for s in (old.smallest, size) if s != (0, 0)]
        self.account = replace(
            old,
            read=old.read + 1,
            kept=old.kept + 1,
            cropped=old.cropped + (picture.width != picture.height),
            enlarged=old.enlarged + (min(size) < self.cfg.size),
            smallest=min(sizes, key=_area),
            largest=max(old.largest, size, key=_area),
        )

    def bad(self, row: ImageRow, reason: str) -> None:
        """Count and name an unreadable image."""
        named = f"{row.name} ({reason})"
        if self.cfg.strict:
            raise DataError(
                f"cannot read the image {named}. Leave out --strict to skip such images."
            )
        old = self.account
        names = (*old.unreadable_names, named)[:NAMED_PICTURES]
        self.account = replace(
            old, read=old.read + 1, unreadable=old.unreadable + 1, unreadable_names=names
        )

    def finished(self) -> ImageSplitAccount:
        """Return the account; raise DataError if no image was readable."""
        if self.account.read == 0:
            raise DataError(f"{self.account.source} is empty: it has no images.")
        if self.account.kept == 0:
            raise DataError(
                f"none of the {self.account.read:,} images of {self.account.source} can be read: "
                f"{self.account.unreadable_names[0]}."
            )
        return self.account


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def check_budget(pictures: int, name: str, cfg: ImageData, *, at_least: bool = False) -> None:
    """Raise DataError if the decoded images would exceed ``cfg.memory_gib``."""
    need = pictures * cfg.channels * cfg.size**2 / _GIB
    if need > cfg.memory_gib:
        count = f"{'more than ' if at_least else ''}{pictures:,} images"
        raise DataError(
            f"{count} of {cfg.channels}x{cfg.size}x{cfg.size} from {name} need {need:.2g} GiB, more than "
            f"memory_gib {cfg.memory_gib:g}. Add --streaming, use a smaller --size, or raise --memory-gib."
        )
