"""Matrix products on a CPU, by the quicker of the two libraries that torch brings.

torch multiplies float32 matrices by MKL, which on processors other than Intel's leaves AVX-512 alone. oneDNN,
which torch has for convolutions and narrower numbers, does not: on an AMD EPYC of 2024 it does twice as many
multiply-adds a second. Everywhere else, and for what is not float32 on a CPU, these are torch's own products.
Both are exact up to float32 rounding.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

# With fewer multiply-adds than this oneDNN's longer way to the first of them costs what it gains.
_WORTH_IT = 12_000_000
# oneDNN compiles a program for every size, which takes it about a millisecond. Where many rows come in ever
# different numbers, as of sentences that have not ended, they are filled up to the next of few sizes.
_MANY_ROWS, _STEP_IN_ROWS = 128, 32


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``F.linear``: x [...,K], weight [N,K], bias [N] -> [...,N].

    Where oneDNN makes it, it has gradients and their gradients, and no other transforms of torch.func.
    """
    if not _worth_it(x, weight) or (bias is not None and bias.shape != weight.shape[:1]):
        return F.linear(x, weight, bias)
    return _filled_up(x.reshape(-1, x.shape[-1]), weight, bias).view(*x.shape[:-1], len(weight))


def product(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """a [M,K] @ b [K,N] -> [M,N]; ``out`` is room for it, which oneDNN makes no use of."""
    if _worth_it(a, b.t()):
        return _filled_up(a, b.t(), None)
    return torch.mm(a, b, out=out) if out is not None else torch.mm(a, b)


def add_product(total: Tensor, a: Tensor, b: Tensor, factor: float = 1.0) -> Tensor:
    """total [M,N] += factor * a [M,K] @ b [K,N], in place."""
    if _worth_it(a, b.t()):
        return total.add_(_filled_up(a, b.t(), None), alpha=factor)
    return total.addmm_(a, b, alpha=factor)


class Linear(nn.Linear):
    """``nn.Linear`` by way of :func:`linear`."""

    def forward(self, input: Tensor) -> Tensor:
        """[...,K] -> [...,N]."""
        return linear(input, self.weight, self.bias)


def by_onednn(x: Tensor) -> bool:
    """Return whether oneDNN makes large products of ``x``: of float32 on a CPU, where it is the quicker
    one."""
    return (
        # First, because nothing else here can be compiled; a compiler has its own way with products.
        not torch.compiler.is_compiling()
        and x.dtype == torch.float32
        and x.device.type == "cpu"
        and _onednn_is_quicker()
        and bool(torch.backends.mkldnn.enabled)
        and not torch.is_autocast_enabled("cpu")
    )


def library() -> str:
    """By what large float32 products are made on this machine's CPU, in words."""
    return "oneDNN" if by_onednn(torch.empty(0)) else "torch's own"


def _worth_it(x: Tensor, weight: Tensor) -> bool:
    """Return whether oneDNN shall multiply x [...,K] by weight [N,K]; what does not fit is torch's to
    refuse."""
    return (
        by_onednn(x)
        and weight.dtype == x.dtype
        and weight.dim() == 2
        and x.shape[-1:] == weight.shape[1:]
        and x.shape[:-1].numel() * weight.numel() >= _WORTH_IT
    )


def _filled_up(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x [M,K] by weight [N,K], plus bias [N] -> [M,N], in one of few sizes."""
    rows = len(x)
    if rows > _MANY_ROWS and rows % _STEP_IN_ROWS:
        x = F.pad(x, (0, 0, 0, -rows % _STEP_IN_ROWS))
    found: Tensor = _Linear.apply(x, weight, bias)
    return found[:rows]


class _Linear(Function):
    """oneDNN's product has no gradient of its own; this one's is made of products, and so has gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        # It takes operands of any strides, and a bias for contiguous whatever it is.
        bias = None if bias is None else bias.contiguous()
        found: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return found

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        return (
            _as_it_is(gradient, weight) if for_x else None,
            _as_it_is(gradient.t(), x) if for_weight else None,
            gradient.sum(0) if for_bias else None,
        )


def _as_it_is(a: Tensor, b: Tensor) -> Tensor:
    """``product`` without filling up: its rows are as many every time, or have been filled up already."""
    if _worth_it(a, b.t()):
        found: Tensor = _Linear.apply(a, b.t(), None)
        return found
    return torch.mm(a, b)


@cache
def _onednn_is_quicker() -> bool:
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.cpu.get_cpu_capability() == "AVX512"
        and _processor_maker() == "AuthenticAMD"
        and _onednn_multiplies()
    )


def _onednn_multiplies() -> bool:
    """Return whether oneDNN's product works here: not part of torch's documented interface, so it is
    tried."""
    one = torch.ones(1, 1, device="cpu")
    try:
        torch.ops.mkldnn._linear_pointwise(one, one, None, "none", [], "")
    except (AttributeError, RuntimeError):
        return False
    return True


def _processor_maker() -> str:
    """As the processor names it; empty where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split()[-1] for line in lines if line.startswith("vendor_id")), "")
