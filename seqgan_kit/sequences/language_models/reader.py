"""A model of the transformers library as a discriminator's trunk: an encoder, or a causal language model."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from seqgan_kit.core.bounds import Count, Positive, bounded
from seqgan_kit.core.files.pretrained_models import transformers_library
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.language_models.adapters import add_adapters
from seqgan_kit.sequences.language_models.model_files import (
    FRESH,
    layers_of,
    load_pretrained,
    read_settings,
    recompute_activations,
)
from seqgan_kit.sequences.language_models.numbering import NONE, ModelIds, numbering
from seqgan_kit.sequences.language_models.quick_layers import quicken


@dataclass(frozen=True)
@bounded
class ReaderConfig:
    """Settings of a model of the transformers library as discriminator (``--discriminator hf:MODEL``)."""

    pooling: Literal["last", "mean"] = "last"
    """Features of a row: the hidden state of its last token, or the mean over its tokens."""
    lora_rank: Count = 0
    """Rank of LoRA adapters, trained with the score head alone; 0 trains all."""
    lora_alpha: Positive = 16
    """Scale of the adapters: alpha / rank times their output is added."""
    lora_targets: tuple[str, ...] = ()
    """Names of the linear layers with adapters (default: those that peft chooses for the architecture)."""
    checkpointing: bool = False
    """Gradient checkpointing: recompute activations in the backward pass. It saves memory and takes about a
    third more time."""


@dataclass(frozen=True)
class StoredReader(ReaderConfig):
    """The settings, and what the model was loaded with."""

    architecture: str = ""
    """Settings of the network: the content of the library's config.json."""
    model_bos: int = NONE
    model_eos: int = NONE
    model_unk: int = NONE


