"""Residual networks: the cheaper order computes the same, the shapes are the papers'."""

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.networks.blocks.attention import SelfAttention
from image_gans.networks.blocks.residual_blocks import (
    DiscriminatorBlock,
    GeneratorBlock,
    PooledConv,
    UpsampledConv,
)
from image_gans.networks.blocks.shapes import SIZES
from image_gans.networks.blocks.spectral import spectrally_normalised
from image_gans.networks.resnet import ResNetConfig, ResNetGenerator, ResNetTrunk, resnet_head
from seqgan_kit.errors import UsageError

pytestmark = pytest.mark.numerics

CIFAR = ResNetConfig()
LARGE = ResNetConfig(size=128, width=64, growth=16)


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def upsampled(layer: nn.Conv2d, x: Tensor) -> Tensor:
    return F.conv2d(F.interpolate(x, scale_factor=2), layer.weight, layer.bias, padding=1)


def pooled(layer: nn.Conv2d, x: Tensor) -> Tensor:
    return F.avg_pool2d(F.conv2d(x, layer.weight, layer.bias, padding=1), 2)


@pytest.mark.parametrize(
    ("layer", "slowly"),
    [(UpsampledConv(3, 5, 3, padding=1), upsampled), (PooledConv(3, 5, 3, padding=1), pooled)],
    ids=["upsampled", "pooled"],
)
def test_one_convolution_of_stride_two_is_two_steps(layer, slowly):
    layer, x = layer.double(), torch.randn(2, 3, 6, 4).double().requires_grad_()
    fast, slow = layer(x), slowly(layer, x)
    torch.testing.assert_close(fast, slow)
    weights = torch.randn_like(fast)
    wanted = torch.autograd.grad((slow * weights).sum(), [x, layer.weight, layer.bias])
    torch.testing.assert_close(
        torch.autograd.grad((fast * weights).sum(), [x, layer.weight, layer.bias]), wanted
    )


def test_blocks_are_those_of_the_papers():
    """Step by step in the papers' order: 1x1 convolutions at the larger size."""
    up = GeneratorBlock(4, 6, "batch").double()
    norm_in, _, conv_up, norm_out, _, conv = up.branch
    x = torch.randn(3, 4, 4, 4).double()
    inner = norm_out(upsampled(conv_up, norm_in(x).relu())).relu()
    wanted = conv(inner) + up.shortcut(F.interpolate(x, scale_factor=2))
    torch.testing.assert_close(up(x), wanted)

    down = DiscriminatorBlock(4, 6, "layer", halves=True).double()
    norm_in, _, conv, norm_out, _, conv_down = down.branch
    inner = norm_out(conv(norm_in(x).relu())).relu()
    wanted = pooled(conv_down, inner) + F.avg_pool2d(down.shortcut[1](x), 2)
    torch.testing.assert_close(down(x), wanted)

    first = DiscriminatorBlock(4, 6, "layer", halves=True, first=True).double()
    conv, _, conv_down = first.branch
    wanted = pooled(conv_down, conv(x).relu()) + first.shortcut[1](F.avg_pool2d(x, 2))
    torch.testing.assert_close(first(x), wanted)

    same = DiscriminatorBlock(4, 4, "none").double()
    torch.testing.assert_close(same(x), x + same.branch[3](same.branch[1](x.relu()).relu()))


def test_channels_of_the_papers_tables():
    """CIFAR-10: 128 everywhere. 128 pixels: 1024 down to 64, and back up (Miyato 2018, appendix B.4)."""
    assert CIFAR.generator_channels == (128,) * 4
    assert CIFAR.discriminator_channels == (128,) * 2
    assert LARGE.generator_channels == (1024, 1024, 512, 256, 128, 64)
    assert LARGE.discriminator_channels == (64, 128, 256, 512, 1024)
    assert ResNetTrunk(replace(LARGE, width=1)).features == 16
    assert ResNetTrunk(replace(LARGE, width=1, size=32)).features == 8


