"""Products by either library: agreement with float64, torch's gradients, and unsupported cases."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from seqgan_kit.core import products
from seqgan_kit.core.products import Linear, add_product, library, linear, product

pytestmark = pytest.mark.numerics

has_onednn = pytest.mark.skipif(
    not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")),
    reason="this torch has no oneDNN",
)
BOTH = [False, pytest.param(True, marks=has_onednn)]


@pytest.fixture(params=BOTH, ids=["torch", "oneDNN"])
def by_onednn(request, monkeypatch):
    """Compute every product by one of the two libraries, however small."""
    monkeypatch.setattr(products, "_onednn_is_quicker", lambda: request.param)
    monkeypatch.setattr(products, "_WORTH_IT", 1)
    return request.param


def sizes(rows, inner, columns):
    torch.manual_seed(rows + inner)
    return torch.randn(rows, inner), torch.randn(inner, columns)


def close(found, expected):
    torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("rows", [0, 1, 7, 129, 160])
@pytest.mark.parametrize("inner", [1, 33, 64])
def test_the_product_is_that_of_float64(by_onednn, rows, inner):
    a, b = sizes(rows, inner, 50)
    expected = a.double() @ b.double()
    assert product(a, b).shape == expected.shape
    close(product(a, b), expected)
    close(product(a, b, torch.full((rows, 50), torch.nan)), expected)
    total = torch.ones(rows, 50)
    add_product(total, a, b, -0.5)
    close(total, 1 - 0.5 * expected)


def test_operands_may_be_views_of_any_strides(by_onednn):
    a, b = sizes(40, 30, 20)
    wide = torch.randn(30, 2 * 20)
    expanded = torch.ones(1, 1).expand(40, 30)
    for x, y in ((a.t().contiguous().t(), b), (a, b.t().contiguous().t()), (a, wide[:, ::2])):
        close(product(x, y), x.double() @ y.double())
    close(product(expanded, b), expanded.double() @ b.double())
    x, weight = torch.randn(9, 6), torch.randn(5, 6)
    for bias in (torch.arange(10.0)[::2], torch.ones(1).expand(5), torch.ones(1)):
        close(linear(x, weight, bias), F.linear(x.double(), weight.double(), bias.double()))


@pytest.mark.parametrize("shape", [(30,), (5, 30), (4, 60, 30), (0, 30)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_takes_any_leading_shape(by_onednn, shape, bias):
    layer, x = Linear(30, 8, bias=bias), torch.randn(shape)
    reference = F.linear(x.double(), layer.weight.double(), layer.bias.double() if bias else None)
    assert layer(x).shape == reference.shape
    close(layer(x), reference)


def test_gradients_and_their_gradients_are_those_of_torch(by_onednn):
    """d |d f / d x|^2 / d weights, as in a gradient penalty, with f = sum tanh(x W' + b)^2."""
    torch.manual_seed(0)
    x, weight, bias = torch.randn(140, 6), torch.randn(5, 6), torch.randn(5)
    found = []
    for layer in (F.linear, linear):
        leaves = [tensor.clone().requires_grad_() for tensor in (x, weight, bias)]
        value = layer(*leaves).tanh().square().sum()
        first = torch.autograd.grad(value, leaves, create_graph=True)
        second = torch.autograd.grad(first[0].square().sum(), leaves)
        found.append((*first, *second))
    for expected, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-3, rtol=1e-4)


@has_onednn
def test_only_the_gradients_asked_for_are_made(monkeypatch):
    monkeypatch.setattr(products, "_onednn_is_quicker", lambda: True)
    monkeypatch.setattr(products, "_WORTH_IT", 1)
    made, make = [], products._as_it_is
    monkeypatch.setattr(products, "_as_it_is", lambda *a: made.append(a) or make(*a))
    x, weight = torch.randn(9, 4, requires_grad=True), torch.randn(3, 4)
    linear(x, weight).sum().backward()
    torch.testing.assert_close(x.grad, weight.sum(0).expand(9, 4))
    assert len(made) == 1


@pytest.mark.parametrize("rows", [9, 140])
def test_the_result_may_be_changed_in_place(by_onednn, rows):
    """This includes padded rows."""
    x, weight = torch.randn(rows, 4), torch.randn(3, 4, requires_grad=True)
    found = []
    for layer in (F.linear, linear):
        y = layer(x, weight)
        y[:, 0].mul_(3)
        y.relu_()
        found.append(torch.autograd.grad(y.sum(), weight)[0])
    torch.testing.assert_close(found[1], found[0])


