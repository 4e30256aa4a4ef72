"""LoRA adapters (Hu et al. 2022) by peft: small trained matrices beside frozen linear layers.

y = W x + alpha / rank * B A x,  A [rank, in], B [out, rank], B = 0 at the start
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Protocol

from torch import Tensor, nn

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.language_models.quick_layers import is_transposed

ADAPTER = "default"
"""peft's name of the adapters."""


class AdapterSettings(Protocol):
    """Rank, scale and places of adapters."""

    @property
    def lora_rank(self) -> int:
        """Rank of the matrices."""

    @property
    def lora_alpha(self) -> int:
        """Scale."""

    @property
    def lora_targets(self) -> tuple[str, ...]:
        """Names of the layers; empty for peft's choice."""


def add_adapters(model: Any, settings: AdapterSettings, flag: str = "--hf") -> Any:
    """Return the model with adapters in its layers; all other parameters are frozen.

    Args:
        model: the model.
        settings: rank, scale and places.
        flag: the group of the settings on the command line, for errors.
    """
    _check_targets(model, settings.lora_targets, flag)
    model.requires_grad_(False)
    try:
        _library().inject_adapter_in_model(adapter_settings(model, settings), model, ADAPTER)
    except ValueError as error:
        raise UsageError(
            f"peft has no default layers for this architecture ({error}): name them with "
            f"{flag}.lora-targets, for example {', '.join(_linear_layers(model)[:4])}."
        ) from None
    return model


def adapter_settings(model: Any, settings: AdapterSettings) -> Any:
    """Return peft's description of the adapters."""
    return _library().LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        target_modules=list(settings.lora_targets) or None,
        lora_dropout=0.0,
        fan_in_fan_out=any(is_transposed(layer) for layer in model.modules()),
        task_type="CAUSAL_LM",
    )


def adapter_tensors(model: Any) -> dict[str, Tensor]:
    """Return the adapters' parameters by peft's names."""
    states: dict[str, Tensor] = _library().get_peft_model_state_dict(model, adapter_name=ADAPTER)
    return states


@contextmanager
def without_adapters(model: Any) -> Iterator[None]:
    """Turn all adapters off, so that the model is the one before training."""
    layers = _adapted(model)
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)


def merge_adapters(model: Any) -> Any:
    """Return the model with each adapter added to its layer's weight, as a model without adapters."""
    for name, layer in list(model.named_modules()):
        if hasattr(layer, "merge") and hasattr(layer, "base_layer"):
            layer.merge()
            model.set_submodule(name, layer.base_layer)
    return model.requires_grad_(True)


def _adapted(model: nn.Module) -> list[Any]:
    return [
        layer
        for layer in model.modules()
        if hasattr(layer, "enable_adapters") and hasattr(layer, "base_layer")
    ]


def _check_targets(model: Any, targets: tuple[str, ...], flag: str) -> None:
    known = _linear_layers(model)
    for target in targets:
        if target in known:
            continue
        near = difflib.get_close_matches(target, known, 3, 0.0)
        raise UsageError(
            f"{flag}.lora-targets {target}: the model has no such linear layer. The nearest are "
            f"{', '.join(near)}."
        )


def _linear_layers(model: Any) -> list[str]:
    """Return the distinct last names of the model's linear layers, without the output layer."""
    names: dict[str, None] = {}
    for name, layer in model.named_modules():
        is_linear = isinstance(layer, nn.Linear) or is_transposed(layer)
        if is_linear and layer is not model.get_output_embeddings():
            names[name.rpartition(".")[2]] = None
    return list(names)


def _library() -> Any:
    try:
        return import_module("peft")
    except ImportError:
        raise UsageError(
            "adapters need peft: install it with pip install 'seqgan-kit[lm]', or leave the rank of adapters "
            "at 0."
        ) from None