def convolutions(trunk: nn.Module) -> list[tuple[int, int]]:
    """(in, out) of the 3x3 convolutions on D's residual branches."""
    return [
        (layer.in_channels, layer.out_channels)
        for block in trunk.modules()
        if isinstance(block, DiscriminatorBlock)
        for layer in block.branch
        if isinstance(layer, nn.Conv2d)
    ]


def test_ds_blocks_widen_in_their_second_convolution():
    """As in the code of both papers (in -> in, in -> out), but for D's first block (3 -> c, c -> c).

    At 128 pixels: dis_models/snresnet.py of pfnet-research/sngan_projection, its channels in units of its 64.
    """
    trunk = ResNetTrunk(replace(LARGE, width=1))
    assert convolutions(trunk) == [
        (3, 1), (1, 1), (1, 1), (1, 2), (2, 2), (2, 4), (4, 4), (4, 8), (8, 8), (8, 16), (16, 16), (16, 16)
    ]  # fmt: skip
    assert convolutions(ResNetTrunk(replace(CIFAR, width=2))) == [(3, 2)] + 7 * [(2, 2)]
    normed = DiscriminatorBlock(4, 6, "layer")
    assert [m.num_channels for m in normed.branch if isinstance(m, nn.GroupNorm)] == [4, 4]


def test_miyatos_networks_for_cifar():
    """configs/sn_cifar10_unconditional.yml: 256 channels in G, 128 in D, whose score has no bias."""
    config = replace(CIFAR, generator_width=256, discriminator_norm="spectral")
    assert config.generator_channels == (256,) * 4
    assert config.discriminator_channels == (128,) * 2
    assert resnet_head(config, 128).bias is None
    assert resnet_head(config, 128, outputs=10).bias is not None
    assert resnet_head(replace(LARGE, discriminator_norm="spectral"), 8).bias is not None
    assert resnet_head(CIFAR, 128).bias is not None


def test_a_model_saved_without_a_width_of_its_own_still_loads(tmp_path):
    generator = ResNetGenerator(ResNetConfig(size=16, width=4, latent=3, growth=2))
    save_image_model(tmp_path / "model", generator)
    path = tmp_path / "model" / "model.json"
    described = json.loads(path.read_text())
    del described["generator"]["config"]["generator_width"]
    path.write_text(json.dumps(described))
    z = torch.randn(2, 3)
    torch.testing.assert_close(load_image_model(tmp_path).generator(z), generator.eval()(z))


def test_parameter_count_for_cifar_in_closed_form():
    """w = 128 channels, latent 128. A 3x3 convolution has 9ww + w, a 1x1 one ww + w.

    G: linear 128*16w + 16w; three blocks: 9ww (no bias before batch norm) + 9ww + w + ww + w + 2*2w;
       batch norm 2w; output 9*3w + 3.
    D: first 9*3w + w + 9ww + w + 3w + w; second 2(9ww + w) + ww + w; then twice 2(9ww + w).
    """
    w, ww = 128, 128**2
    generator = (128 + 1) * 16 * w + 3 * (19 * ww + 6 * w) + 2 * w + 27 * w + 3
    trunk = (9 * ww + 33 * w) + (19 * ww + 3 * w) + 2 * (18 * ww + 2 * w)
    assert parameters(ResNetGenerator(CIFAR)) == generator
    assert parameters(ResNetTrunk(CIFAR)) == trunk


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("growth", [1, 4])
def test_shapes_and_range_at_every_size(size, channels, growth):
    config = ResNetConfig(size, channels, latent=5, width=2, growth=growth, attention=8)
    pictures = ResNetGenerator(config).sample(2, rng=rng())
    assert pictures.shape == (2, channels, size, size)
    assert pictures.abs().max() <= 1
    trunk = ResNetTrunk(config)
    assert trunk(pictures).shape == (2, trunk.features)


