"""Recurrent layers and convolutions under autocast: float32 where the CPU has no bfloat16 kernel for them.

On a CPU, torch computes an LSTM under autocast with oneDNN, whose bfloat16 LSTM needs AVX-512; without
AVX-512 it raises an error. bfloat16 products are slow there too, so the whole recurrent network stays in
float32. Convolutions do not fail, but take oneDNN's reference kernel, which is tens of times slower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_CONVOLUTIONS = frozenset(
    {
        torch.conv1d,
        torch.conv2d,
        torch.conv3d,
        torch.conv_transpose1d,
        torch.conv_transpose2d,
        torch.conv_transpose3d,
    }
)


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


@contextmanager
def autocast_to_kernels(device: str, enabled: bool) -> Iterator[None]:
    """Autocast to bfloat16, with convolutions in float32 on a CPU that has no kernel for them.

    autocast's cache of cast weights is off: in older torch (pytorch issues 142234, 158232), the loss
    reuses a cast made under ``no_grad`` during sampling, which cuts off its gradient.
    """
    lacking = enabled and device == "cpu" and not has_bfloat16_lstm()
    with (
        torch.autocast(device, torch.bfloat16, enabled=enabled, cache_enabled=False),
        _Float32Convolutions() if lacking else nullcontext(),
    ):
        yield


class _Float32Convolutions(TorchFunctionMode):
    """Convolutions of bfloat16 inputs are made in float32, whichever network asks for them."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func not in _CONVOLUTIONS:
            return func(*args, **(kwargs or {}))
        with torch.autocast("cpu", enabled=False):
            return func(
                *map(_widened, args), **{name: _widened(x) for name, x in (kwargs or {}).items()}
            )


def _widened(value: Any) -> Any:
    is_narrow = isinstance(value, Tensor) and value.dtype == torch.bfloat16
    return value.float() if is_narrow else value


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
