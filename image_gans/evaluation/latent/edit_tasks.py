"""Labelled images for edits of one label: to train on, and to edit, with exact twins if there are any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from image_gans.conditions import Conditions, LabelledCorpus, conditioned
from image_gans.evaluation.latent.conditional_law import with_seen_labels
from seqgan_kit.data.images.age_sets import AgeSets
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import DataError, UsageError


def with_recognisable_labels(sets: AgeSets, label: str) -> AgeSets:
    """Return the sets with the labels that a recogniser learns; at least one beside that to edit.

    In the cat world colours of shut eyes become unknown, and odd eyes a label.
    """
    corpus = with_seen_labels(sets.corpus)
    if set(corpus.label_names) == {label}:
        raise DataError(
            f"the images have no label but {label!r}, which is edited; the identity of an image is what a "
            "recogniser of its other labels sees. Give images with further labels, as columns of a parquet "
            "or CSV file."
        )
    return replace(sets, corpus=corpus)


def labelled_for_edits(sets: AgeSets, label: str) -> LabelledCorpus:
    """Return the images with the label that is edited, in the classes that a recogniser names."""
    conditioned(
        sets.corpus, (label,)
    )  # It refuses what cannot be a condition; odd eyes have a label of their own.
    classes = sets.corpus.label_names[label]
    return LabelledCorpus(sets.corpus, Conditions((label,), (classes,)))


def single(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the label to edit; refuse several."""
    if len(names) != 1:
        raise UsageError(
            f"an edit changes one label, and --condition names {len(names)} ({', '.join(names) or 'none'}): "
            "give one, such as --condition age."
        )
    return names


@dataclass(frozen=True)
class EditTasks:
    """Test images, and for each of them every class that it is not of.

    Attributes:
        sources: ``[N,C,H,W]`` in [-1,1].
        classes: ``[N]``, those of the sources.
        images: ``[T]``, the number of the source of each task.
        asked: ``[T]``, the class that each task asks for.
        others: ``[T]`` by label, the other labels, which are to stay; -1 where there is none.
        twins: ``[N,A,C,H,W]`` in [-1,1], the sources at every class; None if unknown.
        masks: ``[N,1,H,W]`` bool, True where these differ; None if unknown.
    """

    sources: Tensor
    classes: Tensor
    images: Tensor
    asked: Tensor
    others: Mapping[str, Tensor]
    twins: Tensor | None = None
    masks: Tensor | None = None

    def truth(self, shift: int = 0) -> Tensor:
        """Return the twin [T,C,H,W] of each task's image, or of the image ``shift`` places further on."""
        assert self.twins is not None
        return self.twins[(self.images + shift) % len(self.sources), self.asked]

    @property
    def mask(self) -> Tensor | None:
        """Pixels [T,1,H,W] that an edit may change."""
        return None if self.masks is None else self.masks[self.images]


def edit_tasks(sets: AgeSets, conditions: Conditions, most: int) -> EditTasks:
    """Return the tasks of up to ``most`` test images, or of training images if there are no others."""
    corpus, name, count = sets.corpus, conditions.names[0], len(conditions.classes[0])
    images, labels = _tested(corpus)
    rows = (labels[name] >= 0).nonzero().flatten()[:most]
    classes = labels[name][rows]
    numbers = torch.arange(len(rows)).repeat_interleave(count)
    asked = torch.arange(count).repeat(len(rows))
    edits = asked != classes[numbers]
    numbers, asked = numbers[edits], asked[edits]
    others = {other: values[rows][numbers] for other, values in labels.items() if other != name}
    twins = masks = None
    if sets.twins is not None:
        twins, masks = to_float(sets.twins.images[rows]), sets.twins.masks[rows]
    return EditTasks(to_float(images[rows]), classes, numbers, asked, others, twins, masks)


def _tested(corpus: ImageCorpus) -> tuple[Tensor, Mapping[str, Tensor]]:
    if len(corpus.test):
        return corpus.test, corpus.test_labels
    return corpus.train, corpus.train_labels
