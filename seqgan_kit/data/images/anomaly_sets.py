"""Normal images to train on, and test images with anomalies of known kinds, with masks if they are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from seqgan_kit.core.bounds import Several, bounded
from seqgan_kit.data.catworld.build import BUNDLED_SEED
from seqgan_kit.data.catworld.drawn_tensors import drawn_tensors
from seqgan_kit.data.catworld.views.strange_faces import STRANGE, Face, normal_face, strange_face
from seqgan_kit.data.images.image_account import ImageAccount, ImageSplitAccount
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.load_images import load_images

WORLD = "catworld"
_TRAIN, _TEST, _STRANGE = 71, 73, 74  # streams of random numbers that no other drawing uses


@dataclass(frozen=True)
@bounded
class AnomalyData:
    """Settings of the test images with anomalies."""

    anomalies: str | None = None
    """Test images with anomalies: a folder or another source as for images; sub-folders are kinds (default:
    of catworld, faces with a hat and faces with odd eyes; else none)."""
    world_faces: Several = 3000
    """catworld: normal faces to train on, without hats and odd eyes."""
    test_faces: Several = 300
    """catworld: test faces of each kind: normal, with a hat, with odd eyes."""


@dataclass(frozen=True)
class AnomalousImages:
    """Test images of one kind of anomaly.

    Attributes:
        images: ``[N,C,H,W]`` uint8.
        masks: ``[N,1,H,W]`` bool, True on anomalous pixels; None if unknown.
    """

    images: Tensor
    masks: Tensor | None = None


@dataclass(frozen=True)
class AnomalySets:
    """Normal images, whose test split is compared with anomalous ones, by kind."""

    normal: ImageCorpus
    anomalous: Mapping[str, AnomalousImages]

    def lines(self) -> list[str]:
        """Return counts for the console."""
        counts = ", ".join(f"{len(x.images):,} of {kind}" for kind, x in self.anomalous.items())
        return [*self.normal.account.lines(), f"anomalous test images: {counts or 'none'}"]


def load_anomaly_sets(cfg: ImageData, anomalies: AnomalyData) -> AnomalySets:
    """Draw the cat world's faces, or read the user's images."""
    if cfg.images == WORLD and anomalies.anomalies is None:
        return _world(cfg, anomalies)
    normal = load_images(cfg)
    if anomalies.anomalies is None:
        return AnomalySets(normal, {})
    read = load_images(
        replace(cfg, images=anomalies.anomalies, test_images=None, test_share=0.0, streaming=False)
    )
    if not read.label_names:
        return AnomalySets(normal, {"anomalies": AnomalousImages(read.train)})
    label, names = next(iter(read.label_names.items()))
    of = {name: read.train[read.train_labels[label] == i] for i, name in enumerate(names)}
    return AnomalySets(normal, {name: AnomalousImages(x) for name, x in of.items() if len(x)})


def _world(cfg: ImageData, anomalies: AnomalyData) -> AnomalySets:
    counts = {"train": anomalies.world_faces, "test": anomalies.test_faces}
    what = {"size": cfg.size, **counts}
    tensors = drawn_tensors("strange", what, cfg.channels, lambda: _drawn(cfg.size, counts))
    splits = {
        name: ImageSplitAccount(
            "the cat world without hats and odd eyes", read=count, kept=count,
            smallest=(cfg.size, cfg.size), largest=(cfg.size, cfg.size),
        )
        for name, count in counts.items()
    }  # fmt: skip
    normal = ImageCorpus(
        tensors["train"], tensors["test"], {}, {}, {}, [], [],
        ImageAccount(cfg.size, cfg.channels, splits, {}),
    )  # fmt: skip
    found = {
        kind: AnomalousImages(tensors[kind], tensors[f"{kind}.mask"].bool()) for kind in STRANGE
    }
    return AnomalySets(normal, found)


def _drawn(size: int, counts: Mapping[str, int]) -> dict[str, Tensor]:
    def faces(draw: Callable[[np.random.Generator, int], Face], stream: int, n: int) -> list[Face]:
        return [draw(np.random.default_rng((BUNDLED_SEED, stream, i)), size) for i in range(n)]

    train, test = counts["train"], counts["test"]
    found = {
        "train": faces(normal_face, _TRAIN, train),
        "test": faces(partial(normal_face, tested=True), _TEST, test),
    }
    for number, kind in enumerate(STRANGE):
        found[kind] = faces(partial(strange_face, kind), _STRANGE + number, test)
    tensors = {name: _stacked([face.image for face in drawn]) for name, drawn in found.items()}
    for kind in STRANGE:
        tensors[f"{kind}.mask"] = torch.from_numpy(
            np.stack([face.mask for face in found[kind]])[:, None].astype(np.uint8)
        )
    return tensors


def _stacked(images: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).copy())
