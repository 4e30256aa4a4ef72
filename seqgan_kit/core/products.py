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
    """``F.linear``: x [...,K], weight [N,K], bias [N] -> [...,N]."""
    rows = x.numel() // max(1, weight.shape[1])
    if not _by_onednn(x, weight, rows):
        return F.linear(x, weight, bias)
    found: Tensor = _Linear.apply(x.reshape(rows, x.shape[-1]), weight, bias)
    return found.view(*x.shape[:-1], len(weight))


def product(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """a [M,K] @ b [K,N] -> [M,N]; ``out`` is room for it, which only MKL makes use of."""
    if _by_onednn(a, b, len(a)):
        return linear(a, b.t())
    return torch.mm(a, b, out=out) if out is not None else torch.mm(a, b)


def add_product(total: Tensor, a: Tensor, b: Tensor, factor: float = 1.0) -> Tensor:
    """total [M,N] += factor * a [M,K] @ b [K,N], in place."""
    if _by_onednn(a, b, len(a)):
        return total.add_(product(a, b), alpha=factor)
    return total.addmm_(a, b, alpha=factor)


class Linear(nn.Linear):
    """``nn.Linear`` by way of :func:`linear`."""

    def forward(self, input: Tensor) -> Tensor:
        """[...,K] -> [...,N]."""
        return linear(input, self.weight, self.bias)


def library() -> str:
    """By what large float32 products are made on this machine's CPU."""
    return "oneDNN" if _onednn_is_quicker() else "torch's own"


class _Linear(Function):
    """oneDNN's product has no gradient of its own; this one's is made of products, and so has gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        rows = len(x)
        if rows > _MANY_ROWS and rows % _STEP_IN_ROWS:
            x = F.pad(x, (0, 0, 0, -rows % _STEP_IN_ROWS))
        found: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return found[:rows]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        return (
            product(gradient, weight) if for_x else None,
            product(gradient.t(), x) if for_weight else None,
            gradient.sum(0) if for_bias else None,
        )


def _by_onednn(x: Tensor, other: Tensor, rows: int) -> bool:
    return (
        x.dtype == other.dtype == torch.float32
        and x.device.type == other.device.type == "cpu"
        and rows * other.numel() >= _WORTH_IT
        and _onednn_is_quicker()
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


@cache
def _onednn_is_quicker() -> bool:
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.cpu.get_cpu_capability() == "AVX512"
        and _processor_maker() == "AuthenticAMD"
        # Not part of torch's documented interface, and so not taken for granted.
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def _processor_maker() -> str:
    """As the processor names it; empty where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split()[-1] for line in lines if line.startswith("vendor_id")), "")
