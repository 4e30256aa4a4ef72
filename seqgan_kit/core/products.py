"""Matrix products on a CPU, by the faster of two libraries that ship with torch.

torch multiplies float32 matrices with MKL, which does not use AVX-512 on AMD processors. oneDNN, which torch
uses for convolutions and lower precision, does: on an AMD EPYC of 2024 it does twice as many multiply-adds
per second. On other machines, and for other dtypes and devices, these functions are torch's own products.
Both libraries are exact up to float32 rounding.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

# With fewer multiply-adds than this, oneDNN's higher overhead per call costs more than it saves.
_WORTH_IT = 12_000_000
# oneDNN compiles a program for every size, which takes about a millisecond. Where the number of rows keeps
# changing, as with sentences that have not ended, rows are padded to one of a few sizes.
_MANY_ROWS, _STEP_IN_ROWS = 128, 32

Network = TypeVar("Network", bound=nn.Module)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``F.linear``: x [...,K], weight [N,K], bias [N] -> [...,N].

    With oneDNN, first and second derivatives are available, but no other transforms of torch.func.
    """
    if not _worth_it(x, weight) or (bias is not None and bias.shape != weight.shape[:1]):
        return F.linear(x, weight, bias)
    return _filled_up(x.reshape(-1, x.shape[-1]), weight, bias).view(*x.shape[:-1], len(weight))


def product(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """Return a [M,K] @ b [K,N] -> [M,N]; ``out`` is memory for the result, which oneDNN does not use."""
    if _worth_it(a, b.t()):
        return _filled_up(a, b.t(), None)
    return torch.mm(a, b, out=out) if out is not None else torch.mm(a, b)


def add_product(total: Tensor, a: Tensor, b: Tensor, factor: float = 1.0) -> Tensor:
    """Add in place: total [M,N] += factor * a [M,K] @ b [K,N]."""
    if _worth_it(a, b.t()):
        return total.add_(_filled_up(a, b.t(), None), alpha=factor)
    return total.addmm_(a, b, alpha=factor)


class Linear(nn.Linear):
    """``nn.Linear`` computed by :func:`linear`."""

    def forward(self, input: Tensor) -> Tensor:
        """[...,K] -> [...,N]."""
        return linear(input, self.weight, self.bias)


def use_quick_products(network: nn.Module) -> None:
    """Compute the network's linear layers by :func:`linear`; layers of other classes stay as they are."""
    for layer in network.modules():
        if type(layer) is nn.Linear:
            layer.__class__ = Linear


def channels_last(network: Network) -> Network:
    """Lay out the weights of convolutions with channels last; a step on a CPU then takes a quarter less."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def by_onednn(x: Tensor) -> bool:
    """Return whether oneDNN computes large products of ``x``: float32, on a CPU where it is faster."""
    return (
        # This comes first, because torch.compile cannot trace the rest and optimises products itself.
        not torch.compiler.is_compiling()
        and x.dtype == torch.float32
        and x.device.type == "cpu"
        and _onednn_is_quicker()
        and bool(torch.backends.mkldnn.enabled)
        and not torch.is_autocast_enabled("cpu")
    )


def library() -> str:
    """Return the name of the library for large float32 products on this machine's CPU."""
    return "oneDNN" if by_onednn(torch.empty(0)) else "torch's own"


def _worth_it(x: Tensor, weight: Tensor) -> bool:
    """Return whether oneDNN is to multiply x [...,K] by weight [N,K]; torch reports shapes that do not
    fit."""
    return (
        by_onednn(x)
        and weight.dtype == x.dtype
        and weight.dim() == 2
        and x.shape[-1:] == weight.shape[1:]
        and x.shape[:-1].numel() * weight.numel() >= _WORTH_IT
    )


def _filled_up(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x [M,K] by weight [N,K], plus bias [N] -> [M,N], with M padded to one of a few sizes."""
    rows = len(x)
    if rows > _MANY_ROWS and rows % _STEP_IN_ROWS:
        x = F.pad(x, (0, 0, 0, -rows % _STEP_IN_ROWS))
    found: Tensor = _Linear.apply(x, weight, bias)
    return found[:rows]


class _Linear(Function):
    """oneDNN's product with a gradient, which is itself made of such products and so is differentiable."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        x, weight = _dense(x), _dense(weight)
        ctx.save_for_backward(x, weight)
        # oneDNN assumes that the bias is contiguous.
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
    """``product`` without padding: the number of rows is constant or already padded."""
    if _worth_it(a, b.t()):
        found: Tensor = _Linear.apply(a, b.t(), None)
        return found
    return torch.mm(a, b)


def _dense(matrix: Tensor) -> Tensor:
    """Return a matrix without gaps between its rows or columns; with gaps, as in a slice of a weight, oneDNN
    is a thousand times slower."""
    dense = matrix.is_contiguous() or matrix.t().is_contiguous()
    return matrix if dense else matrix.contiguous()


@cache
def _onednn_is_quicker() -> bool:
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.cpu.get_cpu_capability() == "AVX512"
        and mkl_is_slow()
        and _onednn_multiplies()
    )


def _onednn_multiplies() -> bool:
    """Try oneDNN's product and return whether it works; torch does not document its interface."""
    one = torch.ones(1, 1, device="cpu")
    try:
        torch.ops.mkldnn._linear_pointwise(one, one, None, "none", [], "")
    except (AttributeError, RuntimeError):
        return False
    return True


@cache
def mkl_is_slow() -> bool:
    """Return whether this is an AMD processor, for which MKL has no fast functions."""
    return _processor_maker() == "AuthenticAMD"


def _processor_maker() -> str:
    """Return the processor's vendor name; empty if the system does not report it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split()[-1] for line in lines if line.startswith("vendor_id")), "")
