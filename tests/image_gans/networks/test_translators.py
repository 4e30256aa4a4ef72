"""Networks that take images: shapes, receptive fields, refused input, and the quantiser's rules."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from image_gans.evaluation.saved_networks import built_network, described_network
from image_gans.networks.dcgan_networks import DCGANConfig
from image_gans.networks.picture_mlp import PictureMLPConfig
from image_gans.networks.translators.high_resolution_discriminator import (
    HighResolutionConfig,
    high_resolution_discriminator,
)
from image_gans.networks.translators.image_encoder import CodeEncoder, GaussianEncoder
from image_gans.networks.translators.patch_discriminator import PatchConfig, patch_discriminator
from image_gans.networks.translators.refiner import (
    LocalConfig,
    Refiner,
    RefinerConfig,
    local_discriminator,
)
from image_gans.networks.translators.residual_translator import (
    ResidualTranslator,
    ResidualTranslatorConfig,
)
from image_gans.networks.translators.translator_choice import (
    TranslatorChoice,
    build_translator,
)
from image_gans.networks.translators.unet import UNet, UNetConfig
from image_gans.networks.translators.upscaler import Upscaler, UpscalerConfig
from image_gans.networks.translators.vector_quantiser import QuantiserConfig, VectorQuantiser
from seqgan_kit.core.gaussian_codes import drawn_code
from seqgan_kit.data.images.corruptions import low_resolution
from seqgan_kit.data.pairs.image_pair_config import ImagePairData
from seqgan_kit.errors import UsageError

RNG = torch.Generator


def translators() -> list[nn.Module]:
    return [
        UNet(UNetConfig(16, 3, width=4)),
        UNet(UNetConfig(16, 3, width=4, blend=True)),
        ResidualTranslator(ResidualTranslatorConfig(16, 3, width=4, blocks=2)),
        Upscaler(UpscalerConfig(16, 3, factor=4, width=4, blocks=2)),
        Refiner(RefinerConfig(16, 3, width=4, blocks=2)),
    ]


SIDES = {UNet: 16, ResidualTranslator: 4, Upscaler: 4}


@pytest.mark.parametrize("network", translators(), ids=lambda n: type(n).__name__)
def test_translators_keep_the_shape_and_every_parameter_learns(network: nn.Module) -> None:
    x = torch.rand(3, 3, 16, 16) * 2 - 1
    out = network(x)
    assert out.shape == x.shape
    assert out.abs().max() <= 1
    (out - 0.3).square().sum().backward()
    still = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    # A bias before an instance or batch norm is subtracted again.
    assert [name for name in still if not name.endswith("bias")] == []
    with pytest.raises(UsageError, match=r"takes images \[N,3,H,W\]"):
        network(torch.zeros(1, 1, 16, 16))
    if type(network) in SIDES:
        with pytest.raises(UsageError, match=f"multiples of {SIDES[type(network)]};"):
            network(torch.zeros(1, 3, 18, 18))


@pytest.mark.parametrize("network", translators(), ids=lambda n: type(n).__name__)
def test_checkpointing_changes_neither_gradients_nor_buffers(network: nn.Module) -> None:
    x = torch.rand(3, 3, 16, 16, dtype=torch.float64) * 2 - 1
    found, plain = [], network.double().train()
    for checkpointing in (False, True):
        again = copy.deepcopy(plain)
        again.checkpointing = checkpointing  # type: ignore[assignment]
        kept = 0

        def packed(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal kept
            kept += tensor.numel()
            return tensor

        torch.manual_seed(0)
        with torch.autograd.graph.saved_tensors_hooks(packed, lambda tensor: tensor):
            out = again(x)
        kept_forward = kept
        out.square().sum().backward()
        found.append((again, kept_forward))
    (one, whole), (two, part) = found
    for (name, p), (_, q) in zip(one.named_parameters(), two.named_parameters(), strict=True):
        assert torch.allclose(p.grad, q.grad, rtol=1e-9, atol=1e-9), name  # type: ignore[arg-type]
    for (name, b), (_, c) in zip(one.named_buffers(), two.named_buffers(), strict=True):
        assert torch.equal(b, c), name
    assert part < 0.7 * whole


def test_a_unet_passes_detail_by_its_connections_and_drops_units_in_training_alone() -> None:
    network = UNet(UNetConfig(32, 1, width=4, dropout=0.5))
    assert network.config.levels == 5
    x = torch.rand(2, 1, 32, 32)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))
    assert UNetConfig(48).levels == 4
    with pytest.raises(UsageError, match="cannot halve images of 34 pixels twice"):
        UNet(UNetConfig(34))


def test_an_upscaler_reads_the_averages_alone() -> None:
    network, x = Upscaler(UpscalerConfig(16, 3, width=4, blocks=1)).eval(), torch.rand(2, 3, 16, 16)
    low = low_resolution(x, RNG(), 4)
    assert torch.allclose(network(x), network(low), atol=1e-5)
    with pytest.raises(UsageError, match="powers of two"):
        Upscaler(UpscalerConfig(factor=3))


@pytest.mark.parametrize(("halvings", "pixels"), [(1, 16), (2, 34), (3, 70)])
def test_a_score_sees_its_patch_and_nothing_else(halvings: int, pixels: int) -> None:
    config = PatchConfig(width=2, halvings=halvings)
    assert config.patch_pixels == pixels
    discriminator = patch_discriminator(config, 2)
    for norm in [m for m in discriminator.modules() if isinstance(m, nn.InstanceNorm2d)]:
        norm.forward = lambda x: x  # type: ignore[method-assign]
    x = torch.randn(1, 2, 160, 160, requires_grad=True)
    features = discriminator.trunk(x)
    side = features.shape[2] - 1
    scores = discriminator(x).score.view(side, side)
    scores[side // 2, side // 2].backward()
    assert x.grad is not None
    seen = x.grad[0].abs().sum(0).nonzero()
    assert ((seen.max(0).values - seen.min(0).values + 1) == pixels).all()


def test_a_patch_discriminator_scores_every_image_by_itself_and_refuses_small_ones() -> None:
    discriminator, x = (
        patch_discriminator(PatchConfig(width=2, halvings=1), 6),
        torch.randn(4, 6, 16, 16),
    )
    together, alone = (
        discriminator(x).score,
        torch.cat([discriminator(row[None]).score for row in x]),
    )
    assert torch.allclose(together, alone, atol=1e-5)
    with pytest.raises(UsageError, match="of at least 24 pixels"):
        patch_discriminator(PatchConfig(width=2), 6)(x)


def test_an_encoder_gives_a_distribution_whose_draws_have_its_moments() -> None:
    encoder = GaussianEncoder(DCGANConfig(16, 3, latent=5, width=4))
    mean, log_variance = encoder(torch.rand(3, 3, 16, 16))
    assert mean.shape == log_variance.shape == (3, 5)
    assert CodeEncoder(encoder.config)(torch.rand(3, 3, 16, 16)).shape == (3, 5)
    mean, log_variance = (
        torch.tensor([[2.0]]).expand(20_000, 1),
        torch.tensor([[-1.0]]).expand(20_000, 1),
    )
    drawn = drawn_code(mean, log_variance, RNG().manual_seed(0))
    assert drawn.mean().item() == pytest.approx(2, abs=0.02)
    assert drawn.var().item() == pytest.approx(torch.tensor(-1.0).exp().item(), rel=0.05)


def quantiser(**options: float) -> VectorQuantiser:
    torch.manual_seed(0)
    return VectorQuantiser(QuantiserConfig(codes=4, dimensions=2, **options))  # type: ignore[arg-type]


def test_vectors_become_their_nearest_code_and_gradients_pass() -> None:
    book, z = quantiser(), torch.randn(2, 2, 3, 3, requires_grad=True)
    found = book(z)
    rows = z.detach().movedim(1, 3).reshape(-1, 2)
    nearest = torch.cdist(rows, book.vectors).argmin(1).view(2, 3, 3)
    assert torch.equal(found.codes, nearest)
    assert torch.allclose(found.vectors, book.look_up(nearest), atol=1e-6)
    weight = torch.randn_like(z)
    (found.vectors * weight).sum().backward()
    assert torch.allclose(z.grad, weight)  # type: ignore[arg-type]


def test_codes_move_to_the_means_of_what_chose_them() -> None:
    """With decay 0 a step of the codebook is a step of k-means."""
    book = quantiser(decay=0.0, restart_below=0.0)
    z = torch.randn(1, 2, 8, 8)
    codes = book(z).codes
    book.follow(z, codes, RNG())
    rows, chosen = z.movedim(1, 3).reshape(-1, 2), codes.flatten()
    for code in chosen.unique():
        assert torch.allclose(book.vectors[code], rows[chosen == code].mean(0), atol=1e-5)


def test_dead_codes_start_again_at_vectors_of_the_batch() -> None:
    book, rng = quantiser(decay=0.5), RNG().manual_seed(0)
    book.vectors[1:] = 1000.0
    book.sums.copy_(book.vectors)
    z = torch.randn(4, 2, 8, 8)
    assert set(book(z).codes.flatten().tolist()) == {0}
    for _ in range(40):
        book.follow(z, book(z).codes, rng)
    assert set(book(z).codes.flatten().tolist()) == {0, 1, 2, 3}
    assert book.perplexity() > 2


def test_several_scales_judge_the_image_and_its_averages() -> None:
    torch.manual_seed(0)
    discriminator = patch_discriminator(PatchConfig(width=2, halvings=1, scales=2), 3)
    x = torch.randn(2, 3, 32, 32)
    parts = list(discriminator.trunk.parts)  # type: ignore[arg-type, union-attr]
    whole, small = parts[0](x).score, parts[1](nn.functional.avg_pool2d(x, 2)).score
    wanted = torch.cat([whole.view(2, -1), small.view(2, -1)], 1).flatten()
    assert torch.equal(discriminator(x).score, wanted)
    assert len(whole) > len(small)
    assert {id(p) for p in parts[0].parameters()}.isdisjoint(id(p) for p in parts[1].parameters())


def test_srgans_discriminator_has_the_papers_shape() -> None:
    trunk = high_resolution_discriminator(HighResolutionConfig(), 96, 3).trunk
    convolutions = [m for m in trunk.modules() if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [64, 64, 128, 128, 256, 256, 512, 512]
    assert [c.stride[0] for c in convolutions] == [1, 2] * 4
    assert sum(isinstance(m, nn.BatchNorm2d) for m in trunk.modules()) == 7
    assert [m.in_features for m in trunk.modules() if isinstance(m, nn.Linear)] == [512 * 6 * 6]
    small = high_resolution_discriminator(HighResolutionConfig(width=2, hidden=4), 16, 3)
    assert small(torch.rand(3, 3, 16, 16)).score.shape == (3,)
    with pytest.raises(UsageError, match="multiples of 16"):
        small(torch.rand(3, 3, 24, 24))


def test_simgans_discriminator_has_a_verdict_for_every_place() -> None:
    discriminator = local_discriminator(LocalConfig(), 3)
    convolutions = [m for m in discriminator.trunk.modules() if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [96, 64, 32, 32]
    x = torch.rand(2, 3, 32, 32, requires_grad=True)
    scores = discriminator(x).score.view(2, 8, 8)
    scores[0, 0, 0].backward()
    assert x.grad is not None
    assert x.grad[0].any()
    assert not x.grad[0, :, 16:].any()
    assert not x.grad[1].any()


@pytest.mark.parametrize("kind", [CodeEncoder, GaussianEncoder])
@pytest.mark.parametrize(
    "shape", [DCGANConfig(16, 1, 3, 2), PictureMLPConfig(16, 1, 3, 8)], ids=["dcgan", "mlp"]
)
def test_a_saved_encoder_is_built_again_from_its_description(kind, shape) -> None:
    encoder = kind(shape)
    again = built_network(described_network(encoder), Path("model.json"))
    again.load_state_dict(encoder.state_dict())
    x = torch.rand(2, 1, 16, 16)
    both = [network.eval()(x) for network in (encoder, again)]
    first, second = (b if isinstance(b, torch.Tensor) else torch.cat(b, 1) for b in both)
    assert torch.equal(first, second)


def test_an_upscaler_undoes_the_reduction_of_its_sources() -> None:
    low = ImagePairData("damage:low2", size=16)
    choice = TranslatorChoice("upscaler", width=2, blocks=1, factor=2)
    assert build_translator(choice, 16, 3, low.reduction) is not None
    with pytest.raises(UsageError, match="the sources are reduced by 2: "):
        build_translator(replace(choice, factor=4), 16, 3, low.reduction)
    unet = TranslatorChoice("unet", width=2)
    assert build_translator(unet, 16, 3, low.reduction).checkpointing is False
    assert build_translator(replace(unet, checkpointing=True), 16, 3).checkpointing is True
    assert ImagePairData("damage:noise").reduction is None


def test_a_blending_unet_replaces_the_share_that_it_says() -> None:
    network, x = UNet(UNetConfig(16, 3, width=2, blend=True)).eval(), torch.rand(2, 3, 16, 16)
    nn.init.zeros_(network.out.weight)
    for logit, replaced in ((-30.0, 0.0), (0.0, 0.5), (30.0, 1.0)):
        nn.init.constant_(network.out.bias, 0.25)  # type: ignore[arg-type]
        with torch.no_grad():
            network.out.bias[-1] = logit  # type: ignore[index]
        wanted = (1 - replaced) * x + replaced * torch.tensor(0.25).tanh()
        assert torch.allclose(network(x), wanted, atol=1e-6)
