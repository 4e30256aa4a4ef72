"""Portraits at different ages to train on, and test portraits with their exact twins at all ages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqgan_kit.core.bounds import Several, bounded
from seqgan_kit.data.catworld.build import BUNDLED_SEED
from seqgan_kit.data.catworld.drawing.face import AGES
from seqgan_kit.data.catworld.drawn_tensors import drawn_tensors
from seqgan_kit.data.catworld.views.portraits import (
    PORTRAIT_LABELS,
    draw_at,
    draw_at_every_age,
    portrait,
    portrait_labels,
)
from seqgan_kit.data.images.image_account import ImageAccount, ImageSplitAccount
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.load_images import load_images

WORLD = "catworld"
_TRAIN, _TEST = 81, 83  # streams of random numbers that no other drawing uses


@dataclass(frozen=True)
@bounded
class AgeData:
    """Settings of the cat world's portraits."""

    world_portraits: Several = 3000
    """catworld: cats to train on, each at one age."""
    test_portraits: Several = 200
    """catworld: cats to test on, each drawn at every age."""


@dataclass(frozen=True)
class Twins:
    """Test images at every class of a label, all else equal.

    Attributes:
        images: ``[N,A,C,H,W]`` uint8.
        masks: ``[N,1,H,W]`` bool, True where two classes differ.
    """

    images: Tensor
    masks: Tensor


@dataclass(frozen=True)
class AgeSets:
    """Labelled images; those of the cat world have test twins, one of which is the corpus's test image."""

    corpus: ImageCorpus
    twins: Twins | None = None

    def lines(self) -> list[str]:
        """Return counts for the console."""
        known = (
            [] if self.twins is None else [f"test cats at every age: {len(self.twins.images):,}"]
        )
        return [*self.corpus.account.lines(), *known]


def load_age_sets(cfg: ImageData, ages: AgeData) -> AgeSets:
    """Draw the cat world's portraits, or read the user's labelled images, which have no twins."""
    if cfg.images != WORLD:
        return AgeSets(load_images(cfg))
    trained, tested = ages.world_portraits, ages.test_portraits
    tensors = drawn_tensors(
        "portraits",
        {"size": cfg.size, "train": trained, "test": tested},
        cfg.channels,
        lambda: {**_train(cfg.size, trained), **_test(cfg.size, tested)},
    )
    return _sets(tensors, cfg)


def _sets(tensors: dict[str, Tensor], cfg: ImageData) -> AgeSets:
    twins = Twins(tensors["twins"], tensors["masks"].bool())
    ages = tensors["test.age"]
    splits = {
        name: ImageSplitAccount(
            "the cat world's portraits", read=count, kept=count,
            smallest=(cfg.size, cfg.size), largest=(cfg.size, cfg.size),
        )
        for name, count in {"train": len(tensors["train"]), "test": len(ages)}.items()
    }  # fmt: skip
    train, test = (
        {name: tensors[f"{split}.{name}"] for name in PORTRAIT_LABELS} for split in splits
    )
    shown = twins.images[torch.arange(len(ages)), ages]
    account = ImageAccount(cfg.size, cfg.channels, splits, dict(PORTRAIT_LABELS))
    corpus = ImageCorpus(
        tensors["train"], shown, train, test, dict(PORTRAIT_LABELS), [], [], account
    )
    return AgeSets(corpus, twins)


def _train(size: int, count: int) -> dict[str, Tensor]:
    images, labels = [], []
    for number in range(count):
        rng = np.random.default_rng((BUNDLED_SEED, _TRAIN, number))
        shown, age = portrait(rng), int(rng.integers(len(AGES)))
        images.append(draw_at(shown, age, size))
        labels.append(portrait_labels(shown, age))
    return {"train": _stacked(images), **_columns("train", labels)}


def _test(size: int, count: int) -> dict[str, Tensor]:
    """Return twins, masks and labels; the age of a test image goes round, so that all are equally many."""
    cats = [portrait(np.random.default_rng((BUNDLED_SEED, _TEST, n))) for n in range(count)]
    drawn = [draw_at_every_age(shown, size) for shown in cats]
    masks = torch.from_numpy(np.stack([found.mask for found in drawn])[:, None].astype(np.uint8))
    twins = torch.stack([_stacked(list(found.images)) for found in drawn])
    labels = [portrait_labels(shown, number % len(AGES)) for number, shown in enumerate(cats)]
    return {"twins": twins, "masks": masks, **_columns("test", labels)}


def _columns(split: str, labels: Sequence[dict[str, int]]) -> dict[str, Tensor]:
    return {
        f"{split}.{name}": torch.tensor([row[name] for row in labels]) for name in PORTRAIT_LABELS
    }


def _stacked(images: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).copy())
