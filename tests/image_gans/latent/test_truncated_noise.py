"""Truncated noise against its closed form, and batch norm's statistics against plain means."""

import math

import pytest
import torch
from torch import nn

from image_gans.evaluation.image_export import ImageModel
from image_gans.latent.truncated_noise import truncated, with_standing_statistics
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator
from seqgan_kit.errors import UsageError


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("threshold", [0.3, 1.0])
def test_truncated_noise_follows_the_truncated_normal_law(threshold):
    z = truncated(torch.randn(40_000, generator=rng()), threshold, rng())
    assert z.abs().max() <= threshold
    cdf = lambda x: 0.5 * (1 + math.erf(x / math.sqrt(2)))  # noqa: E731
    inside = cdf(threshold) - cdf(-threshold)
    for x in (-0.5 * threshold, 0.2 * threshold, 0.8 * threshold):
        share = (z <= x).double().mean().item()
        expected = (cdf(x) - cdf(-threshold)) / inside
        assert share == pytest.approx(expected, abs=4 * 0.5 / math.sqrt(40_000))


def test_noise_within_the_threshold_stays():
    z = torch.tensor([0.1, -0.2, 3.0])
    after = truncated(z, 1.0, rng())
    torch.testing.assert_close(after[:2], z[:2])
    assert after[2].abs() <= 1


def test_standing_statistics_are_means_over_the_batches():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, momentum=0.1))
    batches = torch.randn(4, 8, 2, generator=rng())
    twin = with_standing_statistics(network, batches)
    with torch.no_grad():
        seen = network[0](batches.flatten(0, 1)).view(4, 8, 3)
    torch.testing.assert_close(twin[1].running_mean, seen.mean((0, 1)))
    torch.testing.assert_close(twin[1].running_var, seen.var(1).mean(0))
    assert not twin.training
    assert twin[1].momentum == 0.1
    assert network[1].running_mean.abs().sum() == 0


def model() -> ImageModel:
    torch.manual_seed(0)
    generator = DCGANGenerator(DCGANConfig(16, 3, 5, 4)).eval()
    return ImageModel(None, generator, {})  # type: ignore[arg-type]


def test_a_truncated_model_draws_alike_for_every_number_of_images():
    cut = model().truncated(0.5)
    assert cut.latents(50).abs().max() <= 0.5
    torch.testing.assert_close(cut.images(3, seed=1), cut.images(5, seed=1)[:3])
    assert cut.images(16).std(0).mean() < model().images(16).std(0).mean()


def test_a_threshold_that_cuts_nearly_all_is_refused():
    with pytest.raises(UsageError, match=r"0.01 is too small"):
        model().truncated(0.01)


def test_a_generator_without_named_noise_is_refused():
    with pytest.raises(UsageError, match="does not say where its noise is"):
        ImageModel(None, nn.Linear(2, 2), {}).truncated(0.5)  # type: ignore[arg-type]
