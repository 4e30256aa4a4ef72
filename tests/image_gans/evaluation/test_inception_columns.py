"""The final table over Inception features: names, signatures, floors, and omitted scores."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from image_gans.evaluation.image_columns import image_columns, image_notes
from image_gans.metrics import features
from image_gans.metrics.comparison import Comparison
from image_gans.metrics.inception.inception_features import InceptionFeatures
from seqgan_kit.data.images.image_account import ImageAccount
from seqgan_kit.data.images.load_images import ImageCorpus
from seqgan_kit.data.images.pixels import to_float


class QuickInception(InceptionFeatures):
    """Averages over patches in place of a deep network."""

    def __init__(self, resizing: str):
        super().__init__(nn.Linear(1, 1), resizing)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return functional.adaptive_avg_pool2d(x, 2).flatten(1)

    def logits(self, rows: np.ndarray) -> np.ndarray:
        return rows[:, :3]


@pytest.fixture
def compared(monkeypatch):
    monkeypatch.setattr(
        features, "inception_features", lambda c: QuickInception("tf" if "-tf" in c else "clean")
    )
    rng = torch.Generator().manual_seed(0)
    train, test = (
        torch.randint(0, 256, (n, 3, 16, 16), generator=rng).to(torch.uint8) for n in (90, 30)
    )
    corpus = ImageCorpus(train, test, {}, {}, {}, [], [], ImageAccount(16, 3, {}, {}))

    def make(choice: str, most: int = 80) -> Comparison:
        return Comparison(corpus, choice, 20, seed=0, most_references=most)

    return make


def test_names_are_fid_kid_and_is_over_inception_alone(compared):
    tables = {}
    for choice in ("inception:x", "inception-tf:x", "random"):
        comparison = compared(choice)
        keys = comparison.scores(comparison.held_out).keys()
        columns = {c["label"]: c["signature"] for c in image_columns(comparison, keys)}
        tables[choice] = columns
    clean, tf, random = tables.values()
    assert {"FID", "KID", "IS"} <= clean.keys()
    assert not {"FID", "KID", "IS"} & random.keys()
    assert "KD" in random
    assert "near copies" in random
    assert "near copies" not in clean  # it would need features of every training image
    assert "|uint8|to-299:bicubic-antialiased-float|" in clean["FID"]
    assert "to-299:bilinear-tf1" in tf["KID"]
    assert "to-299" not in random["KD"]
    assert clean["IS"].startswith("is|splits:10|logits:no-bias|net:inception-clean-")
    assert "refs" not in clean["IS"]
    assert "refs:train-80|hyps:20" in clean["FID"]


def test_noise_of_another_kind_is_farther_than_the_floor(compared):
    comparison = compared("inception:x")
    floor = comparison.scores(comparison.held_out)
    flat = comparison.scores(to_float(torch.full((20, 3, 16, 16), 90, dtype=torch.uint8)))
    assert flat["fd"].value > floor["fd"].value
    assert flat["inception_score"].value == pytest.approx(1.0)
    assert floor["inception_score"].value > 1.0001
    notes = image_notes(comparison, {})
    assert "20 samples, 80 reference images" in notes[0]
    assert "is the floor" in notes[0]
