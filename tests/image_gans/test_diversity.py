"""Mean pairwise distance of images, against hand calculation."""

import math

import pytest
import torch

from image_gans.metrics.diversity import diversity
from seqgan_kit.errors import UsageError


def test_three_pictures_by_hand():
    """Constant images 0, 3 and 9 lie 3, 6 and 9 apart in every pixel: 6 in the mean."""
    images = torch.tensor([0.0, 3.0, 9.0]).view(3, 1, 1, 1).expand(3, 3, 4, 5)
    assert diversity(images) == pytest.approx(6.0)


def test_equals_the_plain_double_loop():
    images = torch.randn(7, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    pairs = [
        math.sqrt(float(((images[i] - images[j]) ** 2).mean()))
        for i in range(7)
        for j in range(i + 1, 7)
    ]
    assert diversity(images) == pytest.approx(sum(pairs) / len(pairs), rel=1e-6)


def test_collapsed_pictures_have_none_and_bytes_are_not_wrapped_around():
    images = torch.rand(1, 3, 8, 8).expand(5, 3, 8, 8)
    assert diversity(images) == pytest.approx(0, abs=1e-6)
    black_and_white = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1)
    assert diversity(black_and_white) == pytest.approx(255)


def test_independent_noise_has_its_known_distance():
    """Two N(0,1) images of d pixels lie E[chi_d] * sqrt(2/d) apart, about sqrt(2) for many pixels."""
    images = torch.randn(40, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert diversity(images) == pytest.approx(math.sqrt(2), rel=0.01)


def test_one_picture_has_no_pairs():
    with pytest.raises(UsageError, match="at least two"):
        diversity(torch.zeros(1, 3, 8, 8))
