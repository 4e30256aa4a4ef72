"""The DCGAN networks: shapes, sizes, initialisation, and the effects of batch norm."""

import math

import pytest
import torch
from torch import nn

from image_gans.networks.blocks.shapes import CHANNELS, SIZES
from image_gans.networks.dcgan_networks import (
    DCGANConfig,
    DCGANGenerator,
    DCGANTrunk,
    dcgan_discriminator,
    fan_in,
)
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import frozen
from seqgan_kit.core.game import Move
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.errors import UsageError

VARIANTS = ("batchnorm", "selu")


def generator_rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_shapes_and_range(size, channels, variant):
    config = DCGANConfig(size=size, channels=channels, latent=7, width=2, variant=variant)
    generator, trunk = DCGANGenerator(config), DCGANTrunk(config)
    pictures = generator.sample(3, rng=generator_rng())
    assert pictures.shape == (3, channels, size, size)
    assert pictures.abs().max() <= 1
    assert trunk(pictures).shape == (3, trunk.features)
    critique = dcgan_discriminator(config)(pictures)
    assert critique.score.shape == (3,)
    assert critique.features.shape == (3, trunk.features)


@pytest.mark.parametrize(
    ("size", "hidden"),
    [(16, (8, 4)), (32, (16, 8, 4)), (64, (32, 16, 8, 4)), (256, (32, 32, 32, 16, 8, 4))],
)
def test_channels_double_towards_four_by_four_up_to_eight_times(size, hidden):
    assert DCGANConfig(size=size, width=4).hidden == hidden


def test_parameter_count_at_64_pixels_in_closed_form():
    """Width w: linear 100*8w*16; kernels of 16 taps; batch norm 2 a channel; biases at the output only.

    G: 12800w + 16*(8w*4w + 4w*2w + 2w*w + w*3) + 3 + 2*(8+4+2+1)w = 672 w^2 + 12878 w + 3
    D: 16*(3*w + w*2w + 2w*4w + 4w*8w) + w + 2*(2+4+8)w + (128w + 1) = 672 w^2 + 205 w + 1
    """
    w = 12
    config = DCGANConfig(size=64, channels=3, latent=100, width=w)
    generator, discriminator = DCGANGenerator(config), dcgan_discriminator(config)
    assert sum(p.numel() for p in generator.parameters()) == 672 * w**2 + 12878 * w + 3
    assert sum(p.numel() for p in discriminator.parameters()) == 672 * w**2 + 205 * w + 1


