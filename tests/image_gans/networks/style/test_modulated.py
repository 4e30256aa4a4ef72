"""Modulated convolutions against weights of their own for each image, and their filtered resampling."""

import pytest
import torch
import torch.nn.functional as F

from image_gans.networks.blocks.resampling import doubled, doubling_conv, halved, halving_conv
from image_gans.networks.style.equalised import EqualisedConv, EqualisedLinear
from image_gans.networks.style.modulated import StyledConv, modulated_conv, modulated_weights

RNG = torch.Generator().manual_seed(0)
X = torch.randn(3, 4, 6, 6, generator=RNG, dtype=torch.float64)
WEIGHT = torch.randn(5, 4, 3, 3, generator=RNG, dtype=torch.float64)
STYLES = torch.randn(3, 4, generator=RNG, dtype=torch.float64)


def test_demodulated_weights_have_unit_norm():
    weights = modulated_weights(WEIGHT, STYLES, demodulates=True)
    norms = weights.square().sum((2, 3, 4))
    torch.testing.assert_close(norms, torch.ones(3, 5, dtype=torch.float64))
    plain = modulated_weights(WEIGHT, STYLES, demodulates=False)
    torch.testing.assert_close(plain[1, :, 2], STYLES[1, 2] * WEIGHT[:, 2])


@pytest.mark.parametrize("demodulates", [True, False])
@pytest.mark.parametrize("doubles", [True, False])
def test_a_modulated_convolution_is_a_plain_one_with_the_weights_of_each_image(
    demodulates, doubles
):
    weights = modulated_weights(WEIGHT, STYLES, demodulates=demodulates)
    plain = doubling_conv if doubles else lambda x, w: F.conv2d(x, w, padding=1)
    expected = torch.cat([plain(x[None], w) for x, w in zip(X, weights, strict=True)])
    found = modulated_conv(X, WEIGHT, STYLES, demodulates=demodulates, doubles=doubles)
    torch.testing.assert_close(found, expected)


def test_convolutions_commute_with_resampling_inside_the_image():
    flipped = F.conv2d(doubled(X), WEIGHT, padding=1)
    torch.testing.assert_close(doubling_conv(X, WEIGHT)[..., 3:-3, 3:-3], flipped[..., 3:-3, 3:-3])
    identity = torch.eye(4, dtype=torch.float64)[:, :, None, None] * F.pad(
        torch.ones(1, 1, dtype=torch.float64), (1, 1, 1, 1)
    )
    found = halving_conv(X, identity)
    torch.testing.assert_close(found[..., 1:-1, 1:-1], halved(X)[..., 1:-1, 1:-1])
    torch.testing.assert_close(found, halved(X, repeats_edges=False))


def test_noise_changes_nothing_until_its_strength_is_learnt():
    torch.manual_seed(0)
    layer = StyledConv(4, 5, 6, 7).double()
    w = torch.randn(3, 7, dtype=torch.float64)
    first, second = (layer(X, w, torch.Generator().manual_seed(seed)) for seed in (1, 2))
    assert torch.equal(first, second)
    assert torch.equal(first, layer(X, w, None))
    first.sum().backward()
    assert layer.noise_strength.grad.abs() > 0
    layer.noise_strength.data.fill_(0.1)
    first, second = (layer(X, w, torch.Generator().manual_seed(seed)) for seed in (1, 2))
    assert not torch.equal(first, second)
    assert torch.equal(layer(X, w, None), layer(X, w, None))


def test_layers_keep_the_variance_and_their_rate_does_not_change_the_function():
    torch.manual_seed(0)
    x = torch.randn(64, 256)
    for layer in (EqualisedLinear(256, 128), EqualisedLinear(256, 128, rate=0.01)):
        assert layer(x).std().item() == pytest.approx(1, rel=0.1)
        assert layer.weight.std().item() == pytest.approx(1 / (layer.bias_scale), rel=0.05)
    assert EqualisedLinear(8, 2, rate=0.5, bias=1.0)(torch.zeros(1, 8)).tolist() == [[1.0, 1.0]]
    images = torch.randn(4, 32, 8, 8)
    assert EqualisedConv(32, 64, 3)(images)[..., 1:-1, 1:-1].std().item() == pytest.approx(
        1, rel=0.1
    )
    assert EqualisedConv(32, 64, 3, halves=True)(images).shape == (4, 64, 4, 4)
