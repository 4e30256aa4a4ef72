"""Pairs of views of the cat world, drawn once and then read from the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqgan_kit.data.catworld.build import BUNDLED_SEED
from seqgan_kit.data.catworld.drawn_tensors import drawn_tensors
from seqgan_kit.data.catworld.scenes.scene import LABEL_NAMES
from seqgan_kit.data.catworld.views.world_views import Shown, check_view, draw_views, scene_of_face
from seqgan_kit.data.pairs.image_pair_config import ImagePairData

_TRAIN, _TEST = 1, 3  # the random streams of the bundled faces, so that pairs show the same scenes
_TEST_PAIRS = 6  # training pairs for each test pair


@dataclass(frozen=True)
class PairSplit:
    """One split of pairs.

    Attributes:
        sources, targets: ``[N,C,H,W]`` uint8.
        masks: ``[N,1,H,W]`` bool, True where a target may differ from its source; None if unknown.
        labels: ``[N]`` int64 per label name, the labels of the targets.
    """

    sources: Tensor
    targets: Tensor
    masks: Tensor | None = None
    labels: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.targets)

    def reversed(self) -> PairSplit:
        """Return the split with sources and targets swapped; the labels were those of the targets."""
        return PairSplit(self.targets, self.sources, self.masks)


def world_pairs(
    view: str, cfg: ImagePairData
) -> tuple[PairSplit, PairSplit, dict[str, tuple[str, ...]]]:
    """Return training and test pairs of a view of the bundled scenes, and the label names."""
    check_view(view)
    test = max(2, cfg.world_pairs // _TEST_PAIRS)
    tensors = drawn_tensors(
        "views",
        {"view": view, "size": cfg.size, "pairs": cfg.world_pairs, "test": test},
        cfg.channels,
        lambda: {
            f"{name}.{part}": tensor
            for name, stream, count in (("train", _TRAIN, cfg.world_pairs), ("test", _TEST, test))
            for part, tensor in _parts(_drawn(view, stream, count, cfg.size)).items()
        },
    )
    return _restored(tensors, "train"), _restored(tensors, "test"), dict(LABEL_NAMES)


def scene_of_test(number: int) -> Shown:
    """Return the scene and the moment of a test pair."""
    return scene_of_face(BUNDLED_SEED, _TEST, number)


def drawn_test_pairs(view: str, count: int, size: int) -> PairSplit:
    """Draw the first ``count`` test pairs of a view, without the cache."""
    check_view(view)
    return _drawn(view, _TEST, count, size)


def _drawn(view: str, stream: int, count: int, size: int) -> PairSplit:
    pairs = [draw_views(view, *scene_of_face(BUNDLED_SEED, stream, n), size) for n in range(count)]
    sources, targets = (
        torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).copy())
        for images in ([p.source for p in pairs], [p.target for p in pairs])
    )
    masks = torch.from_numpy(np.stack([pair.mask for pair in pairs]))[:, None]
    labels = {name: torch.tensor([p.labels[name] for p in pairs]) for name in LABEL_NAMES}
    return PairSplit(sources, targets, masks, labels)


def _parts(split: PairSplit) -> dict[str, Tensor]:
    assert split.masks is not None
    tensors: dict[str, Any] = {
        "sources": split.sources,
        "targets": split.targets,
        "masks": split.masks,
    }
    return tensors | {f"label.{name}": values for name, values in split.labels.items()}


def _restored(tensors: Mapping[str, Tensor], name: str) -> PairSplit:
    labels = {label: tensors[f"{name}.label.{label}"] for label in LABEL_NAMES}
    sources, targets, masks = (
        tensors[f"{name}.{part}"] for part in ("sources", "targets", "masks")
    )
    return PairSplit(sources, targets, masks, labels)
