"""Minibatch discrimination against sums by hand, and a collapsed batch differs from a varied one."""

import math

import pytest
import torch
from torch import nn

from seqgan_kit.core.runs.machine import memory
from seqgan_kit.core.techniques import minibatch
from seqgan_kit.core.techniques.minibatch import MinibatchDiscrimination, MinibatchScore, closeness
from seqgan_kit.errors import UsageError


def test_closeness_by_hand():
    """Three rows, one kernel of two dimensions: L1 distances 3 (0-1), 1 (0-2), 2 (1-2)."""
    rows = torch.tensor([[[0.0, 0]], [[1, 2]], [[0, 1]]])
    wanted = [
        [1 + math.exp(-3) + math.exp(-1)],
        [1 + math.exp(-3) + math.exp(-2)],
        [1 + math.exp(-1) + math.exp(-2)],
    ]
    torch.testing.assert_close(closeness(rows), torch.tensor(wanted))


def test_kernels_do_not_mix():
    torch.manual_seed(0)
    rows = torch.randn(5, 3, 2)
    apart = torch.cat([closeness(rows[:, b : b + 1]) for b in range(3)], 1)
    torch.testing.assert_close(closeness(rows), apart)


def test_the_layer_is_the_papers_tensor_product():
    """M_i = f(x_i) T with T [A,B,C], by an explicit einsum."""
    layer = MinibatchDiscrimination(4, kernels=3, dimensions=2)
    features = torch.randn(6, 4)
    rows = torch.einsum("na,abc->nbc", features, layer.tensor.view(4, 3, 2))
    torch.testing.assert_close(layer(features), closeness(rows))


def test_the_score_is_linear_in_features_and_closeness_together():
    plain, layer = nn.Linear(4, 1), MinibatchDiscrimination(4, 3, 2)
    head = MinibatchScore(plain, layer)
    joined = nn.Linear(7, 1)
    with torch.no_grad():
        joined.weight.copy_(torch.cat([plain.weight, head.weight.weight], 1))
        joined.bias.copy_(plain.bias)
    features = torch.randn(6, 4)
    both = torch.cat([features, layer(features)], 1)
    torch.testing.assert_close(head(features), joined(both))


def test_a_collapsed_batch_is_as_close_as_can_be():
    layer = MinibatchDiscrimination(4, 3, 2)
    one, many = torch.randn(1, 4).expand(8, 4), torch.randn(8, 4)
    torch.testing.assert_close(layer(one), torch.full((8, 3), 8.0))
    assert layer(many).max() < 7
    assert torch.autograd.gradcheck(layer.double(), many.double().requires_grad_())


def test_nothing_to_measure_is_refused():
    with pytest.raises(UsageError, match="0 kernels"):
        MinibatchDiscrimination(4, kernels=0)


def test_more_kernels_than_fit_into_memory_are_refused_at_once():
    """8192 features by 5 million numbers of 16 bytes."""
    with pytest.raises(
        UsageError, match=r"by 1,000,000 kernels takes 610.4 GiB .* use fewer kernels"
    ):
        MinibatchDiscrimination(8192, 1_000_000)


def test_a_batch_whose_distances_do_not_fit_is_refused(monkeypatch):
    layer = MinibatchDiscrimination(3, 4, 5)
    monkeypatch.setattr(memory, "machine_bytes", lambda: 12 * 4 * 5 * 6**2)
    monkeypatch.setattr(minibatch, "_MANY_BYTES", 0)
    assert layer(torch.randn(6, 3)).shape == (6, 4)
    with pytest.raises(
        UsageError, match=r"comparing 7 samples by 4 kernels takes .* a smaller batch"
    ):
        layer(torch.randn(7, 3))
