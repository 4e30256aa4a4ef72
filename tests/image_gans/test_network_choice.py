"""Networks by name: separate norms of G and D, packs of images, and refused settings."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.networks.choice import (
    NETWORKS,
    NetworkChoice,
    build_generator,
    build_head,
    build_networks,
    build_trunk,
)
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANTrunk
from image_gans.networks.picture_mlp import PictureMLPConfig, PictureMLPTrunk
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.objectives import wasserstein
from seqgan_kit.core.penalties import GradientPenalty
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import UsageError

DATA = ImageData(size=16)
SMALL = NetworkChoice(width=2, latent=5)
LAYERS = {
    "batch": (nn.BatchNorm2d, nn.BatchNorm1d),
    "layer": (nn.GroupNorm, nn.LayerNorm),
    "instance": (nn.InstanceNorm2d,),
}
CRITICS = [
    (network, norm)
    for network in NETWORKS
    if "discriminator_norm" in NETWORKS[network].options
    for norm in ("batch", "layer", "instance", "spectral", "none")
    if (network, norm) != ("mlp", "instance")
]


def layers(module: nn.Module, norm: str) -> int:
    return sum(isinstance(child, LAYERS[norm]) for child in module.modules())


@pytest.mark.parametrize(("network", "norm"), CRITICS)
def test_the_norms_of_d_are_its_own(network, norm):
    choice = replace(SMALL, network=network, discriminator_norm=norm)
    generator, discriminator = build_networks(choice, DATA)
    plain, _ = build_networks(replace(SMALL, network=network), DATA)
    assert all(layers(generator, name) == layers(plain, name) for name in LAYERS)
    counts = {name: layers(discriminator, name) for name in LAYERS}
    assert {name for name, count in counts.items() if count} == {norm} & set(LAYERS)
    weights = [m for m in discriminator.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    assert all(is_parametrized(m) == (norm == "spectral") for m in weights)
    assert discriminator.trunk.rows_are_independent == (norm != "batch")


@pytest.mark.parametrize(("network", "norm"), CRITICS)
def test_without_batch_norm_a_score_does_not_depend_on_its_batch_mates(network, norm):
    choice = replace(SMALL, network=network, discriminator_norm=norm)
    _, discriminator = build_networks(choice, DATA)
    discriminator.train()
    x, others = torch.rand(4, 3, 16, 16), torch.rand(4, 3, 16, 16)
    if norm == "spectral":
        discriminator.eval()  # in training each pass sharpens the estimate of the singular values
    together = discriminator(torch.cat([x, others])).score[:4]
    same = torch.allclose(together, discriminator(x).score, atol=1e-6)
    assert same == discriminator.trunk.rows_are_independent


@pytest.mark.parametrize(("network", "norm"), CRITICS)
def test_a_gradient_penalty_takes_all_but_batch_norm(network, norm):
    players = build_networks(replace(SMALL, network=network, discriminator_norm=norm), DATA)
    if norm == "batch":
        with pytest.raises(UsageError, match="without batch normalisation"):
            AdversarialGame(*players, wasserstein(), penalties=[GradientPenalty()])
        return
    game = AdversarialGame(*players, wasserstein(), penalties=[GradientPenalty()])
    rng = torch.Generator().manual_seed(0)
    real, fake = torch.rand(4, 3, 16, 16), torch.rand(4, 3, 16, 16)
    penalty = game.penalties[0](players[1], real, fake, rng)
    penalty.backward()
    assert penalty.isfinite()
    weights = [p for name, p in players[1].named_parameters() if "weight" in name]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in weights)


def test_spectral_layers_have_singular_values_of_at_most_one():
    choice = replace(SMALL, width=8, discriminator_norm="spectral")
    _, discriminator = build_networks(choice, DATA)
    for _ in range(100):
        discriminator(torch.rand(2, 3, 16, 16))
    for layer in discriminator.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
            assert largest == pytest.approx(1, abs=0.02)


def test_layer_norm_is_over_channels_and_pixels_of_one_picture():
    trunk = DCGANTrunk(DCGANConfig(size=16, width=4, discriminator_norm="layer"))
    inside = trunk.layers[:4](torch.rand(5, 3, 16, 16) * 7)
    assert isinstance(trunk.layers[3], nn.GroupNorm)
    torch.testing.assert_close(inside.mean((1, 2, 3)), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(inside.std((1, 2, 3)), torch.ones(5), atol=0.05, rtol=0)


def test_without_norms_signals_keep_their_scale_through_the_depth():
    torch.manual_seed(0)
    config = DCGANConfig(size=128, width=8, generator_norm="none", discriminator_norm="none")
    x, sizes = torch.randn(16, 3, 128, 128), []
    for layer in DCGANTrunk(config).layers:
        x = layer(x)
        if isinstance(layer, nn.LeakyReLU):
            sizes.append(x[..., 1:-1, 1:-1].square().mean().sqrt().item())
    assert len(sizes) == 5
    assert all(0.6 < size < 1.4 for size in sizes), sizes


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("channels", [1, 3])
def test_packs_have_several_pictures_along_the_channels(network, channels):
    data = ImageData(size=16, channels=channels)
    generator, discriminator = build_networks(replace(SMALL, network=network), data, packing=3)
    pictures = generator.sample(6, rng=torch.Generator().manual_seed(0))
    assert pictures.shape == (6, channels, 16, 16)
    score = discriminator(pictures.view(2, 3 * channels, 16, 16)).score
    assert score.shape == (2,)
    with pytest.raises(UsageError, match=rf"takes images of shape \({3 * channels}, 16, 16\)"):
        discriminator(pictures)


@pytest.mark.parametrize("network", NETWORKS)
def test_trunk_and_head_make_what_a_method_needs(network):
    choice = replace(SMALL, network=network)
    trunk = build_trunk(choice, DATA)
    features = trunk(torch.rand(4, 3, 16, 16))
    assert features.shape == (4, trunk.features)
    head = build_head(choice, DATA, trunk.features + 2, outputs=7)
    assert head(torch.rand(4, trunk.features + 2)).shape == (4, 7)
    assert build_generator(choice, DATA).sample(2, rng=torch.Generator()).shape == (2, 3, 16, 16)


@pytest.mark.parametrize("size", [16, 21, 33])
@pytest.mark.parametrize("channels", [1, 3])
def test_full_layers_make_pictures_of_any_size(size, channels):
    data = ImageData(size=size, channels=channels)
    choice = NetworkChoice("mlp", width=2, latent=4, pieces=4, dropout=0.5)
    generator, discriminator = build_networks(choice, data)
    pictures = generator.sample(5, rng=torch.Generator().manual_seed(0))
    assert pictures.shape == (5, channels, size, size)
    assert pictures.abs().max() < 1
    critique = discriminator(pictures)
    assert (critique.score.shape, critique.features.shape) == ((5,), (5, 8))


def test_maxout_and_dropout_are_those_of_the_first_gan():
    """Five maps a unit and the largest of them; half the units and a fifth of the pixels dropped."""
    trunk = PictureMLPTrunk(PictureMLPConfig(size=28, channels=1, pieces=5, dropout=0.5))
    assert trunk.features == 240
    shares = [layer.p for layer in trunk.layers if isinstance(layer, nn.Dropout)]
    assert shares == pytest.approx([0.2, 0.5, 0.5])
    maxout = trunk.layers[1]
    x = torch.randn(3, 784)
    maps = (x @ maxout.linear.weight.T + maxout.linear.bias).view(3, 5, 240)
    torch.testing.assert_close(maxout(x), maps.max(1).values)


def test_weights_of_full_layers_keep_the_scale():
    torch.manual_seed(0)
    generator = build_generator(NetworkChoice("mlp", width=32), DATA)
    z = torch.randn(64, 100)
    before_tanh = generator.layers(z)
    assert before_tanh.std().item() == pytest.approx(1, abs=0.2)
    first = generator.layers[0].weight
    assert first.std().item() == pytest.approx(math.sqrt(2 / 100), rel=0.02)


def test_a_saved_mlp_draws_the_same_pictures(tmp_path):
    generator = build_generator(NetworkChoice("mlp", width=2, generator_norm="batch"), DATA)
    generator.sample(8, rng=torch.Generator().manual_seed(1))
    save_image_model(tmp_path / "model", generator)
    model = load_image_model(tmp_path)
    generator.eval()
    rng = torch.Generator().manual_seed(0)
    z = torch.cat([generator.latents(1, rng) for _ in range(3)])
    assert torch.equal(model.images(3, seed=0), generator(z))


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (lambda: NetworkChoice("dcgn"), "Did you mean 'dcgan'"),
        (
            lambda: NetworkChoice("mlp", variant="selu"),
            "variant is 'selu', which the network 'mlp' does not use",
        ),
        (
            lambda: NetworkChoice(pieces=5),
            "pieces is 5, which the network 'dcgan' does not use",
        ),
        (lambda: NetworkChoice(discriminator_norm="bach"), "Did you mean 'batch'"),
        (lambda: NetworkChoice(generator_norm="layer"), "unknown generator norm 'layer'"),
        (
            lambda: NetworkChoice("mlp", discriminator_norm="instance"),
            "unknown norm of fully connected layers",
        ),
        (lambda: NetworkChoice("mlp", width=1, pieces=5), "16 units do not divide .* 5 pieces"),
        (
            lambda: NetworkChoice("mlp", dropout=1.0),
            "dropout is 1.0; it must be 0 or more and below 1",
        ),
        (lambda: NetworkChoice("mlp", latent=0), "latent is 0; it must be at least 1"),
    ],
)
def test_choices_without_a_meaning_are_refused(choice, message):
    with pytest.raises(UsageError, match=message):
        build_networks(choice(), DATA)


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_too_large_to_train_are_refused_before_they_are_made(network):
    told = rf"training the networks '{network}' of width 500,000 takes .* use a smaller width"
    with pytest.raises(UsageError, match=told):
        build_networks(NetworkChoice(network, width=500_000), DATA)
