"""A corpus with few labels: the choice of labelled images, and batches that contain them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqgan_kit.core.bounds import Count, Positive, bounded
from seqgan_kit.core.feeds import Feed, JoinedFeed, TensorFeed
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import DataError, UsageError, unknown


@dataclass(frozen=True)
@bounded
class LabelSettings:
    """Settings of the labelled images."""

    labelled: Count = 100
    """Number of labelled images, as balanced over the classes as possible (0: all that have the label)."""
    label: str = ""
    """Label to learn (default: the first label)."""
    labelled_batch_size: Positive = 100
    """Labelled images per update; at most all of them."""


@dataclass(frozen=True)
class FewLabels:
    """Labelled images and test images."""

    label: str
    names: tuple[str, ...]
    rows: Tensor
    """Places of the labelled images in the training data."""
    pictures: Tensor
    """[L,C,H,W] uint8 of these."""
    classes: Tensor
    """[L] their classes."""
    test: Tensor
    """[T,C,H,W] uint8."""
    test_classes: Tensor
    """[T]."""

    def line(self) -> str:
        """One-line summary for the console."""
        return (
            f"told: the {self.label} of {len(self.rows):,} images of {len(self.names)} classes; "
            f"tested on {len(self.test):,}"
        )


def few_labels(corpus: ImageCorpus, settings: LabelSettings, seed: int) -> FewLabels:
    """Draw the labelled images, the same for the same seed."""
    names = corpus.label_names
    if not names:
        raise DataError(
            "these images have no labels to learn. Sort them into sub-folders, one for each class, or name "
            "the label column of a parquet file with --label-column."
        )
    label = settings.label or next(iter(names))
    if label not in names:
        raise unknown("label", label, names)
    classes, tested = corpus.train_labels[label], corpus.test_labels[label] >= 0
    if not tested.any():
        raise DataError("there are no labelled test images: give some with --test-images.")
    if settings.labelled:
        rows = balanced_rows(classes, len(names[label]), settings.labelled, label, seed)
    else:
        rows = (classes >= 0).nonzero().flatten()
    return FewLabels(
        label, names[label], rows, corpus.train[rows], classes[rows],
        corpus.test[tested], corpus.test_labels[label][tested],
    )  # fmt: skip


def balanced_rows(classes: Tensor, count: int, total: int, label: str, seed: int) -> Tensor:
    """Places of ``total`` rows, as evenly of ``count`` classes as can be, drawn without replacement."""
    if total < count:
        raise UsageError(
            f"--labelled {total} is too few for the {count} classes of {label!r}: give {count} "
            "or more."
        )
    rng = torch.Generator().manual_seed(seed)
    chosen = []
    for number in range(count):
        rows = (classes == number).nonzero().flatten()
        share = total // count + (number < total % count)
        if len(rows) < share:
            raise DataError(
                f"class {number} of {label!r} has {len(rows)} training images, fewer than the {share} that "
                f"{total} labelled ones need. Ask for fewer (--labelled)."
            )
        chosen.append(rows[torch.randperm(len(rows), generator=rng)[:share]])
    return torch.cat(chosen)


def few_labels_feed(pictures: Feed, told: FewLabels, batch_size: int, **share: Any) -> JoinedFeed:
    """Return batches of a corpus with ``labelled`` [L,C,H,W] and ``classes`` [L] beside them."""
    tensors = {"labelled": told.pictures, "classes": told.classes}
    most = len(told.rows) // share.get("world_size", 1)
    labelled = TensorFeed(tensors, min(batch_size, most), transform=_normalised, **share)
    return JoinedFeed({"pictures": pictures, "labelled": labelled})


def _normalised(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {**batch, "labelled": to_float(batch["labelled"])}
