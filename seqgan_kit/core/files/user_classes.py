"""Save networks of the user's own classes: requirements, and how files name the class."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seqgan_kit.errors import UsageError


class ForeignClass(Exception):
    """A saved network of a class that is not part of this package.

    Args:
        name: the name of the class in the file.
    """

    def __init__(self, name: object):
        super().__init__(f"{name!r:.200}")
        last = str(name).rpartition(".")[2]
        self.short = last if last.isidentifier() else "CLASS"
        """The class name without its module."""


def class_name(module: nn.Module) -> str:
    """Return a name such as ``my_gan.MyGRU``, for display only; the program never imports it."""
    kind = type(module)
    where = kind.__module__
    if where == "__main__":
        where = Path(getattr(sys.modules["__main__"], "__file__", None) or where).stem
    return f"{where}.{kind.__qualname__}"


def check_weights(module: nn.Module) -> None:
    """Raise UsageError for a module whose state holds more than tensors, since safetensors cannot store
    it."""
    states: Mapping[str, Any] = module.state_dict()
    others = [name for name, value in states.items() if not isinstance(value, Tensor)]
    if others:
        raise UsageError(
            f"{type(module).__name__} cannot be saved: {others[0]!r} in its state dict is not a tensor. "
            "Return only tensors from get_extra_state()."
        )


def weights_to_save(states: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a contiguous state dict on the CPU in which no two tensors share memory (as tied weights do)."""
    return {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in states.items()
    }


def not_finite(tensors: Mapping[str, Tensor]) -> str:
    """Return a sentence about the first tensor with non-finite values, or "" if there is none."""
    for name, tensor in tensors.items():
        if bad := int((~tensor.isfinite()).sum()):
            return f"{bad:,} of {tensor.numel():,} numbers in {name} are not finite"
    return ""
