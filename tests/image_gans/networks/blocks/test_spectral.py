"""Spectral normalisation: singular values, closed forms of its gradient, and the meaning of the bound."""

import math

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from image_gans.networks.blocks.spectral import (
    plain_weights,
    spectral_discriminator,
    spectrally_normalised,
)
from seqgan_kit.core.discriminator import Discriminator, evaluating, frozen
from seqgan_kit.errors import UsageError

pytestmark = pytest.mark.numerics

LAYERS = {
    "linear": (lambda: nn.Linear(7, 5), lambda: torch.randn(3, 7)),
    "conv": (lambda: nn.Conv2d(3, 6, 3, padding=1), lambda: torch.randn(2, 3, 8, 8)),
    "transposed": (lambda: nn.ConvTranspose2d(4, 6, 4, 2, 1), lambda: torch.randn(2, 4, 5, 5)),
    "embedding": (lambda: nn.Embedding(6, 4), lambda: torch.tensor([0, 3, 5])),
}


def matrix(layer: nn.Module, weight: torch.Tensor) -> torch.Tensor:
    """[outputs, everything else]; a transposed convolution keeps its outputs second."""
    swapped = weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else weight
    return swapped.flatten(1)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_weight_is_divided_by_its_largest_singular_value(kind):
    make, draw = LAYERS[kind]
    layer, x = spectrally_normalised(make()), draw()
    with torch.no_grad():
        for _ in range(200):
            layer(x)
    layer.eval()
    original = layer.parametrizations.weight.original
    sigma = torch.linalg.svdvals(matrix(layer, original))[0]
    torch.testing.assert_close(layer.weight, original / sigma, rtol=1e-4, atol=1e-6)


def test_one_pass_in_training_is_one_power_iteration():
    layer = spectrally_normalised(nn.Linear(7, 5))
    norm, w = layer.parametrizations.weight[0], layer.parametrizations.weight.original.detach()
    torch.nn.init.normal_(norm._v)
    v = norm._v.clone()
    with torch.no_grad():
        output = layer(torch.eye(7))
    u = w @ v / (w @ v).norm()
    v = w.T @ u / (w.T @ u).norm()
    torch.testing.assert_close((norm._u, norm._v), (u, v))
    wanted = w / (u @ w @ v)
    torch.testing.assert_close(output, wanted.T + layer.bias.detach())


def test_the_gradient_is_that_of_the_paper():
    """d loss / dW = (H - <H, W_SN> u v') / sigma with H = d loss / d W_SN, u and v held fixed (eq. 9-12)."""
    layer = spectrally_normalised(nn.Linear(7, 5, bias=False)).double()
    x, target = torch.randn(4, 7).double(), torch.randn(4, 5).double()
    (layer(x) - target).square().sum().backward()
    weight = layer.parametrizations.weight
    with frozen(layer):
        w, u, v = layer.weight.detach(), weight[0]._u, weight[0]._v
    h = 2 * (x @ w.T - target).T @ x
    sigma = u @ weight.original.detach() @ v
    torch.testing.assert_close(
        weight.original.grad, (h - (h * w).sum() * torch.outer(u, v)) / sigma
    )


def test_vectors_stand_still_outside_training_and_travel_with_the_state():
    torch.manual_seed(1)
    layer = spectrally_normalised(nn.Conv2d(3, 6, 3))
    x = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        layer.parametrizations.weight.original.add_(torch.randn(6, 3, 3, 3))
    before = {name: t.clone() for name, t in layer.state_dict().items()}
    with frozen(layer):
        layer(x)
    with evaluating(layer):
        evaluated = layer(x)
    assert all(torch.equal(t, before[name]) for name, t in layer.state_dict().items())
    twin = spectrally_normalised(nn.Conv2d(3, 6, 3))
    twin.load_state_dict(before)
    with evaluating(twin):
        assert torch.equal(twin(x), evaluated)
    for _ in range(3):
        assert torch.equal(layer(x), twin(x))
    name = "parametrizations.weight.0._u"
    assert not torch.equal(layer.state_dict()[name], before[name])


def test_two_passes_have_one_backward():
    """Reals and fakes of one D loss: the second pass moves u and v while the first still needs them."""
    layer = spectrally_normalised(nn.Linear(7, 1))
    (layer(torch.randn(3, 7)).sum() - layer(torch.randn(3, 7)).square().sum()).backward()
    assert layer.parametrizations.weight.original.grad.isfinite().all()


