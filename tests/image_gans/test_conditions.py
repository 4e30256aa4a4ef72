"""Conditions: a model's labels, parsing of a request, and missing labels found before training."""

from dataclasses import replace

import pytest
import torch
from conditional_players import NAMES, corpus

from image_gans.conditions import Conditions, conditioned, odd_eyes, with_odd_eyes
from seqgan_kit.errors import DataError, UsageError

CATS = Conditions(
    ("coat", "eyes", "pattern", "background"),
    (("black", "ginger"), ("open", "shut", "odd"), ("plain", "tabby"), ("plain", "sofa")),
)


def test_wishes_are_places_of_labels_and_classes():
    assert CATS.wishes("coat=ginger,eyes=odd") == {0: 1, 1: 2}
    assert CATS.wishes(" eyes = shut , coat = black ") == {1: 1, 0: 0}
    assert CATS.wishes("ginger,background=plain") == {0: 1, 3: 0}


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        (
            "coat=gingr",
            "unknown class of 'coat' 'gingr'. Did you mean 'ginger'. Allowed: black, ginger",
        ),
        (
            "coot=black",
            "unknown condition 'coot'. Did you mean 'coat'. Allowed: background, coat, eyes",
        ),
        ("gingr", "unknown condition 'gingr'. Did you mean 'coat=ginger'"),
        ("plain", "class of several labels: write pattern=plain or background=plain"),
        ("coat=black,ginger", "sets 'coat' twice"),
        (" , ", "names no class; give one such as coat=ginger"),
        ("coat=", "unknown class of 'coat' ''"),
    ],
)
def test_wishes_that_cannot_be(wish, complaint):
    with pytest.raises(UsageError, match=complaint):
        CATS.wishes(wish)


def test_all_labels_unless_some_are_named():
    assert conditioned(corpus()).conditions == Conditions(tuple(NAMES), tuple(NAMES.values()))
    labelled = conditioned(corpus(), ("eyes",))
    assert labelled.conditions.names == ("eyes",)
    assert labelled.rows.tolist() == [[i % 3] for i in range(12)]
    assert labelled.line() == "conditions: eyes (open, shut, odd)"
    rows = Conditions(("eyes", "coat"), ((), ())).rows(corpus().train_labels)
    assert rows[3].tolist() == [0, 1]


def test_rows_without_a_label_are_found_before_training():
    labels = {"coat": torch.tensor([0, 1, -1, 0, -1, 1] * 2)}
    with pytest.raises(DataError, match="4 of 12 training images have no label 'coat'"):
        conditioned(corpus(labels=labels))
    assert conditioned(corpus(labels=labels), ("eyes",)).conditions.names == ("eyes",)


def test_corpora_without_labels_and_labels_without_classes():
    with pytest.raises(DataError, match=r"no labels to condition on\. Sort them into sub-folders"):
        conditioned(corpus(names={}))
    with pytest.raises(DataError, match="has only one class"):
        conditioned(corpus(names={"kind": ("cat",)}))
    with pytest.raises(
        UsageError, match=r"unknown label to condition on 'coot'\. Did you mean 'coat'"
    ):
        conditioned(corpus(), ("coot",))
    with pytest.raises(UsageError, match="names a label twice"):
        conditioned(corpus(), ("coat", "coat"))
    with pytest.raises(UsageError, match="leave out --streaming"):
        conditioned(replace(corpus(), stream=lambda *a, **b: None))
    with pytest.raises(DataError, match="the batch has no label 'eyes'"):
        CATS.rows({"coat": torch.zeros(2), "real": torch.zeros(2)})


def test_classes_without_training_images_are_told():
    images = corpus()
    assert "note" not in conditioned(images).line()
    names = {**images.label_names, "eyes": (*images.label_names["eyes"], "gone")}
    assert (
        conditioned(replace(images, label_names=names), ("eyes",))
        .line()
        .endswith("gone)\nnote: no training image shows eyes=gone")
    )


def test_odd_eyes_are_open_and_of_two_colours():
    labels = {
        "left_eye": torch.tensor([0, 0, 1, 1]),
        "right_eye": torch.tensor([0, 1, 2, 0]),
        "eyes": torch.tensor([0, 0, 1, 2]),
    }
    assert odd_eyes(labels, ("open", "shut", "winking"))["eyes"].tolist() == [0, 3, 1, 2]
    colours = ("green", "amber", "blue")
    names = {"left_eye": colours, "right_eye": colours, "eyes": ("open", "shut", "winking")}
    whole = {name: told.repeat(3) for name, told in labels.items()}
    cats = with_odd_eyes(corpus(names, whole))
    assert cats.label_names["eyes"] == ("open", "shut", "winking", "odd")
    assert cats.train_labels["eyes"].tolist() == [0, 3, 1, 2] * 3
    assert with_odd_eyes(cats) is cats
    others = corpus()
    assert with_odd_eyes(others) is others
