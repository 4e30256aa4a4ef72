"""Recurrent layers under autocast: float32 where the machine has no bfloat16 kernel for them.

On a CPU, torch computes an LSTM under autocast with oneDNN, whose bfloat16 LSTM needs AVX-512; without
AVX-512 it raises an error. bfloat16 products are slow there too, so the whole recurrent network stays in
float32.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch
from torch import Tensor


def recurrent_precision(inputs: Tensor) -> AbstractContextManager[object]:
    """Return a context for a recurrent network on ``inputs`` that turns autocast off if the kernel is
    missing."""
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
    """Try an LSTM's forward and backward pass under autocast, and return whether this CPU supports them."""
    # The result is cached, so it must not depend on the context of the first caller.
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
