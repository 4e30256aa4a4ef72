"""Saving networks of classes that are the user's own: what must hold, and how the class is named in files."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seqgan_kit.errors import UsageError


class ForeignClass(Exception):
    """A saved network of a class that this package does not have.

    Args:
        name: what the file says the class is called.
    """

    def __init__(self, name: object):
        super().__init__(f"{name!r:.200}")
        last = str(name).rpartition(".")[2]
        self.short = last if last.isidentifier() else "CLASS"
        """The name without its module, to be typed."""


def class_name(module: nn.Module) -> str:
    """``my_gan.MyGRU``, as information for people: nothing is ever imported by it."""
    kind = type(module)
    where = kind.__module__
    if where == "__main__":
        where = Path(getattr(sys.modules["__main__"], "__file__", None) or where).stem
    return f"{where}.{kind.__qualname__}"


def check_weights(module: nn.Module) -> None:
    """Raise UsageError for a module whose state is not tensors alone, which safetensors cannot hold."""
    states: Mapping[str, Any] = module.state_dict()
    others = [name for name, value in states.items() if not isinstance(value, Tensor)]
    if others:
        raise UsageError(
            f"{type(module).__name__} cannot be saved: {others[0]!r} of its state dict is no tensor. Keep "
            "everything but tensors out of get_extra_state()."
        )


def weights_to_save(states: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict on the CPU, in plain memory order, no two tensors in one memory (as tied weights are)."""
    return {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in states.items()
    }


def not_finite(tensors: Mapping[str, Tensor]) -> str:
    """Name the first tensor with numbers that are infinite or not a number; "" if there is none."""
    for name, tensor in tensors.items():
        if bad := int((~tensor.isfinite()).sum()):
            return f"{bad:,} of {tensor.numel():,} numbers in {name} are not finite"
    return ""