@pytest.mark.parametrize("side", [8, 16, 32])
def test_attention_stands_at_maps_of_its_side_in_both(side):
    config = ResNetConfig(size=64, width=8, latent=4, growth=2, attention=side)
    for network, x in (
        (ResNetGenerator(config), torch.randn(1, 4)),
        (ResNetTrunk(config), torch.rand(1, 3, 64, 64)),
    ):
        (part,) = (m for m in network.modules() if isinstance(m, SelfAttention))
        sides = []
        part.register_forward_pre_hook(lambda part, x, sides=sides: sides.append(x[0].shape[2:]))
        network(x)
        assert sides == [(side, side)]
    assert not any(isinstance(m, SelfAttention) for m in ResNetGenerator(CIFAR).modules())


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_the_gradient_reaches_every_parameter(norm):
    config = ResNetConfig(size=16, latent=6, width=4, generator_norm=norm)
    generator, trunk = ResNetGenerator(config), ResNetTrunk(config)
    trunk(generator.sample(8, rng=rng())).square().sum().backward()
    for name, parameter in (*generator.named_parameters(), *trunk.named_parameters()):
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_spectral_norm_sums_over_pixels_and_others_take_the_mean():
    x = torch.rand(2, 3, 16, 16)
    for norm, side in (("auto", 1), ("spectral", 8)):
        trunk = ResNetTrunk(ResNetConfig(size=16, width=4, discriminator_norm=norm)).eval()
        wanted = trunk.layers(x).mean((2, 3)) * side**2
        torch.testing.assert_close(trunk(x), wanted)
        assert is_parametrized(trunk.layers[0].shortcut[1]) == (norm == "spectral")


def test_activations_keep_their_scale_through_the_depth():
    config = ResNetConfig(size=128, width=8, growth=4)
    x, deviations = torch.randn(8, 3, 128, 128), []
    for layer in ResNetTrunk(config).layers:
        x = layer(x)
        deviations.append(x.std().item())
    assert all(0.3 < deviation < 6 for deviation in deviations), deviations


@pytest.mark.parametrize("spectral", [False, True])
def test_a_saved_generator_draws_the_same_pictures(tmp_path, spectral):
    """Also one under spectral norm, whose files hold plain weights."""
    config = ResNetConfig(size=16, width=8, latent=6, attention=8)
    generator = ResNetGenerator(config)
    nn.init.ones_(next(m for m in generator.modules() if isinstance(m, SelfAttention)).gamma)
    if spectral:
        spectrally_normalised(generator)
    for seed in range(3):
        generator.sample(8, rng=torch.Generator().manual_seed(seed))
    save_image_model(tmp_path / "model", generator)
    model = load_image_model(tmp_path)
    generator.eval()
    z = torch.cat([generator.latents(1, one) for one in [rng()] for _ in range(3)])
    with torch.no_grad():
        torch.testing.assert_close(model.images(3, seed=0), generator(z))
    assert not any(is_parametrized(m) for m in model.generator.modules())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 48}, r"size cannot be 48\. Allowed: 16, 32, 64, 128, 256"),
        ({"channels": 2}, r"channels cannot be 2\. Allowed: 1, 3"),
        ({"attention": 32}, r"attention cannot be 32\. Allowed: 0, 8, 16"),
        ({"size": 16, "attention": 16}, r"attention cannot be 16\. Allowed: 0, 8"),
        ({"width": 0}, "width cannot be 0"),
        ({"growth": 0}, "growth cannot be 0"),
        ({"generator_width": -1}, "generator_width cannot be -1"),
        ({"generator_norm": "bach"}, "Did you mean 'batch'"),
        ({"discriminator_norm": "spectrl"}, "Did you mean 'spectral'"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        ResNetConfig(**settings)


def test_pictures_of_another_shape_are_named():
    with pytest.raises(UsageError, match=r"takes images of shape \(3, 32, 32\).*\(1, 32, 32\)"):
        ResNetTrunk(replace(CIFAR, width=2))(torch.zeros(1, 1, 32, 32))
