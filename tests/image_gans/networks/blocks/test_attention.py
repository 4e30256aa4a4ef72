"""Self-attention against its equations, spelled out pixel by pixel."""

import math

import pytest
import torch
from torch import Tensor, nn

from image_gans.networks.blocks.attention import SelfAttention
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.penalties import GradientPenalty

pytestmark = pytest.mark.numerics


def layer_of(channels: int = 16, gamma: float = 0.7) -> SelfAttention:
    layer = SelfAttention(channels)
    nn.init.constant_(layer.gamma, gamma)
    return layer.double()


def slowly(layer: SelfAttention, x: Tensor) -> Tensor:
    """One image [C,H,W] by loops over pixels j and pooled positions i."""
    height, width = x.shape[1:]
    f, g, h, v = (part.weight[:, :, 0, 0] for part in (layer.f, layer.g, layer.h, layer.v))

    def pooled(weight: Tensor) -> list[Tensor]:
        cells = []
        for row in range(0, height, 2):
            for column in range(0, width, 2):
                four = [weight @ x[:, row + a, column + b] for a in (0, 1) for b in (0, 1)]
                cells.append(torch.stack(four).amax(0))
        return cells

    keys, values, output = pooled(f), pooled(h), torch.zeros_like(x)
    for row in range(height):
        for column in range(width):
            query = g @ x[:, row, column]
            powers = [math.exp((key @ query).item()) for key in keys]
            found = sum(p * value for p, value in zip(powers, values, strict=True)) / sum(powers)
            output[:, row, column] = layer.gamma * (v @ found) + x[:, row, column]
    return output


@pytest.mark.parametrize(("channels", "height", "width"), [(16, 4, 6), (8, 2, 2), (4, 6, 4)])
def test_against_the_equations_pixel_by_pixel(channels, height, width):
    layer = layer_of(channels)
    x = torch.randn(2, channels, height, width).double()
    with torch.no_grad():
        wanted = torch.stack([slowly(layer, picture) for picture in x])
        torch.testing.assert_close(layer(x), wanted)
    assert (wanted - x).abs().max() > 0.1


def test_the_identity_at_the_start_whose_gamma_learns_at_once():
    layer, x = SelfAttention(16), torch.randn(2, 16, 4, 4)
    assert torch.equal(layer(x), x)
    (layer(x) * torch.randn(2, 16, 4, 4)).sum().backward()
    assert layer.gamma.grad.abs() > 0
    assert layer.f.weight.grad.abs().max() == 0


def test_channels_and_weights_of_a_pixel():
    layer = layer_of(32)
    shapes = [tuple(part.weight.shape[:2]) for part in (layer.f, layer.g, layer.h, layer.v)]
    assert shapes == [(4, 32), (4, 32), (16, 32), (32, 16)]
    shares = layer.attended(torch.randn(3, 32, 4, 6).double())
    assert shares.shape == (3, 24, 6)
    torch.testing.assert_close(shares.sum(2), torch.ones(3, 24).double())


def test_gradients_and_second_gradients():
    layer, x = layer_of(8), torch.randn(1, 8, 2, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(layer, (x,))
    assert torch.autograd.gradgradcheck(layer, (x,))


def test_every_weight_has_a_gradient_under_a_gradient_penalty():
    trunk = nn.Sequential(nn.Conv2d(3, 8, 1), layer_of(8).float(), nn.Flatten())
    discriminator = Discriminator(trunk, 8 * 16)
    real, fake = torch.randn(4, 3, 4, 4), torch.randn(4, 3, 4, 4)
    GradientPenalty()(discriminator, real, fake, torch.Generator()).backward()
    assert all(p.grad.abs().max() > 0 for p in trunk[1].parameters())


def test_a_pixel_far_away_is_seen():
    """Unlike in one convolution, the first pixel's output depends on the last pixel's input."""
    layer, x = layer_of(16), torch.randn(1, 16, 8, 8).double().requires_grad_()
    layer(x)[0, :, 0, 0].sum().backward()
    assert x.grad[0, :, -2:, -2:].abs().max() > 0
