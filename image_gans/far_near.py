"""Labelled images of objects far and near: small or blurred ones, and large and sharp ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqgan_kit.core.bounds import bounded
from seqgan_kit.core.feeds import JoinedFeed, TensorFeed
from seqgan_kit.core.runs.runtime import mixed_seed
from seqgan_kit.data.images.pixels import to_float, to_uint8
from seqgan_kit.data.pairs.image_pairs import ImagePairs
from seqgan_kit.errors import DataError, UsageError, unknown

LABEL = "label."
"""Before the name of a label in a batch."""
_SEED = 20170620


@dataclass(frozen=True)
@bounded
class FarLabels:
    """What is to be named."""

    labels: tuple[str, ...] = ("eyes", "expression")
    """Labels to name."""


@dataclass(frozen=True)
class FarNear:
    """Training and test images, far and near, with the labels of both.

    Attributes:
        far, near, far_test, near_test: [N,C,H,W] uint8; images at one place show the same.
        labels, test_labels: [N] class numbers by label; -1 where there is none.
        label_names: the classes of each label.
        reduction: pixels of a far image, in each direction, that show one; 1 if unknown.
    """

    far: Tensor
    near: Tensor
    far_test: Tensor
    near_test: Tensor
    labels: Mapping[str, Tensor]
    test_labels: Mapping[str, Tensor]
    label_names: Mapping[str, tuple[str, ...]]
    reduction: int

    def line(self) -> str:
        """One-line summary for the console."""
        names = " and ".join(f"{name} ({len(v)} classes)" for name, v in self.label_names.items())
        return f"named: {names}; {len(self.far):,} far and near images, tested on {len(self.far_test):,}"

    def feed(self, batch_size: int, **share: Any) -> JoinedFeed:
        """Return batches with ``far`` [B,C,H,W], its labels as ``label.NAME`` [B], and ``real``, near images.

        Far and near images are shuffled independently, so a batch has no pairs.
        """
        labels = {f"{LABEL}{name}": values for name, values in self.labels.items()}
        far = {"far": self.far, **labels}
        other = {**share, "seed": mixed_seed(share["seed"], 1)}
        return JoinedFeed(
            {
                "far": TensorFeed(far, batch_size, transform=_in_range, **share),
                "near": TensorFeed({"real": self.near}, batch_size, transform=_in_range, **other),
            }
        )


def far_near(pairs: ImagePairs, wanted: FarLabels, reduction: int | None) -> FarNear:
    """Return the sources of pairs as far images, their targets as near ones, and the wanted labels.

    A corruption makes the sources once.
    """
    names = pairs.label_names
    if not names or not pairs.train.labels:
        raise DataError(
            "these pairs have no labels to learn: give --pairs catworld:near, or --pairs damage:low2 with "
            "labelled images (--targets)."
        )
    if not wanted.labels:
        raise UsageError(f"no label is to be named: give --labels some of {', '.join(names)}.")
    for label in wanted.labels:
        if label not in names:
            raise unknown("label", label, names)
    far = pairs.train.sources
    if pairs.damage is not None:
        rng = torch.Generator().manual_seed(_SEED)
        far = to_uint8(pairs.damage(to_float(pairs.train.targets), rng))
    return FarNear(
        far, pairs.train.targets, pairs.test.sources, pairs.test.targets,
        {label: pairs.train.labels[label] for label in wanted.labels},
        {label: pairs.test.labels[label] for label in wanted.labels},
        {label: names[label] for label in wanted.labels},
        reduction or 1,
    )  # fmt: skip


def _in_range(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n: v if n.startswith(LABEL) else to_float(v) for n, v in batch.items()}
