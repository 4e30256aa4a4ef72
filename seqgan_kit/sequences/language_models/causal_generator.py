"""A causal language model of the transformers library as a generator.

Probabilities, masks and samples are those of every other generator: PAD and BOS are never written, and PAD
follows EOS. How the model's ids correspond to the tokenizer's is in ``numbering.py``.
"""

from __future__ import annotations

import inspect
import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.bounds import Count, Positive, bounded
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.autoregressive import IMPOSSIBLE, SequenceGenerator
from seqgan_kit.sequences.generators.given_tokens import source_mask
from seqgan_kit.sequences.language_models.adapters import add_adapters, without_adapters
from seqgan_kit.sequences.language_models.model_files import fresh_language_model
from seqgan_kit.sequences.language_models.numbering import NONE, ModelIds, Numbering, numbering
from seqgan_kit.sequences.sampling.rows_in_progress import State

Separator = Literal["nothing", "bos"]


@dataclass(frozen=True)
@bounded
class LanguageModelConfig:
    """Settings of a language model of the transformers library (``--generator hf:MODEL``)."""

    lora_rank: Count = 0
    """Rank of LoRA adapters (Hu et al. 2022), the only parameters that are trained then; 0 trains all."""
    lora_alpha: Positive = 16
    """Scale of the adapters: alpha / rank times their output is added."""
    lora_targets: tuple[str, ...] = ()
    """Names of the linear layers with adapters (default: those that peft chooses for the architecture)."""
    checkpointing: bool = False
    """Gradient checkpointing: recompute activations in the backward pass. It saves memory and takes about a
    third more time."""
    separator: Separator = "nothing"
    """What the model reads between given and written tokens: nothing, or its first token (bos) once more."""


@dataclass(frozen=True)
class StoredLanguageModel(LanguageModelConfig):
    """Everything that a language model's weights do not say: its settings, and what it was loaded with."""

    architecture: str = ""
    """Settings of the network: the content of the library's config.json."""
    model_bos: int = NONE
    model_eos: int = NONE
    model_unk: int = NONE


class LanguageModelGenerator(SequenceGenerator):
    """A causal language model.

    Padding between given and written tokens is masked and takes no position, so a row's probabilities do not
    depend on S. The state holds keys and values [B,heads,t,d] of every layer, the mask [B,t] of the tokens
    that were read, and the last hidden states [B,H].

    Args:
        config: description of the network.
        vocabulary: V, of the tokenizer.
        length: T.
        bos: id of the first input.
        eos: id of the end.
        pad: id after the end.
        given: S.
        rng: source of random weights.
        model: the network with its weights; None to build it from the description.
    """

    model_ids: Tensor

    def __init__(
        self,
        config: StoredLanguageModel,
        vocabulary: int,
        length: int,
        *,
        bos: int,
        eos: int | None,
        pad: int | None,
        given: int = 0,
        rng: torch.Generator | None = None,
        model: Any = None,
    ):
        ids = ModelIds(config.model_bos, config.model_eos, config.model_unk)
        numbered = numbering(vocabulary, ids)
        if model is None:
            size = numbered.model_size
            model = fresh_language_model(json.loads(config.architecture), size, ids, rng)
        head = OutputLayer(model.get_output_embeddings(), numbered)
        width = head.in_features
        super().__init__(vocabulary, length, width, bos, eos, pad, given, output=head)
        self.config, self.numbering = config, numbered
        _check_context(model, given + length)
        if config.checkpointing:
            _recompute_activations(model)
        self.model = add_adapters(model, config) if config.lora_rank else model
        # Releases of the library differ in this name.
        known = inspect.signature(self.model.base_model.forward).parameters
        self._cache_argument = "cache" if "cache" in known else "past_key_values"
        self.register_buffer("model_ids", numbered.model_ids(), persistent=False)
        self.impossible[list(numbered.never_written)] = IMPOSSIBLE

    def encode(self, inputs: Tensor) -> Tensor:
        """See the base class; the hidden states of the S given positions are zeros."""
        soft = inputs.is_floating_point()
        given = inputs[:, : self.given]
        seen = self._seen(given.argmax(2) if soft else given)
        mask = F.pad(seen, (0, inputs.shape[1] - self.given), value=True)
        skips = self.given and self.config.separator == "nothing"
        if skips:
            mask[:, self.given] = False
        hidden = self._read(inputs, mask)[0]
        written = hidden[:, self.given :]
        if skips:
            # The first token is written after the last given one, and the input BOS is skipped.
            last = _last(hidden[:, : self.given], seen)
            written = torch.cat([last.unsqueeze(1), written[:, 1:]], 1)
        return F.pad(written, (0, 0, self.given, 0))

    def start(self, given: Tensor) -> State:
        """Return keys and values of the condition, its mask [B,S] and its last hidden state [B,H]."""
        if not self.given:
            width = self.output.in_features
            empty = [self._no_keys(len(given), given.device) for _ in range(self._cached_tensors())]
            mask = torch.ones(len(given), 0, dtype=torch.bool, device=given.device)
            return (*empty, mask, empty[0].new_zeros(len(given), width))
        seen = self._seen(given)
        hidden, cache = self._read(given, seen, caches=True)
        return (*cache, seen, _last(hidden, seen))

    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """See the base class."""
        *cache, mask, last = state
        if mask.shape[1] == self.given and self.given and self.config.separator == "nothing":
            return last, (*state[:-2], F.pad(mask, (0, 1), value=False), last)
        skipped = mask.shape[1] - cache[0].shape[2]
        mask = F.pad(mask, (0, 1), value=True)
        kept = torch.cat([mask[:, : self.given], mask[:, self.given + skipped :]], 1)
        hidden, following = self._read(inputs.unsqueeze(1), kept, tuple(cache), caches=True)
        return hidden[:, 0], (*following, mask, hidden[:, 0])

    def base_policy(self) -> AbstractContextManager[None]:
        """Return a context in which the model is the one before training, with its adapters off."""
        if not self.config.lora_rank:
            raise UsageError(
                "the model before training is only kept with adapters: set --hf.lora-rank to 1 or more."
            )
        return without_adapters(self.model)

    def scale_logits(self, factor: float) -> None:
        """See the base class."""
        cast(OutputLayer, self.output).scale *= factor

    def _seen(self, given: Tensor) -> Tensor:
        """Return which given tokens are read; PAD in the first position is read as BOS."""
        return source_mask(given, self.pad) if self.given else given.bool()

    def _read(
        self, inputs: Tensor, mask: Tensor, cache: State = (), *, caches: bool = False
    ) -> tuple[Tensor, State]:
        """Return hidden states [B,n,H] of the last n inputs, and keys and values of all [B,heads,t,d].

        Args:
            inputs: [B,n] ids or [B,n,V] soft one-hots.
            mask: [B,t], True on the tokens that are read, of which the last n are the inputs.
            cache: keys and values of the first t - n tokens.
            caches: whether to return keys and values.
        """
        place = (mask.cumsum(1) - 1).clamp(min=0)[:, mask.shape[1] - inputs.shape[1] :]
        options: dict[str, Any] = {"position_ids": place, "use_cache": caches}
        if not mask.all():
            options["attention_mask"] = mask.long()
        kept = _as_cache(cache) if caches else None
        if caches:
            options[self._cache_argument] = kept
        if inputs.is_floating_point():
            options["inputs_embeds"] = inputs @ self._embeddings()
        else:
            options["input_ids"] = self.model_ids[inputs]
        hidden: Tensor = self.model.base_model(**options).last_hidden_state
        return hidden, _as_state(kept) if caches else ()

    def _embeddings(self) -> Tensor:
        """Return the input embeddings [V,H] in the tokenizer's order."""
        return self.numbering.arranged(self.model.get_input_embeddings().weight)

    def _cached_tensors(self) -> int:
        return 2 * int(self.model.config.get_text_config().num_hidden_layers)

    def _no_keys(self, rows: int, device: torch.device) -> Tensor:
        config = self.model.config.get_text_config()
        heads = int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
        width = (
            getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        )
        weight = self.model.get_input_embeddings().weight
        return torch.zeros(rows, heads, 0, int(width), dtype=weight.dtype, device=device)


