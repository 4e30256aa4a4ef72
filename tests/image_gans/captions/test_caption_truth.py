"""Facts of captions against what a recogniser sees, with a recogniser that is never wrong."""

import pytest
import torch

from image_gans.evaluation.captions.caption_truth import agreement, facts_of_caption
from seqgan_kit.data.catworld.scenes.scene import LABEL_NAMES


def seen(**classes: list[str]) -> dict[str, torch.Tensor]:
    """Certain probabilities of these classes; the first class of all other labels."""
    count = len(next(iter(classes.values())))
    found = {}
    for name, values in LABEL_NAMES.items():
        numbers = [values.index(c) for c in classes.get(name, [values[0]] * count)]
        found[name] = torch.nn.functional.one_hot(torch.tensor(numbers), len(values)).double()
    return found


def test_facts_are_those_that_an_image_has_labels_for() -> None:
    told = {"cats": "one", "coat": "black", "eyes": "shut", "background": "sofa"}
    assert dict(facts_of_caption("a black cat is sleeping on the sofa .") or ()) == told
    assert dict(facts_of_caption("two grey cats are sitting .") or ())["cats"] == "two"
    assert facts_of_caption("cat black a .") is None


def test_agreement_counts_the_told_facts_alone() -> None:
    captions = ["a black cat is sitting on the sofa .", "a cat is sitting .", "no caption"]
    shown = seen(
        coat=["black", "white", "grey"],
        background=["meadow", "night", "sofa"],
        cats=["one", "one", "one"],
    )
    found = agreement(shown, captions, LABEL_NAMES)
    assert found is not None
    assert {name: e.value for name, e in found.by_label.items()} == {
        "coat": 1.0,
        "background": 0.0,
        "cats": 1.0,
    }
    assert found.facts.value == pytest.approx(3 / 4)  # coat and twice the number; not the sofa
    assert found.whole.value == pytest.approx(1 / 2)
    assert found.valid == pytest.approx(2 / 3)
    assert agreement(shown, ["?", "!", "."], LABEL_NAMES) is None
