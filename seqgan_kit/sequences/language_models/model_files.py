"""Load causal language models of the transformers library: safetensors only, and no code from a repository.

A name is a folder as ``save_pretrained`` writes it, a model of the hub, or ``config:FILE``, a file of
settings (``config.json``) from which a model with random weights is built.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import nn

from seqgan_kit.core.files.pretrained_models import (
    first_line,
    refuse_code,
    refuse_pickles,
    silent_loading,
    transformers_library,
)
from seqgan_kit.core.runs.machine.memory import FIXED_BYTES, TRAINED_BYTES, check_memory
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.sequences.language_models.numbering import BOS, EOS, NONE, ModelIds

FRESH = "config:"
"""Prefix of a name that is a file of settings."""


def load_language_model(name: str, *, trains_all: bool) -> Any:
    """Load a pretrained causal language model; see :func:`load_pretrained`."""
    return checked(load_pretrained(name, "AutoModelForCausalLM", trains_all=trains_all), name)


def load_pretrained(name: str, kind: str, *, trains_all: bool) -> Any:
    """Load a pretrained model from a folder or the hub.

    Args:
        name: the folder, or the model's name on the hub.
        kind: the library's class that loads it.
        trains_all: whether all parameters will be trained, which takes more memory.
    """
    transformers = transformers_library()
    local = Path(name).expanduser()
    where = str(local) if local.exists() else name
    options = {"local_files_only": local.exists(), "trust_remote_code": False}
    refuse_pickles(local, name)
    try:
        settings = transformers.PretrainedConfig.get_config_dict(where, **options)[0]
        refuse_code(settings, name)
        config = transformers.AutoConfig.from_pretrained(where, **options)
        _check_size(config, kind, name, trains_all)
        with silent_loading(transformers):
            return getattr(transformers, kind).from_pretrained(
                where, config=config, use_safetensors=True, dtype=torch.float32, **options
            )
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"no model can be loaded from {name}: {first_line(error)} Give a folder that transformers' "
            "save_pretrained wrote with safetensors weights, or a model of the hub that has them; pickled "
            "weights and code from a repository are not read."
        ) from None


def fresh_language_model(
    settings: dict[str, Any], vocabulary: int, ids: ModelIds, rng: torch.Generator | None = None
) -> Any:
    """Build a model with random weights from its settings.

    Args:
        settings: the content of a ``config.json``; ``model_type`` names the architecture.
        vocabulary: number of the model's ids.
        ids: the special ones among them.
        rng: source of the seed of the weights.
    """
    transformers = transformers_library()
    settings = {**settings, "vocab_size": max(vocabulary, int(settings.get("vocab_size", 0)))}
    settings.pop("pad_token_id", None)
    if ids.eos == NONE:
        settings |= {"vocab_size": vocabulary, "bos_token_id": BOS, "eos_token_id": EOS}
    kind = settings.pop("model_type", None)
    try:
        config = transformers.AutoConfig.for_model(kind, **settings)
        refuse_code(settings, str(kind))
        where = f"a {kind} of these settings"
        _check_size(config, "AutoModelForCausalLM", where, trains_all=True)
        with torch.random.fork_rng(devices=[]):
            if rng is not None:
                torch.manual_seed(int(torch.randint(2**31, (), generator=rng, device=rng.device)))
            model = transformers.AutoModelForCausalLM.from_config(config)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"no language model has these settings: {first_line(error)} Give the config.json of a causal "
            "language model of transformers, with its model_type."
        ) from None
    return checked(model.float(), str(kind))


def read_settings(file: str) -> dict[str, Any]:
    """Read a ``config.json``."""
    path = Path(file).expanduser()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"the file {file} does not exist: check the path after hf:config:."
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{file} is no JSON file of settings ({first_line(error)}).") from None
    if not isinstance(found, dict) or not isinstance(found.get("model_type"), str):
        raise DataError(
            f'{file} has no "model_type", the architecture: give a config.json of transformers.'
        )
    return found


@torch.no_grad()
def checked(model: Any, name: str) -> Any:
    """Return the model if its logits are a linear layer of its hidden states; else raise UsageError."""
    head = model.get_output_embeddings()
    if head is None or head.weight.is_meta:
        return model
    # Masks say what is padding. With this setting the library would guess it from the ids.
    model.config.pad_token_id = None
    model.eval()
    count = int(model.config.get_text_config().vocab_size)
    tokens = torch.arange(6).remainder(count).view(1, -1)
    try:
        hidden = model.base_model(input_ids=tokens, use_cache=False).last_hidden_state
        linear = head(hidden)
        equal = torch.allclose(model(input_ids=tokens).logits, linear, rtol=1e-3, atol=1e-4)
    except (AttributeError, TypeError, RuntimeError) as error:
        raise UsageError(
            f"{name} cannot be a generator: {first_line(error)} Use a decoder-only model for text."
        ) from None
    if not equal:
        raise UsageError(
            f"{name} cannot be a generator: its logits are not a linear layer of its hidden states (they are "
            "capped or scaled). Use another model."
        )
    return model


def layers_of(model: Any) -> list[nn.Module]:
    """Return the layers of a model, which the library applies one after another."""
    kinds = set(getattr(model, "_no_split_modules", None) or ())
    named = [part for part in model.modules() if type(part).__name__ in kinds]
    # Embeddings are also read outside of their own forward pass.
    return [part for part in named if not any(isinstance(x, nn.Embedding) for x in part.modules())]


def recompute_activations(model: Any) -> None:
    """Switch gradient checkpointing on."""
    drops = [part for part in model.modules() if isinstance(part, nn.Dropout)]
    options = {"use_reentrant": False, "context_fn": _SameDropout(drops)}
    # Releases of the library differ in this name.
    for name in ("activation_checkpointing_enable", "gradient_checkpointing_enable"):
        if hasattr(model, name):
            getattr(model, name)(options)
            return


class _SameDropout:
    """Contexts of a forward pass and its recomputation, which drops as the forward pass did.

    A loss may turn dropout off and be differentiated later. This is no function, because copies of a model
    would share it, with the layers of the original.
    """

    def __init__(self, drops: list[nn.Dropout]):
        self.drops = drops

    def __call__(self) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), self._again([(drop.training, drop.p) for drop in self.drops])

    @contextmanager
    def _again(self, rates: Sequence[tuple[bool, float]]) -> Iterator[None]:
        before = [(drop.training, drop.p) for drop in self.drops]
        self._set(rates)
        try:
            yield
        finally:
            self._set(before)

    def _set(self, rates: Sequence[tuple[bool, float]]) -> None:
        for drop, (training, share) in zip(self.drops, rates, strict=True):
            drop.training, drop.p = training, share


def check_context(model: Any, tokens: int) -> None:
    """Raise UsageError if the model cannot read so many tokens."""
    most = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if most is not None and tokens + 1 > most:
        raise UsageError(
            f"rows have {tokens} tokens, but the language model reads at most {most}: lower --max-tokens and "
            "--source-tokens, or use a model with a longer context."
        )


def _check_size(config: Any, kind: str, name: str, trains_all: bool) -> None:
    with torch.device("meta"):
        model = getattr(transformers_library(), kind).from_config(config)
    count = sum(parameter.numel() for parameter in model.parameters())
    check_memory(
        f"training {name}",
        count,
        TRAINED_BYTES if trains_all else FIXED_BYTES,
        advice="use a smaller model, or --hf.lora-rank to train adapters only",
    )
