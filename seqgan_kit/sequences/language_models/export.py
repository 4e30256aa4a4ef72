"""Write a trained language model as transformers and peft read it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from seqgan_kit.core.files.user_classes import weights_to_save
from seqgan_kit.core.runs.log import write_whole
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.language_models.adapters import (
    adapter_settings,
    adapter_tensors,
    merge_adapters,
)
from seqgan_kit.sequences.language_models.causal_generator import LanguageModelGenerator


def export_model(generator: LanguageModelGenerator, folder: Path) -> None:
    """Write the whole model, with adapters merged into its weights, for ``from_pretrained``."""
    model = copy.deepcopy(generator.model)
    if generator.config.lora_rank:
        model = merge_adapters(model)
    folder.mkdir(parents=True, exist_ok=True)
    settings = json.dumps(model.config.to_diff_dict(), indent=2, sort_keys=True, default=str)
    write_whole(folder / "config.json", f"{settings}\n".encode())
    _write_weights(folder / "model.safetensors", _untied(model))


def export_adapters(generator: LanguageModelGenerator, folder: Path) -> None:
    """Write the adapters alone, for ``peft.PeftModel.from_pretrained`` on the model before training."""
    if not generator.config.lora_rank:
        raise UsageError(
            "this model has no adapters, because all of its parameters were trained: export the whole model, "
            "without --adapters."
        )
    states = adapter_tensors(generator.model)
    prefix = "base_model.model."
    named = {f"{prefix}{name.removeprefix(prefix)}": part for name, part in states.items()}
    folder.mkdir(parents=True, exist_ok=True)
    settings = adapter_settings(generator.model, generator.config)
    settings.save_pretrained(str(folder))
    _write_weights(folder / "adapter_model.safetensors", named)


def _untied(model: Any) -> dict[str, Tensor]:
    """Return the model's tensors without those that the library ties to others when it loads."""
    states: dict[str, Tensor] = model.state_dict()
    seen: dict[int, str] = {}
    return {
        name: part
        for name, part in states.items()
        if seen.setdefault(part.data_ptr(), name) == name or not part.numel()
    }


def _write_weights(path: Path, states: dict[str, Tensor]) -> None:
    write_whole(path, save(weights_to_save(states), metadata={"format": "pt"}))
