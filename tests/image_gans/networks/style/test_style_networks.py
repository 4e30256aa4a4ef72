"""The generator and discriminator of StyleGAN2: styles, mixing, truncation, deviation in the batch."""

from dataclasses import replace

import pytest
import torch

from image_gans.networks.style.style_discriminator import StyleTrunk, batch_deviation
from image_gans.networks.style.style_generator import StyleConfig, StyleGenerator
from seqgan_kit.errors import UsageError

CONFIG = StyleConfig(16, 3, latent=6, width=4, growth=2, mapping=2)


@pytest.fixture
def generator() -> StyleGenerator:
    torch.manual_seed(0)
    return StyleGenerator(CONFIG)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_widths_are_those_of_configuration_f():
    assert StyleConfig(256).widths == (512, 512, 512, 512, 512, 256, 128)
    assert StyleConfig(256).layers == 14


def test_the_image_depends_on_the_direction_of_z_alone(generator):
    z = generator.latents(4, rng())
    torch.testing.assert_close(generator(z), generator(3 * z))
    assert generator(z).shape == (4, 3, 16, 16)
    torch.testing.assert_close(generator(z)[1:2], generator(z[1:2]))


@pytest.mark.parametrize("layer", range(6))
def test_each_layer_reads_its_own_style(generator, layer):
    """A change of w_l changes what layers l and later ones give; the colours of a size share the next w."""
    seen: list[torch.Tensor] = []
    for part in generator.layers:
        part.register_forward_hook(lambda _, given, out: seen.append(out))
    styles = generator.styles(generator.latents(1, rng()))
    changed = styles.clone()
    changed[:, layer] += 1
    images = generator.synthesis(styles), generator.synthesis(changed)
    before, after = seen[:5], seen[5:]
    same = [torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert same == [place < layer for place in range(5)]
    assert not torch.equal(*images)


def test_mixed_styles_are_those_of_two_latents_with_one_crossover(generator):
    mixed = generator.mixed_styles(200, rng(), 0.5)
    first = mixed[:, :1]
    others = (mixed != first).any(2)  # [N,L]
    assert not others[:, 0].any()
    assert torch.equal(others, others.cummax(1).values)  # once changed, all later layers are
    later = mixed[:, -1:].expand_as(mixed)
    assert torch.equal(mixed[others], later[others])
    assert 0.35 < others.any(1).double().mean() < 0.65
    assert set(others.sum(1).tolist()) == {0, 1, 2, 3, 4, 5}
    unmixed = generator.mixed_styles(5, rng(), 0.0)
    assert torch.equal(unmixed, generator.styles(generator.latents(5, rng())))


def test_truncation_moves_styles_to_their_mean(generator):
    z = generator.latents(3, rng(1))
    centre = generator.mapping(generator.latents(10_000, rng(0))).mean(0)
    half = generator.truncated(0.5).styles(z)
    torch.testing.assert_close(half[:, 0], (generator.styles(z)[:, 0] + centre) / 2)
    torch.testing.assert_close(generator.truncated(1.0)(z), generator(z))
    images = generator.truncated(0.0)(z)
    torch.testing.assert_close(images, images[:1].expand_as(images))
    with pytest.raises(UsageError, match=r"--truncation 1\.5: .* 0 to 1"):
        generator.truncated(1.5)


def test_fresh_noise_is_drawn_in_samples_only(generator):
    for layer in generator.layers:
        layer.noise_strength.data.fill_(0.5)
    z = generator.latents(2, rng())
    assert torch.equal(generator(z), generator(z))
    same = generator.synthesis(generator.styles(z[:1]).expand(2, -1, -1), rng())
    assert not torch.allclose(same[0], same[1])


def test_the_deviation_in_a_batch_by_hand():
    """Groups of 2 of 4: images 0 and 2 are +1 and -1 (deviation 1), images 1 and 3 equal (deviation 0)."""
    x = torch.tensor([1.0, 5.0, -1.0, 5.0]).view(4, 1, 1, 1).expand(4, 3, 2, 2)
    found = batch_deviation(x, group=2).flatten()
    torch.testing.assert_close(found, torch.tensor([1.0, 1e-4, 1.0, 1e-4]))
    assert batch_deviation(x[:3], group=2).flatten().tolist() == pytest.approx([1e-4] * 3)


def test_the_trunk_sees_a_collapse():
    torch.manual_seed(0)
    trunk = StyleTrunk(CONFIG)
    x = torch.randn(4, 3, 16, 16)
    alone = trunk(x[:1].expand(4, -1, -1, -1))
    assert not torch.allclose(alone[0], trunk(x)[0])
    assert alone.shape == (4, trunk.features)


def test_without_noise_a_sample_is_the_image_of_its_latents():
    torch.manual_seed(0)
    plain = StyleGenerator(replace(CONFIG, noise=False))
    assert not [name for name, _ in plain.named_parameters() if "noise" in name]
    assert not [name for name, _ in plain.named_buffers() if "noise" in name]
    torch.testing.assert_close(plain.sample(3, rng=rng(4)), plain(plain.latents(3, rng(4))))


def test_it_is_the_noisy_network_without_strength(generator):
    plain = StyleGenerator(replace(CONFIG, noise=False))
    rest = {name: x for name, x in generator.state_dict().items() if "noise" not in name}
    plain.load_state_dict(rest)
    z = generator.latents(3, rng())
    torch.testing.assert_close(plain(z), generator(z))
