"""The sparse gradient of max-over-time pooling, against torch's own convolution, amax and autograd."""

import pytest
import torch
from torch import nn

from seqgan_kit.core import products
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.kernels import largest_responses as module
from seqgan_kit.sequences.kernels.largest_responses import (
    largest_responses,
    plain_largest_responses,
)

pytestmark = pytest.mark.numerics

# One, few and many windows at T=14; a width of one; a single filter.
FILTERS = ((1, 6), (2, 5), (3, 1), (5, 7), (6, 4), (7, 3), (13, 4), (14, 5))


@pytest.fixture(params=[False, True], ids=["by places", "by convolution"], autouse=True)
def _both_ways_to_the_input(request, monkeypatch):
    """Which way the input's gradient is made depends on the processor."""
    monkeypatch.setattr(products, "_onednn_is_quicker", lambda: request.param)
    monkeypatch.setattr(module, "by_onednn", lambda _: request.param)  # in float64 too


def banks(dtype=torch.float64, size=8, filters=FILTERS):
    torch.manual_seed(0)
    return nn.ModuleList(nn.Conv1d(size, count, width) for width, count in filters).to(dtype)


def by_amax(embedded, convolutions):
    return torch.cat([layer(embedded.transpose(1, 2)).amax(2) for layer in convolutions], 1)


def gradients(pool, embedded, convolutions, weights):
    embedded = embedded.clone().requires_grad_()
    pooled = pool(embedded, convolutions)
    wanted = [embedded, *convolutions.parameters()]
    return pooled, torch.autograd.grad(pooled, wanted, weights)


def assert_same(embedded, convolutions, **tolerance):
    torch.manual_seed(1)
    features = sum(len(convolution.bias) for convolution in convolutions)
    weights = torch.randn(len(embedded), features, dtype=embedded.dtype)
    expected, *both = (
        gradients(pool, embedded, convolutions, weights)
        for pool in (by_amax, plain_largest_responses, largest_responses)
    )
    for ours in both:
        torch.testing.assert_close(ours[0], expected[0], **tolerance)
        for found, wanted in zip(ours[1], expected[1], strict=True):
            torch.testing.assert_close(found, wanted, **tolerance)


@pytest.mark.parametrize("batch", [1, 9])
@pytest.mark.parametrize("size", [1, 8])
def test_values_and_gradients_are_those_of_convolution_and_amax(batch, size):
    """float64, where two windows do not come near enough to a tie for rounding to choose between them."""
    embedded = torch.randn(batch, 14, size, dtype=torch.float64)
    assert_same(embedded, banks(size=size), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("pad", [None, 0])
def test_a_trunk_has_the_same_parameter_gradients_at_the_papers_size(pad):
    """Tokens that recur in a sequence tie at width one, padding at all widths: no parameter can tell."""
    torch.manual_seed(0)
    trunk = TextCNN(TextCNNConfig(), 200, 20, pad=pad).double()
    tokens = torch.randint(1, 200, (8, 20))
    tokens[2, 5:] = tokens[5, 1:] = tokens[6] = 0
    weights = torch.randn(8, trunk.features).double()
    found = []
    for pool in (by_amax, largest_responses):
        pooled = pool(trunk.embedding(tokens), trunk.convolutions)
        wanted = [trunk.embedding.weight, *trunk.convolutions.parameters()]
        found.append([pooled, *torch.autograd.grad(pooled, wanted, weights)])
    for plain, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-10, atol=1e-12)


def test_layout_of_the_input_does_not_matter():
    embedded = torch.randn(8, 14, 5, dtype=torch.float64).permute(2, 1, 0)
    assert_same(embedded, banks(), rtol=1e-10, atol=1e-12)


