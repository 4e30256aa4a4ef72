"""The hyperbolic tangent on a CPU, by the faster of two libraries.

torch takes it from MKL, which is slow on AMD processors; numpy needs a tenth of the time there. Both are
exact up to float32 rounding. In recurrent networks with additive attention it is a fifth of the work.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function

from seqgan_kit.core.products import mkl_is_slow


def tanh(x: Tensor) -> Tensor:
    """``torch.tanh``, with first and second derivatives but no other transforms of torch.func."""
    if torch.compiler.is_compiling() or x.dtype != torch.float32 or x.device.type != "cpu":
        return x.tanh()
    return cast(Tensor, _Tanh.apply(x)) if mkl_is_slow() else x.tanh()


class _Tanh(Function):
    """numpy's tanh with a gradient that has one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        with np.errstate(all="ignore"):
            found = torch.from_numpy(np.tanh(x.detach().numpy()))
        ctx.save_for_backward(found)
        return found

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (found,) = ctx.saved_tensors
        return cast(Tensor, torch.ops.aten.tanh_backward(gradient, found))