@has_onednn
def test_many_rows_come_in_few_sizes(monkeypatch):
    monkeypatch.setattr(products, "_onednn_is_quicker", lambda: True)
    monkeypatch.setattr(products, "_WORTH_IT", 1)
    sizes, make = set(), products._Linear.apply
    monkeypatch.setattr(products._Linear, "apply", lambda x, *a: sizes.add(len(x)) or make(x, *a))
    for rows in (1, 128, 129, 140, 160, 161):
        assert linear(torch.randn(rows, 4), torch.randn(3, 4)).shape == (rows, 3)
    assert sizes == {1, 128, 160, 192}


def test_sizes_that_do_not_fit_are_torchs_to_refuse(by_onednn):
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        linear(torch.randn(9, 5), torch.randn(3, 4))
    with pytest.raises(RuntimeError, match="same dtype"):
        linear(torch.randn(9, 4), torch.randn(3, 4).double())
    assert linear(torch.randn(9, 4), torch.randn(4)).shape == (9,)


@has_onednn
def test_onednn_can_be_switched_off(monkeypatch):
    monkeypatch.setattr(products, "_onednn_is_quicker", lambda: True)
    assert products.by_onednn(torch.ones(1))
    torch._C._set_mkldnn_enabled(False)  # as torch.backends.mkldnn.flags does, which warns
    try:
        assert not products.by_onednn(torch.ones(1))
    finally:
        torch._C._set_mkldnn_enabled(True)


def test_a_compiler_sees_torchs_own_product(by_onednn):
    """oneDNN's would break the graph; and looking at the processor cannot be compiled."""
    seen = []

    def backend(graph, inputs):
        seen.append(graph)
        return graph.forward

    torch._dynamo.reset()
    layer = torch.compile(Linear(4, 3), backend=backend, fullgraph=True)
    layer(torch.randn(9, 4))
    assert len(seen) == 1
    assert "_linear_pointwise" not in seen[0].code


@has_onednn
def test_what_is_not_float32_on_a_cpu_goes_to_torch(by_onednn, monkeypatch):
    asked = []
    monkeypatch.setattr(products._Linear, "apply", lambda *a: asked.append(a) or F.linear(*a))
    x, weight = torch.randn(9, 4), torch.randn(3, 4)
    linear(x, weight)
    assert len(asked) == by_onednn
    asked.clear()
    assert linear(x.double(), weight.double()).dtype == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        assert linear(x, weight).dtype == torch.bfloat16
    assert not asked


def test_small_products_are_left_to_torch(monkeypatch):
    monkeypatch.setattr(products, "_onednn_is_quicker", lambda: True)
    monkeypatch.setattr(products._Linear, "apply", lambda *a: pytest.fail("too small for oneDNN"))
    product(torch.randn(10, 10), torch.randn(10, 10))


@pytest.mark.parametrize(
    ("capability", "maker", "quicker"),
    [
        ("AVX512", "AuthenticAMD", True),
        ("AVX512", "GenuineIntel", False),
        ("AVX2", "AuthenticAMD", False),
        ("AVX512", "", False),
    ],
)
@has_onednn
def test_onednn_is_chosen_where_mkl_holds_back(monkeypatch, capability, maker, quicker):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(products, "_processor_maker", lambda: maker)
    products._onednn_is_quicker.cache_clear()
    products.mkl_is_slow.cache_clear()
    try:
        assert library() == ("oneDNN" if quicker else "torch's own")
    finally:
        products._onednn_is_quicker.cache_clear()
        products.mkl_is_slow.cache_clear()


@pytest.mark.parametrize(
    ("text", "maker"),
    [
        ("processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel\t: 2\n", "AuthenticAMD"),
        ("processor\t: 0\nCPU implementer\t: 0x41\n", ""),
    ],
)
def test_the_processor_names_its_maker(monkeypatch, text, maker):
    monkeypatch.setattr(products.Path, "read_text", lambda *_, **__: text)
    assert products._processor_maker() == maker


def test_a_system_that_does_not_tell_the_maker_names_none(monkeypatch):
    monkeypatch.setattr(products.Path, "read_text", _absent)
    assert products._processor_maker() == ""


def _absent(*_, **__):
    raise FileNotFoundError


def test_a_network_keeps_its_parameters_and_other_layers():
    network = nn.Sequential(nn.Linear(3, 4), nn.Bilinear(2, 2, 2), nn.Sequential(nn.Linear(4, 1)))
    before = dict(network.named_parameters())
    products.use_quick_products(network)
    kinds = [type(layer) for layer in network.modules() if not isinstance(layer, nn.Sequential)]
    assert kinds == [products.Linear, nn.Bilinear, products.Linear]
    assert all(found is before[name] for name, found in network.named_parameters())
