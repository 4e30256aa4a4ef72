"""Learning from a part of the training images: which ones, what scores compare with, and mistakes."""

from dataclasses import replace

import pytest
import torch

from image_gans.metrics.comparison import Comparison
from image_gans.metrics.features import chosen_features
from seqgan_kit.data.images.image_account import ImageAccount
from seqgan_kit.data.images.image_corpus import ImageCorpus, learning_from
from seqgan_kit.errors import DataError

RNG = torch.Generator().manual_seed(0)
IMAGES = torch.randint(0, 256, (41, 3, 16, 16), generator=RNG).to(torch.uint8)
LABELS = {"number": torch.arange(41)}
NAMES = {"number": tuple(map(str, range(41)))}
CORPUS = ImageCorpus(
    IMAGES, IMAGES[:10], LABELS, LABELS, NAMES, list(map(str, range(41))), [],
    ImageAccount(16, 3, {}, NAMES),
)  # fmt: skip


def test_the_images_are_evenly_spaced_with_their_labels():
    part = learning_from(CORPUS, 5)
    assert part.train_labels["number"].tolist() == [0, 10, 20, 30, 40]
    assert part.train_captions == ["0", "10", "20", "30", "40"]
    assert torch.equal(part.train, IMAGES[::10])
    seen = part.feed(5, seed=0).next_batch()["number"]
    assert sorted(seen.tolist()) == [0, 10, 20, 30, 40]
    assert part.whole is CORPUS
    assert CORPUS.whole is CORPUS
    assert "5 of 41 training images" in part.account.lines()[-1]
    assert learning_from(CORPUS, 0) is CORPUS


def test_distances_compare_with_all_images_and_copies_with_the_part():
    features = chosen_features("random", 3, 16, None)
    of_all = Comparison(CORPUS, "random", 10, 0, given=features)
    of_part = replace(of_all, corpus=learning_from(CORPUS, 9))
    samples = CORPUS.train[1:11].float() / 127.5 - 1  # 5 and 10 of them are in the part
    assert torch.equal(of_part.reference, of_all.reference)
    assert (of_part._moments.mean == of_all._moments.mean).all()
    assert of_all.copies(samples).distances.max() < 1e-6
    copied = of_part.copies(samples).distances < 1e-6
    assert [n for n in range(10) if copied[n]] == [4, 9]


@pytest.mark.parametrize("images", [42, 1000])
def test_more_images_than_there_are_cannot_be_learnt_from(images):
    with pytest.raises(
        DataError, match=rf"train_images is {images:,}, but there are 41: give 1 to 41"
    ):
        learning_from(CORPUS, images)


def test_a_stream_is_read_whole():
    with pytest.raises(DataError, match="streaming reads all images"):
        learning_from(replace(CORPUS, stream=lambda *a, **b: None), 5)
