"""PSNR, SSIM and the error inside and outside of a mask: closed forms and refused input."""

import math

import pytest
import torch

from image_gans.metrics.pair_quality import error_maps, pair_quality, psnr
from seqgan_kit.errors import DataError


def test_psnr_is_that_of_its_definition() -> None:
    """A constant error of 0.2 on the range 2 is 20 log10(2 / 0.2) = 20 dB."""
    x = torch.zeros(2, 3, 16, 16)
    assert psnr(x, x + 0.2).tolist() == pytest.approx([20, 20], abs=1e-5)
    assert psnr(x, x).tolist() == [100, 100]


def test_equal_images_score_best_and_errors_lie_where_they_are() -> None:
    targets = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8
    masks = torch.zeros(4, 1, 16, 16, dtype=torch.bool)
    masks[:, :, :8] = True
    perfect = pair_quality(targets, targets, masks)
    assert perfect["psnr"].value == 100
    assert perfect["ssim"].value == pytest.approx(1)
    wrong = targets.clone()
    wrong[:, :, :8] += 20 / 127.5
    found = pair_quality(wrong, targets, masks)
    assert found["error_inside"].value == pytest.approx(20, abs=0.01)
    assert found["error_outside"].value == 0
    assert found["psnr_outside"].value == 100
    assert found["psnr_inside"].value == pytest.approx(
        10 * math.log10(4 / (20 / 127.5) ** 2), abs=0.05
    )
    assert found["psnr"].value == pytest.approx(
        10 * math.log10(4 / (0.5 * (20 / 127.5) ** 2)), abs=0.05
    )
    assert found["ssim"].value < 1


def test_a_part_without_pixels_is_absent_and_shapes_must_agree() -> None:
    x, everywhere = torch.zeros(2, 1, 16, 16), torch.ones(2, 1, 16, 16, dtype=torch.bool)
    assert pair_quality(x, x, everywhere).keys() == {"psnr", "ssim", "error_inside"}
    assert pair_quality(x, x).keys() == {"psnr", "ssim"}
    with pytest.raises(DataError, match="cannot be compared with targets"):
        pair_quality(x, torch.zeros(2, 3, 16, 16))


def test_error_maps_are_black_where_nothing_is_wrong() -> None:
    x = torch.zeros(1, 3, 2, 2)
    y = x.clone()
    y[0, :, 0, 0] = 2.0
    shown = error_maps(x, y)
    assert shown.shape == x.shape
    assert shown[0, 0].tolist() == [[1.0, -1.0], [-1.0, -1.0]]
