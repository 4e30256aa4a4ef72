"""What a conditional model is told: labels by name, and wishes such as ``coat=ginger,eyes=odd``."""

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
    """Labels that a model is conditioned on, in the order of its inputs."""

    names: tuple[str, ...]
    """The labels."""
    classes: tuple[tuple[str, ...], ...]
    """The classes of each, in the order of their numbers."""

    def __post_init__(self) -> None:
        # From a file these are lists.
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "classes", tuple(tuple(names) for names in self.classes))

    def wishes(self, text: str) -> dict[int, int]:
        """Places of labels and of their classes, from ``label=class,...``.

        A class that only one label has may stand alone: ``ginger`` for ``coat=ginger``.
        """
        wanted: dict[int, int] = {}
        for word in filter(None, (part.strip() for part in text.split(","))):
            label, given, value = word.rpartition("=")
            place = self._place(label.strip()) if given else self._owner(value)
            if place in wanted:
                raise UsageError(f"the condition {text!r} sets {self.names[place]!r} twice.")
            classes, value = self.classes[place], value.strip()
            if value not in classes:
                raise unknown(f"class of {self.names[place]!r}", value, classes)
            wanted[place] = classes.index(value)
        if not wanted:
            raise UsageError(f"the condition {text!r} says nothing; give {self.example()}.")
        return wanted

    def example(self) -> str:
        """A condition that this model knows."""
        return f"{self.names[0]}={self.classes[0][-1]}"

    def _place(self, label: str) -> int:
        if label not in self.names:
            raise unknown("condition", label, self.names)
        return self.names.index(label)

    def _owner(self, value: str) -> int:
        """The one label that has such a class."""
        owners = [i for i, classes in enumerate(self.classes) if value in classes]
        if len(owners) > 1:
            told = " or ".join(f"{self.names[i]}={value}" for i in owners)
            raise UsageError(f"{value!r} is a class of several labels: say {told}.")
        if not owners:
            known = [f"{n}={c}" for n, classes in zip(self.names, self.classes, strict=True)
                     for c in classes]  # fmt: skip
            raise unknown("condition", value, known)
        return owners[0]

    def rows(self, labels: Mapping[str, Tensor]) -> Tensor:
        """[N,K] int64 from a mapping of labels [N] (a batch, say)."""
        missing = [name for name in self.names if name not in labels]
        if missing:
            raise DataError(
                f"the batch has no label {missing[0]!r}, on which the model is conditioned; it has "
                f"{', '.join(sorted(labels))}."
            )
        return torch.stack([labels[name] for name in self.names], 1)


@dataclass(frozen=True)
class LabelledCorpus:
    """Pictures, and the labels on which a model of them is conditioned."""

    corpus: ImageCorpus
    conditions: Conditions

    @property
    def rows(self) -> Tensor:
        """[N,K] the labels of the training pictures."""
        return self.conditions.rows(self.corpus.train_labels)

    def line(self) -> str:
        """What is printed of it."""
        told = zip(self.conditions.names, self.conditions.classes, strict=True)
        return "conditions: " + "; ".join(f"{name} ({', '.join(c)})" for name, c in told)


def conditioned(corpus: ImageCorpus, names: tuple[str, ...] = ()) -> LabelledCorpus:
    """The corpus with labels to train a conditional model by, and which they are.

    Args:
        corpus: labelled pictures. Those of the cat world get odd eyes as a class of ``eyes``.
        names: the labels to use; all that the corpus has unless given.
    """
    if corpus.stream is not None:
        raise UsageError(
            "a conditional model counts the labels of all pictures before it is trained; "
            "switch streaming off."
        )
    if not corpus.label_names:
        raise DataError(
            "these pictures have no labels to condition on. Sort them into sub-folders, one for each class, "
            "or name the label column of a parquet file with --label-column."
        )
    corpus = with_odd_eyes(corpus)
    for name in names:
        if name not in corpus.label_names:
            raise unknown("label to condition on", name, corpus.label_names)
    if len(set(names)) < len(names):
        raise UsageError(f"a label is named twice among the conditions {', '.join(names)}.")
    chosen = names or tuple(corpus.label_names)
    for name in chosen:
        _check(name, corpus)
    classes = tuple(corpus.label_names[name] for name in chosen)
    return LabelledCorpus(corpus, Conditions(chosen, classes))


def _check(name: str, corpus: ImageCorpus) -> None:
    """Refuse a label that some pictures lack or that tells nothing apart."""
    missing = int((corpus.train_labels[name] < 0).sum())
    if missing:
        raise DataError(
            f"{missing:,} of {len(corpus.train):,} training pictures have no label {name!r}. Leave them "
            "out of the data, or condition on others (--condition)."
        )
    if len(corpus.label_names[name]) < 2:
        raise DataError(
            f"the label {name!r} has one class alone, {corpus.label_names[name]}: there is nothing to "
            "condition on. Choose others (--condition)."
        )


def with_odd_eyes(corpus: ImageCorpus) -> ImageCorpus:
    """A corpus of the cat world with ``odd`` as a further class of ``eyes``: open, and of two colours.

    Other corpora come back as they are.
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
    """The labels with ``eyes`` one past its last class wherever open eyes differ in colour."""
    left, right, eyes = (labels[name] for name in _EYES)
    odd = (eyes == classes.index("open")) & (left != right)
    return {**labels, "eyes": torch.where(odd, len(classes), eyes)}
