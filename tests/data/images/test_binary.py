"""Black-and-white pictures from grey ones."""

from dataclasses import replace

import pytest
import torch

from seqgan_kit.data.images.binary import binarised, drawn_binary
from seqgan_kit.data.images.image_account import ImageAccount
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.errors import UsageError


def corpus_of(pixels: list[int], channels: int = 1) -> ImageCorpus:
    pictures = torch.tensor(pixels, dtype=torch.uint8).view(1, 1, 1, -1).repeat(1, channels, 1, 1)
    account = ImageAccount(8, channels, {}, {})
    return ImageCorpus(pictures, pictures[:0], {}, {}, {}, [], [], account)


def test_white_begins_at_the_threshold():
    corpus = binarised(corpus_of([0, 127, 128, 255]))
    assert corpus.train.flatten().tolist() == [0, 0, 255, 255]
    assert corpus.train.dtype == torch.uint8
    assert binarised(corpus_of([0, 1, 2, 255]), 2).train.flatten().tolist() == [0, 0, 255, 255]
    assert corpus.test.shape == (0, 1, 1, 4)


def test_batches_are_of_minus_one_and_one():
    batch = binarised(corpus_of([3, 200])).feed(1, seed=0).next_batch()
    assert batch["real"].flatten().tolist() == [-1, 1]


def test_what_cannot_be_black_and_white_is_refused():
    with pytest.raises(UsageError, match="the threshold is 0; it must be from 1 to 255"):
        binarised(corpus_of([1, 2]), 0)
    with pytest.raises(UsageError, match="of 3 channels"):
        binarised(corpus_of([1, 2], channels=3))
    with pytest.raises(UsageError, match="cannot be streamed: leave out --streaming"):
        binarised(replace(corpus_of([1, 2]), stream=corpus_of([1, 2]).feed))


def test_a_pixel_is_drawn_white_as_often_as_it_is_bright():
    pixels = [0] * 100 + [51] * 5000 + [255] * 100
    drawn = drawn_binary(corpus_of(pixels)).train.flatten()
    assert drawn[:100].max() == 0
    assert drawn[-100:].min() == 255
    middle = drawn[100:-100]
    assert set(middle.tolist()) == {0, 255}
    assert abs((middle == 255).double().mean() - 0.2) < 4 * (0.2 * 0.8 / 5000) ** 0.5
    assert torch.equal(drawn_binary(corpus_of(pixels)).train.flatten(), drawn)
    with pytest.raises(UsageError, match="cannot be made black and white"):
        drawn_binary(corpus_of([0], channels=3))
