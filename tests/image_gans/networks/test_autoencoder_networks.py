"""BEGAN's networks: a score that is a reconstruction error, a generator that is a decoder."""

import pytest
import torch
import torch.nn.functional as F

from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.networks.autoencoder_networks import (
    AutoencoderConfig,
    AutoencoderGenerator,
    AutoencoderTrunk,
    autoencoder_head,
)
from image_gans.networks.blocks.shapes import SIZES
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.errors import UsageError

SMALL = AutoencoderConfig(size=32, latent=6, width=4)


def discriminator_of(config: AutoencoderConfig) -> Discriminator:
    trunk = AutoencoderTrunk(config)
    return Discriminator(trunk, trunk.features, score=autoencoder_head(config, trunk.features))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_at_every_size(size, channels):
    config = AutoencoderConfig(size, channels, latent=5, width=2)
    pictures = AutoencoderGenerator(config).sample(2, rng=torch.Generator().manual_seed(0))
    assert pictures.shape == (2, channels, size, size)
    discriminator = discriminator_of(config)
    critique = discriminator(pictures)
    assert critique.score.shape == (2,)
    assert critique.features.shape == (2, channels * size * size)
    assert discriminator.trunk.reconstructed(pictures).shape == pictures.shape


def test_the_score_is_minus_the_mean_absolute_error():
    discriminator, x = discriminator_of(SMALL), torch.rand(3, 3, 32, 32)
    errors = [F.l1_loss(discriminator.trunk.reconstructed(row[None]), row[None]) for row in x]
    torch.testing.assert_close(discriminator(x).score, -torch.stack(errors))


def test_the_generator_has_the_shape_of_the_decoder():
    generator, trunk = AutoencoderGenerator(SMALL), AutoencoderTrunk(SMALL)
    shapes = [(name, p.shape) for name, p in generator.decoder.named_parameters()]
    assert shapes == [(name, p.shape) for name, p in trunk.decoder.named_parameters()]


def test_the_encoder_widens_by_the_width_and_ends_at_eight_pixels():
    trunk = AutoencoderTrunk(AutoencoderConfig(size=64, latent=6, width=4))
    convs = [m for m in trunk.encoder.layers if isinstance(m, torch.nn.Conv2d)]
    assert [m.out_channels for m in convs] == [4, 4, 4, 8, 8, 12, 12, 16, 16]
    assert trunk.encoder.layers[-1].in_features == 16 * 8 * 8


def test_the_first_map_is_joined_after_every_upsampling():
    """The decoder in the paper's order: upsample, join the upsampled first map, convolve."""
    decoder = AutoencoderGenerator(SMALL).double().decoder
    h = torch.randn(2, 6).double()
    first = decoder.project(h).view(2, 4, 8, 8)
    x = decoder.start(first)
    for level in decoder.levels:
        skipped = F.interpolate(first, size=2 * x.shape[-1])
        x = torch.cat([F.interpolate(x, scale_factor=2), skipped], 1)
        x = level[1:](F.conv2d(x, level[0].weight, level[0].bias, padding=1))
    torch.testing.assert_close(decoder(h), decoder.output(x))


def test_the_gradient_reaches_every_parameter():
    generator, discriminator = AutoencoderGenerator(SMALL), discriminator_of(SMALL)
    discriminator(generator.sample(4, rng=torch.Generator())).score.sum().backward()
    for name, parameter in (*generator.named_parameters(), *discriminator.named_parameters()):
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_a_saved_generator_draws_the_same_pictures(tmp_path):
    generator = AutoencoderGenerator(SMALL)
    save_image_model(tmp_path / "model", generator)
    model, one = load_image_model(tmp_path), torch.Generator().manual_seed(0)
    z = torch.cat([generator.latents(1, one) for _ in range(3)])
    with torch.no_grad():
        assert torch.equal(model.images(3, seed=0), generator(z))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 8}, r"size cannot be 8\. Allowed: 16, 32, 64, 128, 256"),
        ({"channels": 4}, r"channels cannot be 4\. Allowed: 1, 3"),
        ({"latent": 0}, "latent cannot be 0"),
        ({"width": -1}, "width cannot be -1"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        AutoencoderConfig(**settings)


def test_pictures_of_another_shape_are_named():
    with pytest.raises(UsageError, match=r"takes images of shape \(3, 32, 32\).*\(3, 16, 16\)"):
        AutoencoderTrunk(SMALL)(torch.zeros(1, 3, 16, 16))
