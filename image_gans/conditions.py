"""Conditions of a model: labels by name, and requests such as ``coat=ginger,eyes=odd``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.errors import DataError, UsageError, unknown

ODD = "odd"
_EYES = ("left_eye", "right_eye", "eyes")  # the labels of the cat world that odd eyes are read off


@dataclass(frozen=True)
class Conditions:
    """Labels of a conditional model, in the order of its inputs."""

    names: tuple[str, ...]
    """Names of the labels."""
    classes: tuple[tuple[str, ...], ...]
    """Classes of each label, in the order of their numbers."""

    def __post_init__(self) -> None:
        # Values from a JSON file are lists.
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "classes", tuple(tuple(names) for names in self.classes))

    def wishes(self, text: str) -> dict[int, int]:
        """Parse ``label=class,...`` into indices of labels and of their classes.

        A class that only one label has needs no label: ``ginger`` means ``coat=ginger``.
        """
        wanted: dict[int, int] = {}
        for word in filter(None, (part.strip() for part in text.split(","))):
            label, given, value = word.rpartition("=")
            place = self._place(label.strip()) if given else self._owner(value)
            if place in wanted:
                raise UsageError(
                    f"the condition {text!r} sets {self.names[place]!r} twice: set it once."
                )
            classes, value = self.classes[place], value.strip()
            if value not in classes:
                raise unknown(f"class of {self.names[place]!r}", value, classes)
            wanted[place] = classes.index(value)
        if not wanted:
            raise UsageError(
                f"the condition {text!r} names no class; give one such as {self.example()}."
            )
        return wanted

    def example(self) -> str:
        """Return an example of a valid condition."""
        return f"{self.names[0]}={self.classes[0][-1]}"

    def _place(self, label: str) -> int:
        if label not in self.names:
            raise unknown("condition", label, self.names)
        return self.names.index(label)

    def _owner(self, value: str) -> int:
        """Return the index of the only label that has the class."""
        owners = [i for i, classes in enumerate(self.classes) if value in classes]
        if len(owners) > 1:
            told = " or ".join(f"{self.names[i]}={value}" for i in owners)
            raise UsageError(f"{value!r} is a class of several labels: write {told}.")
        if not owners:
            known = [f"{n}={c}" for n, classes in zip(self.names, self.classes, strict=True)
                     for c in classes]  # fmt: skip
            raise unknown("condition", value, known)
        return owners[0]

    def rows(self, labels: Mapping[str, Tensor]) -> Tensor:
        """Return labels [N,K] as int64 from a mapping of labels [N], such as a batch."""
        missing = [name for name in self.names if name not in labels]
        if missing:
            raise DataError(
                f"the batch has no label {missing[0]!r}, on which the model is conditioned; it has "
                f"{', '.join(sorted(labels))}."
            )
        return torch.stack([labels[name] for name in self.names], 1)


@dataclass(frozen=True)
class LabelledCorpus:
    """A corpus of images with the labels of a conditional model."""

    corpus: ImageCorpus
    conditions: Conditions

    @property
    def rows(self) -> Tensor:
        """Return the labels [N,K] of the training images."""
        return self.conditions.rows(self.corpus.train_labels)

    def line(self) -> str:
        """One-line summary for the console."""
        told = zip(self.conditions.names, self.conditions.classes, strict=True)
        line = "conditions: " + "; ".join(f"{name} ({', '.join(c)})" for name, c in told)
        unseen = self._unseen()
        return f"{line}\nnote: no training image shows {', '.join(unseen)}" if unseen else line

    def _unseen(self) -> list[str]:
        """Return the classes without a training image."""
        told = zip(self.conditions.names, self.conditions.classes, strict=True)
        return [
            f"{name}={one}"
            for name, classes in told
            for number, one in enumerate(classes)
            if not (self.corpus.train_labels[name] == number).any()
        ]


def conditioned(corpus: ImageCorpus, names: tuple[str, ...] = ()) -> LabelledCorpus:
    """Return the corpus with the labels for a conditional model.

    Args:
        corpus: labelled images. Those of the cat world get odd eyes as a class of ``eyes``.
        names: labels to use; by default all labels of the corpus.
    """
    if corpus.stream is not None:
        raise UsageError(
            "a conditional model counts all labels before training, so it needs the data in "
            "memory: leave out --streaming."
        )
    if not corpus.label_names:
        raise DataError(
            "these images have no labels to condition on. Sort them into sub-folders, one per "
            "class, or name the label column of a parquet file with --label-column."
        )
    corpus = with_odd_eyes(corpus)
    for name in names:
        if name not in corpus.label_names:
            raise unknown("label to condition on", name, corpus.label_names)
    if len(set(names)) < len(names):
        raise UsageError(f"--condition names a label twice ({', '.join(names)}): name it once.")
    chosen = names or tuple(corpus.label_names)
    for name in chosen:
        _check(name, corpus)
    classes = tuple(corpus.label_names[name] for name in chosen)
    return LabelledCorpus(corpus, Conditions(chosen, classes))


def _check(name: str, corpus: ImageCorpus) -> None:
    """Refuse a label that some images lack or that has only one class."""
    missing = int((corpus.train_labels[name] < 0).sum())
    if missing:
        raise DataError(
            f"{missing:,} of {len(corpus.train):,} training images have no label {name!r}. Leave them "
            "out of the data, or condition on others (--condition)."
        )
    if len(corpus.label_names[name]) < 2:
        raise DataError(
            f"the label {name!r} has only one class, {corpus.label_names[name]}, so it cannot be "
            "a condition. Choose other labels (--condition)."
        )


def with_odd_eyes(corpus: ImageCorpus) -> ImageCorpus:
    """Add to a corpus of the cat world the class ``odd`` of ``eyes``: open eyes of two colours.

    Other corpora are returned unchanged.
    """
    names = corpus.label_names
    if not set(_EYES) <= set(names) or names["left_eye"] != names["right_eye"]:
        return corpus
    if "open" not in names["eyes"] or ODD in names["eyes"]:
        return corpus
    return replace(
        corpus,
        label_names={**names, "eyes": (*names["eyes"], ODD)},
        train_labels=odd_eyes(corpus.train_labels, names["eyes"]),
        test_labels=odd_eyes(corpus.test_labels, names["eyes"]),
    )


def odd_eyes(labels: Mapping[str, Tensor], classes: tuple[str, ...]) -> dict[str, Tensor]:
    """Return the labels, with ``eyes`` set to a new last class where open eyes differ in colour."""
    left, right, eyes = (labels[name] for name in _EYES)
    odd = (eyes == classes.index("open")) & (left != right)
    return {**labels, "eyes": torch.where(odd, len(classes), eyes)}
