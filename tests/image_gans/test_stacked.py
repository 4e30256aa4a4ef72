"""Stacked images: their three channels, and modes counted by a perfect recogniser."""

import pytest
import torch
from torch import nn

from image_gans.metrics.modes import mode_scores
from image_gans.metrics.recogniser import RecogniserConfig
from image_gans.metrics.stacked import (
    chosen_label,
    stack_pictures,
    stacked_corpus,
    stacked_counts,
)
from seqgan_kit.data.images.image_account import ImageAccount
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.errors import DataError, UsageError

CLASSES = 4


class Oracle(nn.Module):
    """Names an image by its brightness: class k is k / 10 all over."""

    config = RecogniserConfig(1, 8, {"digit": tuple("abcd")})

    def forward(self, x):
        levels = torch.arange(CLASSES) / 10
        return {"digit": -(x.mean((1, 2, 3))[:, None] - levels).abs()}


def pictures(classes: torch.Tensor) -> torch.Tensor:
    return (classes / 10)[:, None, None, None].expand(-1, 1, 8, 8)


def corpus(channels: int = 1, **labels: torch.Tensor) -> ImageCorpus:
    rows = (torch.arange(20) % CLASSES).view(-1, 1, 1, 1).expand(-1, channels, 8, 8).byte()
    names = {name: tuple("abcd") for name in labels}
    return ImageCorpus(
        train=rows, test=rows[:6], train_labels=dict(labels), test_labels={}, label_names=names,
        train_captions=[], test_captions=[], account=ImageAccount(8, channels, {}, names),
    )  # fmt: skip


def test_channels_are_whole_pictures_drawn_by_themselves(rng):
    singles = torch.arange(10.0).view(10, 1, 1, 1).expand(-1, 1, 4, 4)
    stacks = stack_pictures(singles, 5000, rng)
    assert stacks.shape == (5000, 3, 4, 4)
    assert (stacks == stacks[:, :, :1, :1]).all()
    triples = stacks[:, :, 0, 0].long()
    assert len(triples.unique(dim=0)) > 950
    assert triples.double().T.corrcoef().fill_diagonal_(0).abs().max() < 0.06


def test_a_triple_is_one_mode_and_its_order_counts():
    classes = torch.tensor([[0, 1, 3], [3, 1, 0], [0, 1, 3], [2, 2, 2]])
    stacks = pictures(classes.flatten().float()).reshape(4, 3, 8, 8)
    counts = stacked_counts(stacks, Oracle(), "digit")
    assert len(counts) == 64
    assert counts[0 * 16 + 1 * 4 + 3] == 2
    assert counts[3 * 16 + 1 * 4 + 0] == 1
    assert counts[2 * 16 + 2 * 4 + 2] == 1
    assert counts.sum() == 4
    assert mode_scores(counts, 4).modes == 3


def test_a_stacked_corpus_has_three_channels_and_no_labels(rng):
    made = stacked_corpus(corpus(digit=torch.zeros(20, dtype=torch.int64)), 50, rng)
    assert made.train.shape == (50, 3, 8, 8)
    assert made.test.shape == (6, 3, 8, 8)
    assert made.label_names == {}
    batch = made.feed(10, seed=0).next_batch()
    assert set(batch) == {"real"}
    assert batch["real"].shape == (10, 3, 8, 8)


def test_what_cannot_be_stacked_or_named_is_refused(rng):
    with pytest.raises(DataError, match="in grey"):
        stacked_corpus(corpus(channels=3), 5, rng)
    with pytest.raises(DataError, match="have no labels"):
        chosen_label(corpus(), "")
    labelled = corpus(digit=torch.zeros(20, dtype=torch.int64))
    assert chosen_label(labelled, "") == "digit"
    with pytest.raises(UsageError, match="Did you mean 'digit'"):
        chosen_label(labelled, "digits")
