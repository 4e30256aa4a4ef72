"""Transformations of images: each formula, its distribution, and second derivatives."""

import math

import pytest
import torch

from image_gans.augmentations import ada_transforms
from image_gans.augmentations.ada_transforms import ada_transform, colour_transform, resampling
from image_gans.augmentations.augmented_player import mirrored_and_shifted
from image_gans.augmentations.diffaugment import (
    colour,
    cutout,
    diffaugment,
    shifted,
    translation,
    uniform,
)
from seqgan_kit.core.penalties import gradient_norms


def pictures(n: int = 64, side: int = 16, channels: int = 3) -> torch.Tensor:
    rng = torch.Generator().manual_seed(1)
    return torch.rand(n, channels, side, side, generator=rng, dtype=torch.float64) * 2 - 1


def test_colour_is_an_affine_map_with_the_stated_ranges(rng):
    """m -> m + u - 1/2; the deviation from m is a mix of grey and colour parts, scaled by up to 1.5 * 2."""
    x = pictures(400)
    y = colour(x, rng)
    rise = (y - x).mean((1, 2, 3))
    assert -0.5 <= rise.min() < -0.4
    assert 0.4 < rise.max() <= 0.5
    tint = y - y.mean(1, keepdim=True)
    before = x - x.mean(1, keepdim=True)
    factor = (tint * before).sum((1, 2, 3)) / before.square().sum((1, 2, 3))
    torch.testing.assert_close(tint, factor.view(-1, 1, 1, 1) * before)
    grey, old = y.mean(1) - y.mean((1, 2, 3)).view(-1, 1, 1), x.mean(1)
    old = old - old.mean((1, 2), keepdim=True)
    contrast = (grey * old).sum((1, 2)) / old.square().sum((1, 2))
    torch.testing.assert_close(grey, contrast.view(-1, 1, 1) * old)
    assert 0.5 <= contrast.min() < 0.6
    assert 1.4 < contrast.max() <= 1.5
    saturation = factor / contrast
    assert 0 <= saturation.min() < 0.1
    assert 1.9 < saturation.max() <= 2


def test_a_shift_moves_pixels_and_leaves_grey():
    x = pictures(2, 4)
    y = shifted(x, torch.tensor([1, 0]), torch.tensor([-2, 3]))
    expected = torch.zeros_like(x)
    expected[0, :, 1:, :2] = x[0, :, :3, 2:]
    expected[1, :, :, 3:] = x[1, :, :, :1]
    assert torch.equal(y, expected)


def test_translations_are_at_most_an_eighth_and_all_occur(rng):
    x = torch.zeros(500, 1, 16, 16)
    x[:, :, 8, 8] = 1
    places = translation(x, rng).flatten(1).argmax(1)
    found = {(int(p) // 16 - 8, int(p) % 16 - 8) for p in places}
    assert found == {(a, b) for a in range(-2, 3) for b in range(-2, 3)}


def test_cutout_removes_one_square_of_half_the_side(rng):
    holes = (cutout(torch.ones(300, 1, 16, 16), rng) == 0)[:, 0]
    rows, columns = holes.any(2).sum(1), holes.any(1).sum(1)
    assert torch.equal(holes.sum((1, 2)), rows * columns)
    assert rows.max() == columns.max() == 8
    assert rows.min() == columns.min() == 4  # half of it may lie outside


def test_probability_0_changes_nothing_and_1_everything(rng):
    x = pictures(8)
    torch.testing.assert_close(ada_transform(x, 0.0, rng), x)
    changed = (ada_transform(x, torch.tensor(1.0), rng) - x).abs().amax((1, 2, 3))
    assert changed.min() > 0.05


def test_resampling_by_hand():
    x = torch.tensor([1.0, 2.0, 4.0, 8.0])
    one, none = torch.ones(1), torch.zeros(1)
    read = lambda factor, shift: (resampling(factor, shift, 4)[0] @ x).tolist()  # noqa: E731
    assert read(one, none) == [1, 2, 4, 8]
    assert read(-one, none) == [8, 4, 2, 1]
    assert read(one, one) == [2, 1, 2, 4]  # the pixel from outside is mirrored
    assert read(one, -0.5 * one) == [1.5, 3, 6, 6]
    assert read(2 * one, none) == pytest.approx([1.75, 2.5, 3.5, 5.0])


def test_quarter_turns_and_mirrors_are_the_eight_symmetries(monkeypatch, rng):
    """Without scale, stretch and shifts, only the eight symmetries of the square are left."""
    x = pictures(1, 4).expand(400, -1, -1, -1)

    def chosen_then_random(count, x, rng):
        if count == 6:  # which transformations: the first two
            return torch.tensor([0.0, 0, 1, 1, 1, 1]).double().view(6, 1, 1, 1, 1)
        return uniform(count, x, rng)

    monkeypatch.setattr(ada_transforms, "uniform", chosen_then_random)
    y = ada_transforms.geometry(x, 0.5, rng)
    symmetries = [torch.rot90(m, k, (1, 2)) for m in (x[0], x[0].flip(2)) for k in range(4)]
    counts = [sum(bool(torch.allclose(image, s)) for image in y) for s in symmetries]
    assert sum(counts) == 400
    # Mirror with probability 1/2, each turn with 1/4: 50 of each, 5 deviations of 6.6.
    assert all(17 < count < 83 for count in counts)


def test_colour_turns_keep_the_length_of_the_tint(rng):
    """Hue turns around the grey axis, saturation scales the distance from it; luma flips grey alone."""
    x = pictures(300)
    y = colour_transform(x, 1.0, rng)
    grey, tint = x.mean(1), x - x.mean(1, keepdim=True)
    new = y - y.mean(1, keepdim=True)
    ratio = new.norm(dim=1) / tint.norm(dim=1)
    torch.testing.assert_close(ratio, ratio[:, :1, :1].expand_as(ratio))
    cosine = ((new * tint).sum(1) / new.norm(dim=1) / tint.norm(dim=1))[:, 0, 0]
    angle = torch.acos(cosine.clamp(-1, 1))
    assert angle.min() < 0.15
    assert angle.max() > math.pi - 0.15
    slope = ((y.mean(1) - y.mean((1, 2, 3))[:, None, None]) * grey).sum((1, 2))
    assert 100 < (slope < 0).sum() < 200  # half are flipped


@pytest.mark.parametrize("transform", [diffaugment, lambda x, rng: ada_transform(x, 0.9, rng)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_penalty_differentiates_twice(transform, channels, rng):
    weight = torch.randn(channels * 64, dtype=torch.float64, requires_grad=True)
    x = pictures(3, 8, channels)
    norms = gradient_norms(lambda x: (transform(x, rng).flatten(1).double() @ weight) ** 2, x)
    norms.square().mean().backward()
    assert weight.grad.abs().sum() > 0


def test_consistency_mirrors_half_and_shifts(rng):
    x = torch.zeros(400, 1, 16, 16)
    x[:, :, 8, 4] = 1
    places = mirrored_and_shifted(x, rng).flatten(1).argmax(1)
    columns = {int(p) % 16 for p in places}
    assert columns == {2, 3, 4, 5, 6, 9, 10, 11, 12, 13}
    assert {int(p) // 16 for p in places} == {6, 7, 8, 9, 10}
