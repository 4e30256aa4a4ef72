"""An image corpus ready for training: tensors, integer labels, account and feed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from seqgan_kit.core.feeds import Feed, TensorFeed
from seqgan_kit.data.images.image_account import ImageAccount, ImageSplitAccount
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.image_decode import Pictures
from seqgan_kit.data.images.image_rows import ImageTable, empty_folders
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.data.sources.splits import assign
from seqgan_kit.errors import DataError


@dataclass(frozen=True)
class ImageCorpus:
    """An image corpus ready for training.

    Attributes:
        train, test: ``[N,C,H,W]`` uint8.
        train_labels, test_labels: ``[N]`` int64 per label, -1 for rows without it.
        label_names: class names of each label, in the order of their integers.
        train_captions, test_captions: one caption per image, or empty.
        account: counts of what was read, skipped, cropped and enlarged.
        stream: function that makes a feed of the whole source, if the tensors hold only its first images.
        reference: the corpus that scores compare with, if ``train`` is a part of its training images.
    """

    train: Tensor
    test: Tensor
    train_labels: dict[str, Tensor]
    test_labels: dict[str, Tensor]
    label_names: dict[str, tuple[str, ...]]
    train_captions: list[str]
    test_captions: list[str]
    account: ImageAccount
    stream: Callable[..., Feed] | None = None
    reference: ImageCorpus | None = None

    @property
    def whole(self) -> ImageCorpus:
        """The corpus with all training images: ``reference``, or this one."""
        return self.reference or self

    def feed(
        self,
        batch_size: int,
        *,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        device: torch.device | str = "cpu",
    ) -> Feed:
        """Return a feed of batches ``{"real": [B,C,H,W] in [-1,1], <label>: [B] ...}``, reshuffled every
        epoch."""
        tensors = {"real": self.train, **self.train_labels}
        make = self.stream or partial(TensorFeed, tensors, transform=normalised)
        return make(batch_size, seed=seed, rank=rank, world_size=world_size, device=device)


def normalised(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the batch with its images scaled to [-1, 1]."""
    return {**batch, "real": to_float(batch["real"])}


def cut_test(cfg: ImageData, splits: dict[str, Pictures]) -> dict[str, Pictures]:
    """Cut a test split from the training images, by a hash of their bytes, if there is none."""
    train = splits["train"]
    if "test" in splits or cfg.test_share == 0:
        return {"test": Pictures(ImageSplitAccount("none")), **splits}
    places = assign(train.digests, {"test": cfg.test_share})
    if places is None:
        raise DataError(
            f"{train.account.source} has only 1 distinct image; at least 2 are needed for train and test. "
            "Give more images, or set test_share to 0."
        )
    parts = {}
    for split in ("train", "test"):
        rows = [i for i, digest in enumerate(train.digests) if places[digest] == split]
        parts[split] = train.take(rows, replace(train.account, kept=len(rows)))
    test = ImageSplitAccount(
        f"cut from {train.account.source}",
        read=parts["test"].account.kept,
        kept=parts["test"].account.kept,
        smallest=train.account.smallest,
        largest=train.account.largest,
    )
    parts["test"].account = test
    parts["train"].account = replace(parts["train"].account, read=train.account.read - test.read)
    return parts


def learning_from(corpus: ImageCorpus, images: int) -> ImageCorpus:
    """Return the corpus with that many of its training images, evenly spaced; ``reference`` has all of them.

    Args:
        corpus: with all training images.
        images: how many; 0 for all.
    """
    found = len(corpus.train)
    if not images or images == found:
        return corpus
    if images > found or corpus.stream is not None:
        why = f"there are {found:,}" if corpus.stream is None else "streaming reads all images"
        raise DataError(
            f"train_images is {images:,}, but {why}: give 1 to {found:,}, or 0 for all of them, "
            "without streaming."
        )
    rows = torch.linspace(0, found - 1, images).long()
    captions = [corpus.train_captions[row] for row in rows.tolist() if corpus.train_captions]
    note = (
        f"learning from {images:,} of {found:,} training images; scores compare with all of them."
    )
    return replace(
        corpus,
        train=corpus.train[rows],
        train_labels={name: labels[rows] for name, labels in corpus.train_labels.items()},
        train_captions=captions,
        account=replace(corpus.account, notes=(*corpus.account.notes, note)),
        reference=corpus,
    )


def build_corpus(cfg: ImageData, splits: Mapping[str, Pictures], table: ImageTable) -> ImageCorpus:
    """Build a corpus of tensors, integer labels and account from decoded splits."""
    train, test = splits["train"], splits["test"]
    names = label_classes(table.labels, [train.labels, test.labels])
    empty = empty_folders(table.source) if names else []
    notes = tuple(f"the folder {name} has no images, so it is no class." for name in empty)
    splits_read = {"train": train.account, "test": test.account}
    account = ImageAccount(cfg.size, cfg.channels, splits_read, names, notes)
    pixels = train.tensor(cfg)
    _check_colours(pixels, cfg)
    return ImageCorpus(
        train=pixels,
        test=test.tensor(cfg),
        train_labels=_numbered(train, names, table),
        test_labels=_numbered(test, names, table),
        label_names=names,
        train_captions=train.captions,
        test_captions=test.captions,
        account=account,
    )


def _check_colours(pixels: Tensor, cfg: ImageData) -> None:
    """Raise DataError for 3 channels if all images are grey."""
    first, *others = pixels.unbind(1)
    if others and all(torch.equal(first, other) for other in others):
        raise DataError(
            f"all images of {cfg.images} are grey, so a model of 3 channels would have to learn that its "
            "channels are equal: add --channels 1."
        )


def _numbered(
    split: Pictures, names: Mapping[str, Sequence[str]], table: ImageTable
) -> dict[str, Tensor]:
    return {
        label: number_labels(split.labels.get(label, ()), classes, stated=bool(table.labels[label]))
        for label, classes in names.items()
    }


def label_classes(
    stated: Mapping[str, Sequence[str]], values: Sequence[Mapping[str, Sequence[Any]]]
) -> dict[str, tuple[str, ...]]:
    """Return the classes of each label: those that the source states, or else the sorted values.

    Text columns whose values rarely repeat (file names, comments) are not labels and are left out.
    """
    classes = {}
    for label, names in stated.items():
        seen = [v for split in values for v in split.get(label, ()) if v is not None]
        distinct = set(seen)
        if names:
            classes[label] = tuple(names)
        elif not any(isinstance(v, str) for v in distinct) or 2 * len(distinct) <= len(seen):
            classes[label] = tuple(str(v) for v in sorted(distinct))
    return classes


def number_labels(values: Sequence[Any], names: Sequence[str], *, stated: bool) -> Tensor:
    """Return ``[N]`` int64 class indices, -1 for no class.

    Args:
        values: the values in the source.
        names: the class names.
        stated: whether the source states the classes, so that its values are class indices already.
    """
    if stated:
        numbers = [v if isinstance(v, int) and 0 <= v < len(names) else -1 for v in values]
    else:
        places = {name: i for i, name in enumerate(names)}
        numbers = [-1 if v is None else places.get(str(v), -1) for v in values]
    return torch.tensor(numbers, dtype=torch.int64)