def test_layers_of_full_connections_have_slope_one_at_most():
    network = spectrally_normalised(
        nn.Sequential(nn.Linear(8, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.ReLU())
    )
    with torch.no_grad():
        for _ in range(300):
            network(torch.randn(2, 8))
    network.eval()
    x, y = 5 * torch.randn(2000, 8), 5 * torch.randn(2000, 8)
    y[:1000] = x[:1000] + 1e-2 * torch.randn(1000, 8)
    with torch.no_grad():
        slopes = (network(x) - network(y)).norm(dim=1) / (x - y).norm(dim=1)
    assert 0.3 < slopes.max() <= 1 + 1e-3


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (4, 2), (3, 2), (1, 1), (2, 2)])
def test_a_convolution_has_slope_ceil_k_over_s_at_most(kernel, stride):
    """The operator's largest singular value, from its dense matrix; sigma of the kernel is 1."""
    layer = spectrally_normalised(nn.Conv2d(2, 3, kernel, stride, padding=kernel // 2, bias=False))
    with torch.no_grad():
        layer.parametrizations.weight.original.fill_(0.3)  # the worst: all taps alike
        for _ in range(20):
            layer(torch.randn(1, 2, 8, 8))
    layer.eval()
    pixels = torch.eye(2 * 8 * 8).view(-1, 2, 8, 8)
    with torch.no_grad():
        slope = torch.linalg.svdvals(layer(pixels).flatten(1))[0].item()
    assert slope <= math.ceil(kernel / stride) + 1e-3
    if kernel > stride:
        assert slope > 1.2


def test_plain_weights_compute_the_same_and_leave_the_network_as_it_is():
    network = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    twin = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    spectrally_normalised(network)
    network(torch.randn(6, 5))
    before = {name: t.clone() for name, t in network.state_dict().items()}
    plain = plain_weights(network)
    twin.load_state_dict(plain)
    x = torch.randn(6, 5)
    assert torch.equal(twin.eval()(x), network.eval()(x))
    assert all(torch.equal(t, before[name]) for name, t in network.state_dict().items())
    single = spectrally_normalised(nn.Linear(3, 2))
    assert set(plain_weights(single)) == {"weight", "bias"}
    assert plain_weights(nn.Linear(3, 2)).keys() == {"weight", "bias"}


def test_normalising_twice_is_normalising_once():
    layer = spectrally_normalised(spectrally_normalised(nn.Linear(3, 2)))
    assert len(layer.parametrizations.weight) == 1


def test_sigma_is_float32_under_autocast(monkeypatch):
    """On a GPU autocast would take the products with u and v in bfloat16."""
    layer, seen = spectrally_normalised(nn.Linear(30, 20)), []
    with frozen(layer):
        wanted = layer.weight
    plain = torch.mv

    def mv(*arguments, **options):
        seen.append(torch.is_autocast_enabled("cpu"))
        return plain(*arguments, **options)

    monkeypatch.setattr(torch, "mv", mv)
    with frozen(layer), torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer.weight, wanted)
        assert layer(torch.randn(2, 30)).dtype == torch.bfloat16
    assert seen
    assert not any(seen)


@pytest.mark.parametrize(
    "norm",
    [
        nn.BatchNorm2d(4),
        nn.InstanceNorm2d(4),
        nn.GroupNorm(1, 4),
        nn.LayerNorm(4),
    ],
    ids=lambda norm: type(norm).__name__,
)
def test_a_discriminator_that_rescales_is_refused(norm):
    trunk = nn.Sequential(nn.Conv2d(3, 4, 3), norm, nn.Flatten())
    with pytest.raises(UsageError, match=f"{type(norm).__name__} divides by.*--discriminator-norm"):
        spectral_discriminator(Discriminator(trunk, 16))


def test_a_whole_discriminator_is_normalised():
    trunk = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten())
    discriminator = spectral_discriminator(Discriminator(trunk, 16, {"classes": nn.Linear(16, 3)}))
    weights = [m for m in discriminator.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    assert len(weights) == 3
    assert all(is_parametrized(m, "weight") for m in weights)