def test_no_batch_norm_at_the_two_picture_ends_and_none_in_selu():
    config = DCGANConfig(size=32, width=4)
    generator, trunk = DCGANGenerator(config), DCGANTrunk(config)
    norms = [m.num_features for m in generator.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms == [16, 8, 4]
    assert [m.num_features for m in trunk.modules() if isinstance(m, nn.BatchNorm2d)] == [8, 16]
    for norm in (m for m in generator.modules() if isinstance(m, nn.BatchNorm2d)):
        assert (norm.eps, norm.momentum) == (1e-5, 0.1)
    selu = DCGANConfig(size=32, width=4, variant="selu")
    for network in (DCGANGenerator(selu), DCGANTrunk(selu)):
        assert not any(isinstance(m, nn.BatchNorm2d) for m in network.modules())


def test_the_papers_initialisation():
    torch.manual_seed(0)
    config = DCGANConfig(size=32, width=32)
    for network in (DCGANGenerator(config), dcgan_discriminator(config)):
        for name, parameter in network.named_parameters():
            layer = network.get_submodule(name.rpartition(".")[0])
            mean = 1.0 if isinstance(layer, nn.BatchNorm2d) and name.endswith("weight") else 0.0
            if name.endswith("bias"):
                assert parameter.abs().max() == 0, name
                continue
            # Five standard errors of a mean and of a deviation of n draws.
            n = parameter.numel()
            assert abs(parameter.mean() - mean) < 5 * 0.02 / math.sqrt(n), name
            assert abs(parameter.std() - 0.02) < 5 * 0.02 / math.sqrt(2 * n), name


def test_fan_in_counts_the_inputs_of_one_output_pixel():
    """With inputs and weights of 1 an output is the number of its inputs."""
    for layer in (
        nn.Linear(5, 3),
        nn.Conv2d(3, 7, 4, 2, padding=1),
        nn.ConvTranspose2d(3, 7, 4, 2, padding=1),
    ):
        nn.init.ones_(layer.weight)
        nn.init.zeros_(layer.bias)
        x = torch.ones(1, 5) if isinstance(layer, nn.Linear) else torch.ones(1, 3, 8, 8)
        assert layer(x).max().item() == fan_in(layer)


@pytest.mark.parametrize("network", ["generator", "trunk"])
def test_selu_keeps_activations_in_scale_through_the_depth(network):
    torch.manual_seed(0)
    config = DCGANConfig(size=128, width=8, variant="selu")
    if network == "generator":
        model = DCGANGenerator(config)
        x = model.project(torch.randn(16, 100)).view(16, -1, 4, 4)
    else:
        model, x = DCGANTrunk(config), torch.randn(16, 3, 128, 128)
    deviations = []
    for layer in model.layers:
        x = layer(x)
        if isinstance(layer, nn.SELU):
            deviations.append(x[..., 1:-1, 1:-1].std().item())
    assert len(deviations) == 5
    assert all(0.7 < deviation < 1.3 for deviation in deviations), deviations


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_gradient_reaches_every_parameter(variant):
    torch.manual_seed(0)
    config = DCGANConfig(size=16, width=4, latent=6, variant=variant)
    generator, discriminator = DCGANGenerator(config), dcgan_discriminator(config)
    discriminator(generator.sample(8, rng=generator_rng())).score.square().sum().backward()
    for name, parameter in (*generator.named_parameters(), *discriminator.named_parameters()):
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_sampling_without_gradients_builds_no_graph():
    generator = DCGANGenerator(DCGANConfig(size=16, width=2))
    with torch.no_grad():
        assert not generator.sample(2, rng=generator_rng()).requires_grad
    assert generator.sample(2, rng=generator_rng()).requires_grad


def test_latents_are_standard_normal_and_follow_the_generator():
    generator = DCGANGenerator(DCGANConfig(size=16, width=2, latent=50))
    z = generator.latents(2000, generator_rng(3))
    assert torch.equal(z, generator.latents(2000, generator_rng(3)))
    assert not torch.equal(z, generator.latents(2000, generator_rng(4)))
    assert abs(z.mean()) < 5 / math.sqrt(z.numel())
    assert abs(z.std() - 1) < 5 / math.sqrt(2 * z.numel())


def buffers(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: buffer.clone() for name, buffer in module.named_buffers()}


def same(before: dict[str, torch.Tensor], module: nn.Module) -> bool:
    return all(torch.equal(before[name], buffer) for name, buffer in module.named_buffers())


def test_frozen_leaves_the_buffers_and_training_moves_them():
    generator = DCGANGenerator(DCGANConfig(size=16, width=2))
    before = buffers(generator)
    assert before
    with frozen(generator):
        frozen_pictures = generator.sample(4, rng=generator_rng())
    assert same(before, generator)
    pictures = generator.sample(4, rng=generator_rng())
    assert not same(before, generator)
    # Frozen, batch norm still normalised with the batch's own statistics.
    assert torch.equal(frozen_pictures, pictures)


def test_each_turn_moves_only_its_own_batch_norm_statistics():
    config = DCGANConfig(size=16, width=2)
    game = AdversarialGame(DCGANGenerator(config), dcgan_discriminator(config), non_saturating())
    generator, discriminator = game.players["generator"], game.players["discriminator"]
    batch, move = {"real": torch.rand(4, 3, 16, 16) * 2 - 1}, Move("a", 0, 1, generator_rng())

    before_generator, before_discriminator = buffers(generator), buffers(discriminator)
    with frozen(generator):
        loss = game.discriminator_loss(batch, move)
    assert same(before_generator, generator)
    assert not same(before_discriminator, discriminator)
    gradients = torch.autograd.grad(loss.total, list(generator.parameters()), allow_unused=True)
    assert all(gradient is None for gradient in gradients)

    before_discriminator = buffers(discriminator)
    with frozen(discriminator):
        game.generator_loss(batch, move)
    assert same(before_discriminator, discriminator)
    assert not same(before_generator, generator)


def test_in_evaluation_mode_a_picture_does_not_depend_on_its_batch_mates():
    torch.manual_seed(0)
    generator = DCGANGenerator(DCGANConfig(size=16, width=4))
    for _ in range(3):
        generator.sample(16, rng=generator_rng(1))  # gives the running statistics something to hold
    z = generator.latents(6, generator_rng())
    generator.eval()
    with torch.no_grad():
        together = generator(z)
        alone = torch.cat([generator(row[None]) for row in z])
        torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-5)
        generator.train()
        assert (generator(z) - generator(z[:3].repeat(2, 1))).abs()[:3].max() > 1e-3


@pytest.mark.parametrize("size", [0, 8, 24, 48, 100, 512])
def test_other_sizes_are_refused_with_those_allowed(size):
    with pytest.raises(UsageError, match=rf"size cannot be {size}\. Allowed: 16, 32, 64, 128, 256"):
        DCGANConfig(size=size)


def test_other_channels_widths_latents_and_variants_are_refused():
    with pytest.raises(UsageError, match=r"channels cannot be 4\. Allowed: 1, 3"):
        DCGANConfig(channels=4)
    with pytest.raises(UsageError, match="width cannot be 0"):
        DCGANConfig(width=0)
    with pytest.raises(UsageError, match="latent cannot be -1"):
        DCGANConfig(latent=-1)
    with pytest.raises(UsageError, match="Did you mean 'selu'"):
        DCGANConfig(variant="sellu")


def test_grayscale_pictures_into_a_colour_discriminator_are_named():
    discriminator = dcgan_discriminator(DCGANConfig(size=16, channels=3, width=2))
    with pytest.raises(UsageError, match=r"takes images of shape \(3, 16, 16\).*\(1, 16, 16\)"):
        discriminator(torch.zeros(2, 1, 16, 16))
