"""Virtual batch norm: against concatenated batches, and that an image does not depend on its batch mates."""

import copy

import pytest
import torch

from image_gans.networks.blocks.virtual_norm import VirtualBatchNorm
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator
from image_gans.networks.picture_mlp import PictureMLPConfig
from seqgan_kit.errors import UsageError


def normalised(x, rows):
    """x by the mean and variance of rows [...,C,H,W], channel by channel."""
    mean = rows.mean((0, 2, 3), keepdim=True)
    variance = rows.var((0, 2, 3), unbiased=False, keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt()


def test_a_sample_is_normalised_by_the_reference_and_itself():
    """Each sample is normalised as by batch norm over the reference batch and this sample."""
    layer = VirtualBatchNorm(3, reference=4)
    x = torch.randn(6, 3, 5, 5) * 2 + 10
    found = layer(x)
    torch.testing.assert_close(found[:4], normalised(x[:4], x[:4]), atol=1e-4, rtol=1e-4)
    for row in (4, 5):
        own = x[row : row + 1]
        wanted = normalised(own, torch.cat([x[:4], own]))
        torch.testing.assert_close(found[row : row + 1], wanted, atol=1e-4, rtol=1e-4)


def test_reference_norm_uses_the_reference_alone():
    layer = VirtualBatchNorm(3, counts_itself=False, reference=4)
    x = torch.randn(6, 3, 5, 5)
    torch.testing.assert_close(layer(x), normalised(x, x[:4]), atol=1e-5, rtol=1e-4)


def test_rows_without_pixels_are_normalised_alike():
    layer, flat = VirtualBatchNorm(3, reference=4), torch.randn(7, 3)
    torch.testing.assert_close(layer(flat), layer(flat[:, :, None, None])[:, :, 0, 0])


@pytest.mark.parametrize("norm", ["virtual", "reference"])
@pytest.mark.parametrize("training", [True, False])
def test_a_picture_does_not_depend_on_its_batch_mates(norm, training):
    generator = DCGANGenerator(DCGANConfig(16, latent=5, width=4, generator_norm=norm))
    generator.train(training)
    before = copy.deepcopy(generator.state_dict())
    z = torch.randn(6, 5)
    pictures = generator(z)
    assert pictures.shape == (6, 3, 16, 16)
    torch.testing.assert_close(generator(z[2:3]), pictures[2:3], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(generator(z.flip(0)).flip(0), pictures, atol=1e-5, rtol=1e-4)
    assert all(torch.equal(t, before[name]) for name, t in generator.state_dict().items())
    plain = DCGANGenerator(DCGANConfig(16, latent=5, width=4))
    assert (plain(z)[2:3] - plain(torch.cat([z[2:3], z[2:3] * 3]))[:1]).abs().max() > 1e-3


def test_the_reference_is_in_the_checkpoint_and_takes_part_in_the_gradient():
    config = DCGANConfig(16, latent=5, width=4, generator_norm="virtual")
    generator, other = DCGANGenerator(config), DCGANGenerator(config)
    z = torch.randn(3, 5)
    assert not torch.allclose(generator(z), other(z))
    other.load_state_dict(generator.state_dict())
    assert torch.equal(generator(z), other(z))
    assert "reference" in generator.state_dict()
    generator(z).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in generator.parameters())
    assert "reference" not in DCGANGenerator(DCGANConfig(16)).state_dict()


def test_generators_that_hold_no_reference_refuse_it():
    with pytest.raises(UsageError, match="unknown norm of fully connected layers 'virtual'"):
        PictureMLPConfig(generator_norm="virtual")
