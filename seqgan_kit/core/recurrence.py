"""Recurrent layers under autocast: in float32 where this machine has no bfloat16 kernel for them.

On a CPU torch computes an LSTM under autocast by oneDNN, whose bfloat16 LSTM needs AVX-512: elsewhere it
raises an error. Products in bfloat16 are slow there as well, so all of a recurrent network stays in float32.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch
from torch import Tensor


def recurrent_precision(inputs: Tensor) -> AbstractContextManager[object]:
    """Return the context in which a recurrent network reads ``inputs``: no autocast where no kernel is."""
    if needs_float32(inputs):
        return torch.autocast("cpu", enabled=False)
    return nullcontext()


def needs_float32(inputs: Tensor) -> bool:
    """Return whether autocast asks for a bfloat16 kernel that the CPU of ``inputs`` lacks."""
    return (
        inputs.device.type == "cpu"
        and torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and not has_bfloat16_lstm()
    )


@cache
def has_bfloat16_lstm() -> bool:
    """Return whether an LSTM under autocast has its forward and backward pass on this CPU, by trying them."""
    # Whatever the context of the first caller: the answer is kept.
    with torch.inference_mode(False), torch.enable_grad(), torch.device("cpu"):
        weights = [torch.zeros(4, *shape, requires_grad=True) for shape in ((1,), (1,), (), ())]
        state = torch.zeros(1, 1, 1)
        try:
            with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
                found = torch.lstm(state, (state, state), weights, True, 1, 0.0, True, False, True)
            torch.autograd.grad(found[0].float().sum(), weights)
        except RuntimeError:
            return False
    return True
