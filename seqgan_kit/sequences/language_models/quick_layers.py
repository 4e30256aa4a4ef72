"""Layers of the transformers library, computed by the faster products and kernels of a CPU.

The parameters and the function stay the same, up to float32 rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.products import linear, use_quick_products


class TanhGELU(nn.Module):
    """GELU by the hyperbolic tangent, which the library composes of eight operations."""

    def forward(self, x: Tensor) -> Tensor:
        """[...] -> [...]."""
        return F.gelu(x, approximate="tanh")


def quicken(model: nn.Module) -> None:
    """Give a model's layers the classes that compute the same faster; others stay as they are."""
    use_quick_products(model)
    quicker = _quicker()
    for layer in model.modules():
        layer.__class__ = quicker.get(type(layer), type(layer))


@contextmanager
def attention_of_one_token(model: Any) -> Iterator[None]:
    """Return a context in which attention suits a single new token per row.

    On a CPU the fused kernel multiplies every row and head by itself, and two batched products are faster.
    With heads that share keys those products would copy the keys first.
    """
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    shared = (getattr(config, "num_key_value_heads", None) or heads) != heads
    before = getattr(config, "_attn_implementation", None)
    if before != "sdpa" or shared or model.device.type != "cpu":
        yield
        return
    config._attn_implementation = "eager"
    try:
        yield
    finally:
        config._attn_implementation = before


def is_transposed(layer: nn.Module) -> bool:
    """Return whether a linear layer's weight is [in,out], as in the library's ``Conv1D``."""
    return isinstance(layer, import_module("transformers.pytorch_utils").Conv1D)


@cache
def _quicker() -> dict[type[nn.Module], type[nn.Module]]:
    conv1d: Any = import_module("transformers.pytorch_utils").Conv1D

    class QuickConv1D(conv1d):
        """The library's linear layer with a weight [in,out]."""

        def forward(self, x: Tensor) -> Tensor:
            """[...,in] -> [...,out]."""
            return linear(x, self.weight.t(), self.bias)

    gelu = import_module("transformers.activations").NewGELUActivation
    return {conv1d: QuickConv1D, gelu: TanhGELU}
