"""Sliced Wasserstein distance: invertible pyramids, normalised patches, and distances computed
differently."""

import numpy as np
import pytest
import torch

from image_gans.metrics import swd
from image_gans.metrics.swd import (
    patches,
    patches_per_picture,
    sliced_wasserstein,
)
from seqgan_kit.data.images.pyramids import from_pyramid, laplacian_pyramid
from seqgan_kit.errors import DataError, UsageError


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("side", "levels"), [(64, [64, 32, 16]), (45, [45, 23]), (20, [20]), (8, [8])]
)
def test_the_pyramid_holds_the_whole_picture(side, levels):
    pictures = torch.rand(3, 3, side, side, generator=rng())
    pyramid = laplacian_pyramid(pictures, len(levels) - 1)
    assert [level.shape[-1] for level in pyramid] == levels
    torch.testing.assert_close(from_pyramid(pyramid), pictures)


def test_an_even_picture_has_no_detail_and_keeps_its_brightness():
    fine, rest = laplacian_pyramid(torch.full((1, 1, 32, 32), 0.7), 1)
    assert fine[:, :, 2:-2, 2:-2].abs().max() < 1e-6
    torch.testing.assert_close(rest, torch.full((1, 1, 16, 16), 0.7))


def test_patches_are_those_of_the_picture_with_normalised_channels():
    level = torch.rand(5, 2, 9, 9, generator=rng())
    found = patches(level, rng()).view(-1, 2, 49)
    assert len(found) == 5 * patches_per_picture(9, 9)
    torch.testing.assert_close(found.mean((0, 2)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.square().mean((0, 2)), torch.ones(2))
    # Undoing the normalisation of channel 0 gives a window of the first image.
    windows = level[0, 0].unfold(0, 7, 1).unfold(1, 7, 1).reshape(-1, 49)
    first = found[0, 0]
    fits = [torch.corrcoef(torch.stack([w, first]))[0, 1] for w in windows]
    assert max(fits) == pytest.approx(1, abs=1e-5)


def test_patches_cover_a_picture_twice_but_are_no_more_than_the_papers():
    assert [patches_per_picture(s, s) for s in (7, 16, 32, 64, 256)] == [2, 10, 41, 128, 128]


def test_one_direction_is_the_distance_of_sorted_values():
    """Against the distribution functions: the 1-Wasserstein distance is the area between them."""
    x, y = torch.randn(40, 6, generator=rng(1)), torch.randn(40, 6, generator=rng(2)) + 1
    found = swd.distances_along(x, y, 3, rng(3))
    v = torch.randn(6, 3, generator=rng(3))
    v = (v / v.norm(dim=0)).numpy()
    grid = np.linspace(-8, 8, 40_001)
    for number in range(3):
        cdfs = [(s.numpy() @ v[:, number])[:, None] <= grid for s in (x, y)]
        area = np.abs(cdfs[0].mean(0) - cdfs[1].mean(0)).sum() * (grid[1] - grid[0])
        assert float(found[number]) == pytest.approx(area, abs=1e-3)


def test_zero_for_the_same_patches_small_for_one_law_large_for_noise():
    smooth = torch.nn.functional.interpolate(
        torch.rand(200, 1, 4, 4, generator=rng()), size=(32, 32), mode="bilinear"
    )
    few = {"repeats": 2, "directions": 32}
    same_law = sliced_wasserstein(smooth[:100], smooth[100:], rng(), **few)
    noisy = sliced_wasserstein(
        smooth[:100] + 0.1 * torch.randn(100, 1, 32, 32), smooth[100:], rng(), **few
    )
    assert list(same_law.levels) == [32, 16]
    assert noisy.levels[32].value > 5 * same_law.levels[32].value
    assert noisy.mean.value == pytest.approx(sum(e.value for e in noisy.levels.values()) / 2)
    again = sliced_wasserstein(smooth[:100], smooth[100:150], rng(), **few)
    assert again.levels != same_law.levels  # cut to fifty of each
    assert sliced_wasserstein(smooth[:100], smooth[100:], rng(), **few) == same_law


def test_pictures_that_do_not_fit():
    with pytest.raises(
        DataError, match=r"of one shape are needed; got \[2, 3, 16, 16\] and \[2, 1"
    ):
        sliced_wasserstein(torch.zeros(2, 3, 16, 16), torch.zeros(2, 1, 16, 16), rng())
    with pytest.raises(DataError, match="2 images of 6 pixels"):
        sliced_wasserstein(torch.zeros(2, 3, 6, 6), torch.zeros(2, 3, 6, 6), rng())
    with pytest.raises(UsageError, match="0 times 128 directions"):
        sliced_wasserstein(torch.zeros(2, 1, 8, 8), torch.zeros(2, 1, 8, 8), rng(), repeats=0)
