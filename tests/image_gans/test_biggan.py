"""BigGAN: its regularisation by hand, where each part of the noise goes, and its players' first weights."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from image_gans.conditions import conditioned
from image_gans.methods.modern import biggan
from image_gans.methods.modern.biggan import BigGANMethod
from image_gans.networks.blocks.orthogonal import orthogonal_weights, row_overlap
from image_gans.networks.blocks.spectral import spectrally_normalised
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.conditional import (
    ConditionalBatchNorm,
    ConditionalGenerator,
    ConditionSettings,
    build_conditional_networks,
)
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import UsageError
from tests.image_gans.conditional_players import corpus

DATA = ImageData(size=16)
TOLD = ConditionSettings((), 3, True, labels_in_input=False, skip_noise=True)


def networks(
    told: ConditionSettings = TOLD, **choice: object
) -> tuple[ConditionalGenerator, Discriminator]:
    torch.manual_seed(0)
    shape = {
        "network": "resnet",
        "width": 4,
        "latent": 6,
        "discriminator_norm": "spectral",
    } | choice
    return build_conditional_networks(NetworkChoice(**shape), DATA, conditioned(corpus()), told)  # type: ignore[arg-type]


def test_the_overlap_of_rows_is_that_of_the_equation():
    layer = nn.Linear(2, 2)
    layer.weight.data = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    overlap = row_overlap(layer)
    assert overlap.item() == 2 * 11**2  # the rows' product, twice
    (gradient,) = torch.autograd.grad(overlap, layer.weight)
    off = torch.tensor([[0.0, 11.0], [11.0, 0.0]])
    torch.testing.assert_close(gradient, 4 * off @ layer.weight)


def test_the_overlap_leaves_spectral_norms_alone():
    network = spectrally_normalised(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(6, 4)))
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    row_overlap(network)
    assert before
    assert all(torch.equal(b, before[name]) for name, b in network.named_buffers())


@pytest.mark.parametrize("spectral", [False, True])
def test_orthogonal_weights_have_no_overlap(spectral):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(6, 4))
    if spectral:
        spectrally_normalised(network)
    assert row_overlap(network) > 0.01
    orthogonal_weights(network)
    assert row_overlap(network) < 1e-8
    assert all(parametrize.is_parametrized(layer) == spectral for layer in network)
    if spectral:  # their largest singular value is 1, and the norm knows it at once
        weight = network[0].weight.flatten(1)
        torch.testing.assert_close(weight @ weight.t(), torch.eye(8), atol=1e-4, rtol=0)


def test_the_overlap_is_part_of_the_generators_loss():
    losses = {}
    for weight in (0.0, 0.5):
        game = biggan.build(*networks(), BigGANMethod(orthogonal_weight=weight))
        move = Move("adversarial", 0, 1, torch.Generator().manual_seed(0))
        labels = {"coat": torch.zeros(4).long(), "eyes": torch.ones(4).long()}
        losses[weight] = game.generator_loss({"real": torch.zeros(4, 3, 16, 16), **labels}, move)
    overlap = row_overlap(game.generator.inner)
    assert overlap > 0.1  # of layers with more outputs than inputs
    torch.testing.assert_close(losses[0.5].logs["filter_overlap"], overlap)
    torch.testing.assert_close(losses[0.5].total, losses[0.0].total + 0.5 * overlap)
    assert "filter_overlap" not in losses[0.0].logs


def maps_of(generator: ConditionalGenerator, latents: Tensor) -> list[Tensor]:
    """Return what enters each residual block, and the image."""
    seen: list[Tensor] = []
    hooks = [
        layer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        for layer in list(generator.inner.layers)[:2]
    ]
    seen.append(generator(latents))
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize(("part", "changed"), [(0, [0, 1, 2]), (1, [1, 2]), (2, [2])])
def test_each_part_of_the_noise_enters_at_its_own_block(part, changed):
    generator, _ = networks()
    orthogonal_weights(generator)  # the norms ignore what they are told before that
    generator.eval()
    rng = torch.Generator().manual_seed(0)
    first = generator.latents(2, rng)
    second = first.clone()
    second[:, 2 * part : 2 * part + 2] += 1
    pairs = zip(maps_of(generator, first), maps_of(generator, second), strict=True)
    assert [n for n, (a, b) in enumerate(pairs) if not torch.equal(a, b)] == changed


def test_labels_reach_the_norms_of_blocks_and_not_the_last_one():
    generator, _ = networks()
    inner = generator.inner
    assert sum(isinstance(m, ConditionalBatchNorm) for m in inner.modules()) == 4
    assert isinstance(inner.layers[2], nn.BatchNorm2d)
    assert inner.project.in_features == 2  # a third of the noise, and no label


@pytest.mark.parametrize(
    ("choice", "why"),
    [
        ({"latent": 7}, "multiple of 3, such as 6"),
        ({"network": "dcgan"}, "--network resnet"),
    ],
)
def test_noise_that_cannot_be_cut_is_refused(choice, why):
    with pytest.raises(UsageError, match=why):
        networks(**choice)


def test_what_biggan_needs_is_told():
    with pytest.raises(UsageError, match="conditional_norm is off"):
        ConditionSettings(skip_noise=True)
    with pytest.raises(UsageError, match="--conditional-norm is off"):
        biggan.build(*networks(ConditionSettings((), 3)), BigGANMethod())
