"""Build a generator from the name of a language model, for the ids of a tokenizer."""

from __future__ import annotations

import json
from typing import Any

import torch

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.language_models.causal_generator import (
    LanguageModelConfig,
    LanguageModelGenerator,
    StoredLanguageModel,
)
from seqgan_kit.sequences.language_models.model_files import (
    FRESH,
    load_language_model,
    read_settings,
)
from seqgan_kit.sequences.language_models.numbering import SPECIAL_IDS, ModelIds


def build_language_model(
    name: str,
    config: LanguageModelConfig,
    vocabulary: int,
    length: int,
    *,
    model_ids: ModelIds | None,
    bos: int,
    eos: int | None,
    pad: int | None,
    given: int = 0,
    rng: torch.Generator | None = None,
) -> LanguageModelGenerator:
    """Load or build a language model for V tokens, T written positions and S given tokens.

    Args:
        name: a folder, a model of the hub, or ``config:FILE`` for random weights.
        config: settings.
        vocabulary: V.
        length: T.
        model_ids: the model's special ids that the tokenizer names; None for a tokenizer of the kit.
        bos: id of the first input.
        eos: id of the end.
        pad: id after the end.
        given: S.
        rng: source of random weights.
    """
    if not name:
        raise UsageError(
            "--generator hf needs a model: give --generator hf:FOLDER, hf:NAME of a model of the hub, or "
            "hf:config:FILE for random weights."
        )
    if name.startswith(FRESH):
        model, architecture = None, read_settings(name.removeprefix(FRESH))
    elif model_ids is None:
        raise UsageError(
            f"the language model {name} has a tokenizer of its own: add --tokenizer hf:{name}."
        )
    else:
        model = load_language_model(name, trains_all=not config.lora_rank)
        architecture = model.config.to_dict()
        _check_vocabulary(name, model, vocabulary)
    ids = model_ids or ModelIds()
    stored = StoredLanguageModel(
        **vars(config),
        architecture=json.dumps(_essential(architecture), sort_keys=True),
        model_bos=ids.bos,
        model_eos=ids.eos,
        model_unk=ids.unk,
    )
    special: dict[str, Any] = {"bos": bos, "eos": eos, "pad": pad, "given": given}
    return LanguageModelGenerator(stored, vocabulary, length, **special, rng=rng, model=model)


def _check_vocabulary(name: str, model: Any, vocabulary: int) -> None:
    rows, wanted = len(model.get_output_embeddings().weight), vocabulary - SPECIAL_IDS
    if wanted > rows:
        raise UsageError(
            f"the tokenizer has {wanted:,} tokens, but {name} knows only {rows:,}: they belong to different "
            f"models. Give --tokenizer hf:{name}."
        )


def _essential(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of the network, without those of generation and of the file."""
    dropped = ("torch_dtype", "dtype", "transformers_version", "_name_or_path", "architectures")
    return {key: value for key, value in settings.items() if key not in dropped}
