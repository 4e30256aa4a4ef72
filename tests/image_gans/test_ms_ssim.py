"""MS-SSIM: a slow computation window by window, identities, and the score of collapse."""

import math

import numpy as np
import pytest
import torch

from image_gans.metrics.ms_ssim import WEIGHTS, ms_ssim, scales_of, similarity_of_pairs
from seqgan_kit.errors import DataError


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def by_windows(x, y, scales):
    """One channel in [0, 2], one window at a time."""
    side = min(11, x.shape[0])
    axis = np.arange(side) - side // 2
    window = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2, product = (0.01 * 2) ** 2, (0.03 * 2) ** 2, 1.0
    weights = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales])
    for scale in range(scales):
        both, structures = [], []
        for i in range(x.shape[0] - side + 1):
            for j in range(x.shape[1] - side + 1):
                a, b = x[i : i + side, j : j + side], y[i : i + side, j : j + side]
                m, n = (window * a).sum(), (window * b).sum()
                s, t = (window * (a - m) ** 2).sum(), (window * (b - n) ** 2).sum()
                st = (window * (a - m) * (b - n)).sum()
                structures.append((2 * st + c2) / (s + t + c2))
                both.append(structures[-1] * (2 * m * n + c1) / (m * m + n * n + c1))
        last = scale == scales - 1
        product *= max(0.0, np.mean(both if last else structures)) ** weights[scale]
        h, w = x.shape[0] // 2, x.shape[1] // 2
        x, y = (p[: 2 * h, : 2 * w].reshape(h, 2, w, 2).mean((1, 3)) for p in (x, y))
    return product


@pytest.mark.parametrize(("side", "scales"), [(24, 2), (45, 3), (11, 1)])
def test_against_one_window_at_a_time(side, scales):
    x = torch.rand(1, 2, side, side, generator=rng(1)) * 2 - 1
    y = (x + 0.5 * torch.rand(1, 2, side, side, generator=rng(2))).clamp(-1, 1)
    expected = np.mean(
        [by_windows(x[0, c].numpy() + 1, y[0, c].numpy() + 1, scales) for c in range(2)]
    )
    assert scales_of(side) == scales
    assert float(ms_ssim(x, y)[0]) == pytest.approx(expected, rel=1e-5)


def test_how_many_scales_hold_a_window():
    assert [scales_of(s) for s in (8, 16, 22, 32, 44, 64, 128, 175, 176, 256)] == [
        1, 1, 2, 2, 3, 3, 4, 4, 5, 5
    ]  # fmt: skip


def test_equal_pictures_are_alike_and_opposite_ones_are_not():
    x = torch.rand(3, 3, 8, 8, generator=rng()) * 2 - 1
    torch.testing.assert_close(ms_ssim(x, x), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(ms_ssim(x, -x), torch.zeros(3, dtype=torch.float64))
    y = torch.rand(3, 3, 8, 8, generator=rng(1)) * 2 - 1
    torch.testing.assert_close(ms_ssim(x, y), ms_ssim(y, x))


def test_even_pictures_differ_by_their_luminance_alone():
    """Structure is 1; what is left is (2mn + c1) / (m^2 + n^2 + c1) to the last scale's weight of two."""
    x, y = torch.full((1, 1, 32, 32), -0.5), torch.full((1, 1, 32, 32), 0.5)
    c1, weight = 0.02**2, WEIGHTS[1] / (WEIGHTS[0] + WEIGHTS[1])
    expected = ((2 * 0.5 * 1.5 + c1) / (0.25 + 2.25 + c1)) ** weight
    assert float(ms_ssim(x, y)[0]) == pytest.approx(expected)


def test_collapse_is_near_one_noise_near_zero_and_no_picture_meets_itself():
    one = torch.rand(1, 1, 16, 16, generator=rng()) * 2 - 1
    collapsed = one + 0.01 * torch.randn(9, 1, 16, 16, generator=rng(1))
    noise = torch.rand(400, 1, 16, 16, generator=rng(2)) * 2 - 1
    assert similarity_of_pairs(collapsed, rng()).value > 0.99
    found = similarity_of_pairs(noise, rng())
    assert found.value < 0.1
    repeated = [similarity_of_pairs(noise, rng(seed)).value for seed in range(40)]
    assert np.std(repeated) == pytest.approx(found.standard_error, rel=0.35)
    assert math.isfinite(found.standard_error)


def test_what_cannot_be_paired():
    with pytest.raises(DataError, match="at least 4 images"):
        similarity_of_pairs(torch.zeros(3, 1, 8, 8), rng())
    with pytest.raises(DataError, match="pairs of images are needed"):
        ms_ssim(torch.zeros(3, 1, 8, 8), torch.zeros(2, 1, 8, 8))
