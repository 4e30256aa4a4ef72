"""Features of images by DINOv2 or CLIP, from a folder that transformers' ``save_pretrained`` wrote.

DINOv2 (Oquab et al. 2023): the class token after the last normalisation, which Stein et al. 2023 ("Exposing
flaws of generative model evaluation metrics") recommend for distances. CLIP (Radford et al. 2021): the
projected image embedding, as in clean-fid's CLIP features. Weights are safetensors; no code is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from image_gans.metrics.pretrained.image_processing import ImageProcessing, read_processing
from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.files.pretrained_models import (
    first_line,
    refuse_code,
    refuse_pickles,
    silent_loading,
    transformers_library,
)
from seqgan_kit.core.files.user_paths import expanded
from seqgan_kit.core.runs.machine.memory import FIXED_BYTES, check_memory
from seqgan_kit.errors import DataError, UsageError

PREFIX = "hf:"
_CHUNK = 32


def _class_token(model: Any, pixels: Tensor) -> Tensor:
    found: Tensor = model(pixel_values=pixels).last_hidden_state[:, 0]
    return found


def _image_embedding(model: Any, pixels: Tensor) -> Tensor:
    found: Tensor = model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output)
    return found


_KINDS: dict[str, tuple[str, Callable[[Any, Tensor], Tensor]]] = {
    "dinov2": ("dinov2", _class_token),
    "dinov2_with_registers": ("dinov2", _class_token),
    "clip": ("clip", _image_embedding),
}
"""model_type -> the name in scores, and the features."""


class PretrainedFeatures(nn.Module):
    """A model with its preprocessing in front of it."""

    def __init__(self, model: nn.Module, processing: ImageProcessing, kind: str):
        super().__init__()
        self.model, self.processing = model, processing
        self.name, self._output = _KINDS[kind]

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """[N,C,H,W] in [-1,1] -> [N,F] on the CPU; images are rounded to 8 bits first."""
        device = device_of(self.model)
        with torch.backends.cudnn.flags(allow_tf32=False):  # TF32 would change digits of the score.
            parts = (self.processing(part.to(device)) for part in x.split(_CHUNK))
            pieces = [self._output(self.model, part).float().cpu() for part in parts]
        return torch.cat(pieces)


def is_pretrained(choice: str) -> bool:
    """Whether a setting names the folder of a pretrained model."""
    return choice.startswith(PREFIX)


def pretrained_features(choice: str) -> PretrainedFeatures:
    """Load the model that ``hf:FOLDER`` names, on a GPU where there is one."""
    name = choice.removeprefix(PREFIX)
    if not name:
        raise UsageError(f"{choice!r} names no folder: give {PREFIX}FOLDER.")
    folder = expanded(name)
    if not folder.is_dir():
        raise DataError(
            f"{name} is no folder: give a local one with a DINOv2 or CLIP model (config.json, "
            "model.safetensors, preprocessor_config.json). Nothing is downloaded."
        )
    refuse_pickles(folder, name)
    processing = read_processing(folder)
    kind, model = _load(folder, name)
    found = PretrainedFeatures(model, processing, kind).eval()
    try:
        found.features(torch.zeros(1, 3, 64, 64))
    except (RuntimeError, ValueError) as error:
        raise DataError(
            f"the model in {name} cannot read what its preprocessing makes: {first_line(error)} Give the "
            "preprocessor_config.json of the same model."
        ) from None
    return found.to("cuda" if torch.cuda.is_available() else "cpu")


def _load(folder: Path, name: str) -> tuple[str, nn.Module]:
    """Return the model's type and the model; refuse types that are not known and weights that are not all
    there."""
    transformers = transformers_library(f"--features {PREFIX}...")
    options = {"local_files_only": True, "trust_remote_code": False}
    try:
        settings = transformers.PretrainedConfig.get_config_dict(str(folder), **options)[0]
        refuse_code(settings, name)
        kind = settings.get("model_type")
        if kind not in _KINDS:
            raise UsageError(
                f"{name} holds a model of type {kind!r}, and image features are those of "
                f"{', '.join(_KINDS)}: give the folder of one of these."
            )
        config = transformers.AutoConfig.from_pretrained(str(folder), **options)
        _check_size(transformers, config, name)
        with silent_loading(transformers, reports=False):
            model, about = transformers.AutoModel.from_pretrained(
                str(folder),
                config=config,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                **options,
            )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise DataError(
            f"no model can be loaded from {name}: {first_line(error)} Give a folder that transformers' "
            "save_pretrained wrote with safetensors weights."
        ) from None
    missing = sorted(about["missing_keys"])
    if missing:
        raise DataError(
            f"the weights in {name} lack {len(missing)} of the model's tensors, such as {missing[0]}; random "
            "ones would take their place. Give the complete model."
        )
    return kind, model


def _check_size(transformers: Any, config: Any, name: str) -> None:
    with torch.device("meta"):
        model = transformers.AutoModel.from_config(config)
    count = sum(parameter.numel() for parameter in model.parameters())
    check_memory(f"the model in {name}", count, FIXED_BYTES, advice="use a smaller model")