class LanguageModelReader(nn.Module):
    """Hidden states of a language model, pooled over a row.

    Padding, also between given and written tokens, is masked and takes no position.

    Args:
        config: description of the network.
        vocabulary: V.
        length: S+T.
        pad: the padding token, or None.
        model: the network with its weights; None to build it from the description.
    """

    rows_are_independent = True
    model_ids: Tensor

    def __init__(
        self,
        config: StoredReader,
        vocabulary: int,
        length: int,
        *,
        pad: int | None,
        model: Any = None,
    ):
        super().__init__()
        ids = ModelIds(config.model_bos, config.model_eos, config.model_unk)
        self.config, self.length, self.pad = config, length, pad
        self.numbering = numbering(vocabulary, ids)
        if model is None:
            model = _fresh(json.loads(config.architecture), self.numbering.model_size)
        _check_reader(model, length)
        quicken(model)
        if config.checkpointing:
            recompute_activations(model)
        self.features = int(model.config.get_text_config().hidden_size)
        model.config.use_cache = False  # Rows are read once.
        self.model = add_adapters(model, config, "--hf-reader") if config.lora_rank else model
        self._first_place = _first_position(model)
        self.register_buffer("model_ids", self.numbering.model_ids(), persistent=False)

    def separate_blocks(self) -> list[nn.Module]:
        """See :class:`~seqgan_kit.core.sharding.sharded_player.HasBlocks`."""
        return layers_of(self.model)

    def try_rows(self, count: int) -> Tensor:
        """Return the features of rows of S+T tokens, to measure the memory of their gradient."""
        shape, device = (count, self.length), self.model_ids.device
        features: Tensor = self(torch.full(shape, self.numbering.size - 1, device=device))
        return features

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [B,S+T] ids or [B,S+T,V] soft one-hots to features [B,F]."""
        soft = tokens.is_floating_point()
        ids = tokens.argmax(2) if soft else tokens
        mask = torch.ones_like(ids, dtype=torch.bool) if self.pad is None else ids != self.pad
        mask[:, 0] = True  # An empty row would have no state.
        options: dict[str, Any] = {
            "attention_mask": mask.long(),
            "position_ids": (mask.cumsum(1) - 1).clamp(min=0) + self._first_place,
        }
        if soft:
            table = self.numbering.arranged(self.model.get_input_embeddings().weight)
            options["inputs_embeds"] = tokens @ table
        else:
            options["input_ids"] = self.model_ids[tokens]
        hidden: Tensor = self.model(**options).last_hidden_state
        if self.config.pooling == "mean":
            weights = mask.unsqueeze(2).to(hidden.dtype)
            return (hidden * weights).sum(1) / weights.sum(1)
        places = torch.arange(mask.shape[1], device=mask.device)
        last = (places * mask).argmax(1)
        return hidden[torch.arange(len(hidden), device=hidden.device), last]


def build_reader(
    name: str,
    config: ReaderConfig,
    vocabulary: int,
    length: int,
    *,
    pad: int | None,
    model_ids: ModelIds | None,
) -> LanguageModelReader:
    """Load or build a model that reads rows of S+T tokens.

    Args:
        name: a folder, a model of the hub, or ``config:FILE`` for random weights.
        config: settings.
        vocabulary: V.
        length: S+T.
        pad: the padding token, or None.
        model_ids: the model's special ids that the tokenizer names; None for a tokenizer of the kit.
    """
    if not name:
        raise UsageError(
            "--discriminator hf needs a model: give --discriminator hf:FOLDER, hf:NAME of a model of the "
            "hub, or hf:config:FILE for random weights."
        )
    if name.startswith(FRESH):
        model, architecture = None, read_settings(name.removeprefix(FRESH))
    elif model_ids is None:
        raise UsageError(
            f"the language model {name} has a tokenizer of its own: add --tokenizer hf:{name}."
        )
    else:
        model = load_pretrained(name, "AutoModel", trains_all=not config.lora_rank)
        model.config.pad_token_id = None
        architecture = model.config.to_dict()
    ids = model_ids or ModelIds()
    stored = StoredReader(
        **vars(config),
        architecture=json.dumps(architecture, sort_keys=True, default=str),
        model_bos=ids.bos,
        model_eos=ids.eos,
        model_unk=ids.unk,
    )
    reader = LanguageModelReader(stored, vocabulary, length, pad=pad, model=model)
    rows = len(reader.model.get_input_embeddings().weight)
    if reader.numbering.model_size > rows:
        raise UsageError(
            f"the tokenizer has {reader.numbering.model_size:,} tokens, but {name} knows only {rows:,}: they "
            f"belong to different models. Give --tokenizer hf:{name}, or another discriminator."
        )
    return reader


def _fresh(settings: dict[str, Any], vocabulary: int) -> Any:
    transformers = transformers_library()
    settings = {**settings, "vocab_size": max(vocabulary, int(settings.get("vocab_size") or 0))}
    settings.pop("pad_token_id", None)
    kind = settings.pop("model_type", None)
    try:
        config = transformers.AutoConfig.for_model(kind, **settings)
        model = transformers.AutoModel.from_config(config)
    except (OSError, ValueError, KeyError, TypeError) as error:
        line = str(error).strip().partition("\n")[0].rstrip(".")
        raise UsageError(
            f"no model has these settings: {line}. Give the config.json of an encoder or a causal language "
            "model of transformers, with its model_type."
        ) from None
    return model.float()


def _check_reader(model: Any, length: int) -> None:
    kind = type(model).__name__
    if "position_ids" not in inspect.signature(model.forward).parameters:
        raise UsageError(
            f"{kind} cannot be a discriminator: it takes no positions, so padding would change its output. "
            "Use a causal language model, BERT or RoBERTa."
        )
    most = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if most is not None and length + _first_position(model) > most:
        raise UsageError(
            f"rows have {length} tokens, but the discriminator {kind} reads at most "
            f"{most - _first_position(model)}: lower --max-tokens and --source-tokens, or use a model with a "
            "longer context."
        )


def _first_position(model: Any) -> int:
    """Return the number of the first position; models of RoBERTa's family begin after that of padding."""
    table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    return 0 if padding is None else int(padding) + 1