class OutputLayer(nn.Module):
    """The model's output layer, with its rows in the tokenizer's order."""

    def __init__(self, layer: Any, numbering: Numbering):
        super().__init__()
        # In a list, because the layer's parameters are the model's, which often shares them with its
        # embeddings: here they would be saved and counted twice.
        self._layer, self.numbering, self.scale = [layer], numbering, 1.0
        self.in_features = int(layer.weight.shape[1])

    @property
    def weight(self) -> Tensor:
        """[V,H]."""
        weight = self.numbering.arranged(self._layer[0].weight)
        return weight if self.scale == 1 else weight * self.scale

    @property
    def bias(self) -> Tensor:
        """[V]; zeros for a layer without bias."""
        layer = self._layer[0]
        if getattr(layer, "bias", None) is None:
            return torch.zeros(self.numbering.size, device=layer.weight.device)
        return self.numbering.arranged(layer.bias) * self.scale


def _recompute_activations(model: Any) -> None:
    # Releases of the library differ in this name.
    for name in ("activation_checkpointing_enable", "gradient_checkpointing_enable"):
        if hasattr(model, name):
            getattr(model, name)()
            return


def _last(hidden: Tensor, seen: Tensor) -> Tensor:
    """Return the hidden state [B,H] of the last token that is read, of [B,S,H] and a mask [B,S]."""
    last = seen.sum(1) - 1
    return hidden[torch.arange(len(hidden), device=hidden.device), last]


def _check_context(model: Any, tokens: int) -> None:
    most = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if most is not None and tokens + 1 > most:
        raise UsageError(
            f"rows have {tokens} tokens, but the language model reads at most {most}: lower --max-tokens and "
            "--source-tokens, or use a model with a longer context."
        )


def _as_cache(state: State) -> Any:
    """Return the library's cache of keys and values."""
    cache = import_module("transformers").DynamicCache()
    if state and state[0].shape[2]:
        for layer, start in enumerate(range(0, len(state), 2)):
            cache.update(state[start], state[start + 1], layer)
    return cache


def _as_state(cache: Any) -> State:
    """Return keys and values of all layers."""
    return tuple(part for layer in cache.layers for part in (layer.keys, layer.values))
