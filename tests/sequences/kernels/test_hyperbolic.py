"""The hyperbolic tangent by numpy and by torch: values, gradients and their gradients, odd inputs."""

import warnings

import pytest
import torch

from seqgan_kit.sequences.kernels import hyperbolic
from seqgan_kit.sequences.kernels.hyperbolic import tanh

pytestmark = pytest.mark.numerics


@pytest.fixture(autouse=True, params=[False, True], ids=["torch", "numpy"])
def by_numpy(request, monkeypatch):
    monkeypatch.setattr(hyperbolic, "mkl_is_slow", lambda: request.param)


def test_values_are_those_of_float64():
    x = torch.cat([torch.linspace(-12, 12, 4001), 10.0 ** torch.arange(-30, 30), torch.zeros(1)])
    torch.testing.assert_close(tanh(x).double(), x.double().tanh(), rtol=1e-6, atol=0)


def test_gradients_and_their_gradients_are_those_of_torch():
    x = torch.randn(4, 5, requires_grad=True)
    weights = torch.randn(4, 5)
    found = []
    for function in (tanh, torch.tanh):
        (first,) = torch.autograd.grad((function(x) * weights).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), x)
        found.append((first, second))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("view", [lambda x: x.t(), lambda x: x[:, ::2], lambda x: x[:0]])
def test_views_of_any_strides(view):
    x = view(torch.randn(6, 8))
    torch.testing.assert_close(tanh(x), x.tanh())


def test_infinities_and_nan_pass_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = tanh(torch.tensor([float("inf"), -float("inf"), float("nan")]))
    assert found[:2].tolist() == [1, -1]
    assert found[2].isnan()


def test_other_types_take_torchs():
    assert tanh(torch.ones(2, dtype=torch.float64)).dtype == torch.float64
    assert tanh(torch.ones(2, dtype=torch.bfloat16)).dtype == torch.bfloat16
