"""Features of the layers, and guided gradients in closed form on a network of one layer."""

import pytest
import torch
from torch import nn

from image_gans.evaluation.probing.layer_features import (
    guided,
    guided_gradients,
    layer_features,
    pooled,
    trunk_layers,
)
from image_gans.networks.choice import NetworkChoice, build_trunk
from seqgan_kit.data.images.image_config import ImageData

IMAGES = torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


class Small(nn.Module):
    """A trunk of one convolution of 1x1 and an activation."""

    def __init__(self):
        super().__init__()
        conv = nn.Conv2d(1, 2, 1, bias=False)
        conv.weight.data = torch.tensor([2.0, -3.0]).view(2, 1, 1, 1)
        self.layers = nn.Sequential(conv, nn.LeakyReLU(0.2, inplace=True), nn.Flatten())

    def forward(self, x):
        return self.layers(x)


@pytest.mark.parametrize("network", ["dcgan", "resnet", "mlp", "modern"])
def test_every_network_has_features_of_its_layers(network):
    trunk = build_trunk(NetworkChoice(network, width=2, latent=4), ImageData(size=16)).eval()
    features = layer_features(trunk, IMAGES)
    assert len(features) == len(trunk_layers(trunk)) >= 2
    assert all(f.shape[0] == 5 and f.dim() == 2 and f.isfinite().all() for f in features)
    torch.testing.assert_close(layer_features(trunk, IMAGES[:2])[0], features[0][:2])


def test_the_last_features_of_dcgan_are_those_of_the_trunk():
    trunk = build_trunk(NetworkChoice(width=2), ImageData(size=16)).eval()
    torch.testing.assert_close(layer_features(trunk, IMAGES)[-1], trunk(IMAGES))


def test_maps_are_pooled_by_maxima_to_four_by_four():
    maps = torch.arange(64.0).view(1, 1, 8, 8)
    assert pooled(maps).view(4, 4)[0].tolist() == [9, 11, 13, 15]
    assert pooled(maps[..., :2, :2]).shape == (1, 4)
    assert pooled(torch.ones(2, 7)).shape == (2, 7)


def test_a_guided_gradient_by_hand():
    """Channel 0 is 2 x where x > 0; its largest place passes the weight 2. Channel 1 is -3 x, largest at the
    smallest x, where the input -3 x is positive."""
    x = torch.tensor([[0.5, -0.7], [0.1, -0.2]]).view(1, 1, 2, 2)
    network = guided(Small())
    first = guided_gradients(network, x, 0, torch.tensor([0]))
    assert first.flatten().tolist() == [2, 0, 0, 0]
    second = guided_gradients(network, x, 0, torch.tensor([1]))
    assert second.flatten().tolist() == [0, -3, 0, 0]


def test_where_nothing_is_active_no_gradient_passes():
    """The plain gradient of LeakyReLU would be 0.2 * 2 there."""
    x = torch.full((1, 1, 2, 2), -0.5)
    assert guided_gradients(guided(Small()), x, 0, torch.tensor([0])).abs().max() == 0


def test_guiding_changes_no_value_and_leaves_the_trunk_alone():
    trunk = build_trunk(NetworkChoice(width=2), ImageData(size=16)).eval()
    torch.testing.assert_close(guided(trunk)(IMAGES), trunk(IMAGES))
    assert not any("Guided" in type(part).__name__ for part in trunk.modules())
