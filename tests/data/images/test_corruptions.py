"""Corruptions: fresh at every draw, pure, within the range, and each what it says."""

import pytest
import torch
from torch import Tensor

from seqgan_kit.data.images import corruptions
from seqgan_kit.data.images.corruptions import CORRUPTIONS, corruption
from seqgan_kit.errors import UsageError

TAKE_NO_NUMBERS = {"none", "low2", "low4", "grey"}


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(channels: int = 3, side: int = 16) -> Tensor:
    return 1.6 * torch.rand(4, channels, side, side, generator=rng(9)) - 0.8


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_is_pure_in_range_and_fresh(name: str, channels: int) -> None:
    x = images(channels)
    before, source = x.clone(), rng()
    one, two = corruption(name)(x, source), corruption(name)(x, source)
    assert torch.equal(x, before), "the input stays as it is"
    assert one.shape == x.shape
    assert one.dtype == x.dtype
    assert one.abs().max() <= 1
    assert torch.equal(one, corruption(name)(x, rng())), "the generator decides"
    assert torch.equal(one, two) == (name in TAKE_NO_NUMBERS)
    if (name, channels) not in (("grey", 1), ("none", 1), ("none", 3)):
        assert not torch.equal(one, x)


def test_noise_has_its_deviation_and_salt_its_share() -> None:
    x = torch.zeros(2, 3, 64, 64)
    assert corruptions.gaussian_noise(x, rng(), 0.2).std().item() == pytest.approx(0.2, rel=0.03)
    salted = corruptions.salt_noise(x, rng(), 0.2)
    assert torch.equal(salted[:, 0], salted[:, 1])
    assert (salted == 1).float().mean().item() == pytest.approx(0.1, abs=0.01)
    assert (salted == -1).float().mean().item() == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("factor", [2, 4])
def test_low_resolution_is_the_average_of_the_large_image(factor: int) -> None:
    x = images()
    low = corruptions.low_resolution(x, rng(), factor)
    block = x[1, 2, factor : 2 * factor, :factor]
    assert torch.allclose(
        low[1, 2, factor : 2 * factor, :factor], block.mean().expand(factor, factor)
    )
    assert torch.allclose(corruptions.averaged(low, factor), corruptions.averaged(x, factor))
    with pytest.raises(UsageError, match="18 x 18 pixels cannot be reduced by 4"):
        corruptions.averaged(images(side=18), 4)


def test_grey_keeps_brightness_and_loses_colour() -> None:
    red = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1)
    assert corruptions.grey(red, rng()).flatten().tolist() == pytest.approx([0.299 - 0.701] * 3)


@pytest.mark.parametrize("mask", [corruptions.box_mask, corruptions.stroke_mask])
def test_what_lies_outside_a_mask_is_untouched(mask) -> None:
    x = images(side=32)
    drawn = mask(x, rng())
    assert drawn.shape == (4, 1, 32, 32)
    assert drawn.dtype == torch.bool
    assert 0.01 < drawn.float().mean() < 0.5
    assert all(row.any() for row in drawn)
    inside = drawn.expand_as(x)
    out = corruptions.hidden(x, drawn)
    assert torch.equal(out[~inside], x[~inside])
    assert (out[inside] == 0).all()


def test_a_box_is_a_rectangle_of_its_size() -> None:
    drawn = corruptions.box_mask(torch.zeros(50, 3, 40, 40), rng(), share=0.5)[:, 0]
    for mask in drawn:
        rows, columns = mask.any(1), mask.any(0)
        assert torch.equal(mask, rows[:, None] & columns[None])
        assert 9 <= rows.sum() <= 21
        assert 9 <= columns.sum() <= 21


def test_rain_brightens_its_streaks_alone() -> None:
    x = images(side=32)
    streaks = corruptions.rain_streaks(x, rng())
    assert torch.equal(corruptions.rain(x, rng()), corruptions.rained(x, streaks))
    dry = (streaks == 0).expand_as(x)
    wet = corruptions.rained(x, streaks)
    assert 0.02 < (streaks > 0).float().mean() < 0.7
    assert torch.equal(wet[dry], x[dry])
    assert (wet[~dry] > x[~dry]).all()


def test_an_unknown_corruption_is_named() -> None:
    with pytest.raises(UsageError, match="unknown corruption 'nois'"):
        corruption("nois")