def test_ties_between_identical_windows_give_filters_the_same_gradient():
    """All windows over padding are one and the same; ``amax`` shares the gradient, here the first gets it."""
    embedded = torch.randn(6, 14, 8, dtype=torch.float64)
    embedded[:, 4:] = 0
    embedded[0] = 0
    convolutions, weights = banks(), torch.randn(6, 35, dtype=torch.float64)
    with torch.no_grad():
        for convolution in convolutions:
            convolution.bias.fill_(5.0 if convolution.weight.shape[2] % 2 else -5.0)
    plain, ours = (
        gradients(pool, embedded, convolutions, weights) for pool in (by_amax, largest_responses)
    )
    torch.testing.assert_close(ours[0], plain[0])
    for found, expected in zip(ours[1][1:], plain[1][1:], strict=True):
        torch.testing.assert_close(found, expected)
    # Of the input, what all positions get together is the same too.
    torch.testing.assert_close(ours[1][0].sum(1), plain[1][0].sum(1))


@pytest.mark.parametrize("pool", [plain_largest_responses, largest_responses])
def test_of_tied_windows_the_first_wins(pool):
    convolution = nn.Conv1d(1, 1, 1)
    embedded = torch.tensor([0.0, 3, 1, 3, 3, 2, 0, 0, 0, 0]).view(1, 10, 1).requires_grad_()
    with torch.no_grad():
        convolution.weight.fill_(2.0)
    pool(embedded, [convolution]).sum().backward()
    assert embedded.grad.flatten().tolist() == [0, 2, 0, 0, 0, 0, 0, 0, 0, 0]


def test_gradients_are_right_by_differences_and_once_more():
    """gradcheck and gradgradcheck: numerical derivatives of the first and second order."""
    torch.manual_seed(3)
    embedded = torch.randn(2, 10, 2, dtype=torch.float64, requires_grad=True)
    convolutions = banks(size=2, filters=((1, 2), (2, 2), (8, 2), (10, 1)))

    def cubed(x, *parameters):
        named = dict(zip(dict(convolutions.named_parameters()), parameters, strict=True))
        pooled = torch.func.functional_call(Pool(convolutions), _prefixed(named), (x,))
        return pooled**3

    inputs = (embedded, *convolutions.parameters())
    assert torch.autograd.gradcheck(cubed, inputs)
    assert torch.autograd.gradgradcheck(cubed, inputs)


class Pool(nn.Module):
    def __init__(self, convolutions):
        super().__init__()
        self.convolutions = convolutions

    def forward(self, x):
        return largest_responses(x, self.convolutions)


def _prefixed(named):
    return {f"convolutions.{name}": parameter for name, parameter in named.items()}


def test_a_penalty_on_the_gradient_trains_the_filters():
    """d/dw |d score / dx|^2 as torch's own double backward has it."""
    embedded = torch.randn(4, 14, 8, dtype=torch.float64, requires_grad=True)
    convolutions = banks()

    def penalty(pool):
        (slope,) = torch.autograd.grad(
            pool(embedded, convolutions).square().sum(), embedded, create_graph=True
        )
        return torch.autograd.grad(slope.square().sum(), list(convolutions.parameters()))

    expected = penalty(by_amax)
    for pool in (plain_largest_responses, largest_responses):
        for found, wanted in zip(penalty(pool), expected, strict=True):
            torch.testing.assert_close(found, wanted)
            assert found.abs().sum() > 0


@pytest.mark.parametrize("frozen", ["embedded", "weight", "bias"])
def test_what_needs_no_gradient_gets_none(frozen):
    embedded, convolutions = torch.randn(3, 14, 8), banks(torch.float32)
    embedded.requires_grad_(frozen != "embedded")
    for name, parameter in convolutions.named_parameters():
        parameter.requires_grad_(not name.endswith(frozen))
    largest_responses(embedded, convolutions).sum().backward()
    assert (embedded.grad is None) == (frozen == "embedded")
    for name, parameter in convolutions.named_parameters():
        assert (parameter.grad is None) == name.endswith(frozen)


def test_not_a_number_is_not_swallowed():
    embedded = torch.randn(2, 14, 8)
    embedded[1, 6] = float("nan")
    pooled = largest_responses(embedded, banks(torch.float32))
    assert pooled[0].isfinite().all()
    assert pooled[1].isnan().all()
