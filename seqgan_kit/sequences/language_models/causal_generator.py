"""A causal language model of the transformers library as a generator.

Probabilities, masks and samples are those of every other generator: PAD and BOS are never written, and PAD
follows EOS. How the model's ids correspond to the tokenizer's is in ``numbering.py``.
"""

from __future__ import annotations

import inspect
import json
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.bounds import Count, Positive, bounded
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.autoregressive import IMPOSSIBLE, SequenceGenerator
from seqgan_kit.sequences.generators.given_tokens import source_mask
from seqgan_kit.sequences.language_models.adapters import add_adapters, without_adapters
from seqgan_kit.sequences.language_models.model_files import (
    check_context,
    fresh_language_model,
    layers_of,
    recompute_activations,
)
from seqgan_kit.sequences.language_models.numbering import NONE, ModelIds, numbering
from seqgan_kit.sequences.language_models.output_layer import OutputLayer
from seqgan_kit.sequences.language_models.quick_layers import attention_of_one_token, quicken
from seqgan_kit.sequences.language_models.rows_in_place import (
    CACHE_BYTES,
    BeginningsInPlace,
    RowsInPlace,
    as_cache,
    as_state,
    no_keys,
    with_room,
)
from seqgan_kit.sequences.sampling.rows_in_progress import State
from seqgan_kit.sequences.sampling.stepper import Stepper

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
        quicken(model)
        head = OutputLayer(model.get_output_embeddings(), numbered)
        super().__init__(vocabulary, length, head.in_features, bos, eos, pad, given, output=head)
        self.config, self.numbering = config, numbered
        check_context(model, given + length)
        if config.checkpointing:
            recompute_activations(model)
        self.model = add_adapters(model, config) if config.lora_rank else model
        # Releases of the library differ in this name.
        known = inspect.signature(self.model.base_model.forward).parameters
        self._cache_argument = "cache" if "cache" in known else "past_key_values"
        self.register_buffer("model_ids", numbered.model_ids(), persistent=False)
        self.impossible[list(numbered.never_written)] = IMPOSSIBLE

    def encode(self, inputs: Tensor) -> Tensor:
        """See the base class; the hidden states of the S given positions are zeros."""
        return F.pad(self._encoded(inputs)[0], (0, 0, self.given, 0))

    def _encoded(self, inputs: Tensor, *, caches: bool = False) -> tuple[Tensor, State, Tensor]:
        """Return hidden states [B,n+1,H] after BOS and n written tokens, keys and values, and the mask of
        inputs [B,S+1+n] that are read."""
        soft = inputs.is_floating_point()
        given = inputs[:, : self.given]
        seen = self._seen(given.argmax(2) if soft else given)
        mask = F.pad(seen, (0, inputs.shape[1] - self.given), value=True)
        skips = self.given and self.config.separator == "nothing"
        if skips:
            mask[:, self.given] = False
        hidden, cache = self._read(inputs, mask, caches=caches)
        written = hidden[:, self.given :]
        if skips:
            # The first token is written after the last given one, and the input BOS is skipped.
            last = _last(hidden[:, : self.given], seen)
            written = torch.cat([last.unsqueeze(1), written[:, 1:]], 1)
        return written, cache, mask

    def start(self, given: Tensor) -> State:
        """Return keys and values of the condition, its mask [B,S] and its last hidden state [B,H]."""
        if not self.given:
            empty = [no_keys(self.model, len(given), given.device)] * self._cached_tensors()
            mask = torch.ones(len(given), 0, dtype=torch.bool, device=given.device)
            return (*empty, mask, empty[0].new_zeros(len(given), self.output.in_features))
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

    def stepper(self) -> Stepper:
        """Return a stepper whose keys and values are written in place."""
        empty = no_keys(self.model, 1, self.model_ids.device)
        cells = (self.given + self.length) * empty.shape[1] * empty.shape[3]
        row_bytes = cells * self._cached_tensors() * empty.element_size()
        return replace(
            super().stepper(),
            cached=self._cached_rows,
            beginnings=self._read_beginnings,
            most_rows=max(1, CACHE_BYTES // row_bytes),
        )

    def _cached_rows(self, given: Tensor) -> RowsInPlace:
        *cache, mask, last = self.start(given)
        skips = self.given and self.config.separator == "nothing"
        room = self.given + self.length + 1
        kept = [with_room(part, room) for part in cache]
        return RowsInPlace(self._read_token, kept[::2], kept[1::2], mask, last if skips else None)

    def _read_beginnings(self, tokens: Tensor) -> BeginningsInPlace:
        first = torch.full_like(tokens[:, :1], self.bos)
        inputs = torch.cat([tokens[:, : self.given], first, tokens[:, self.given :]], 1)
        hidden, cache, mask = self._encoded(inputs, caches=True)
        return BeginningsInPlace(
            self._read_token, hidden, cache[::2], cache[1::2], mask, self.length
        )

    def _read_token(self, tokens: Tensor, places: Tensor, mask: Tensor, cache: Any) -> Tensor:
        """Read one token [A] of each row at its position [A]; return hidden states [A,H]."""
        options: dict[str, Any] = {self._cache_argument: cache, "use_cache": True}
        if not mask.all():
            options["attention_mask"] = mask.long()
        with attention_of_one_token(self.model):
            found = self.model.base_model(
                input_ids=self.model_ids[tokens].unsqueeze(1),
                position_ids=places.unsqueeze(1),
                **options,
            )
        return cast(Tensor, found.last_hidden_state[:, 0])

    def base_policy(self) -> AbstractContextManager[None]:
        """Return a context in which the model is the one before training, with its adapters off."""
        if not self.config.lora_rank:
            raise UsageError(
                "the model before training is only kept with adapters: set --hf.lora-rank to 1 or more."
            )
        return without_adapters(self.model)

    def separate_blocks(self) -> list[nn.Module]:
        """See :class:`~seqgan_kit.core.sharding.sharded_player.HasBlocks`."""
        return layers_of(self.model)

    def try_rows(self, count: int) -> Tensor:
        """Return the log-probability of rows of S+T tokens, to measure the memory of its gradient."""
        shape, device = (count, self.given + self.length), self.model_ids.device
        rows = torch.full(shape, self.vocabulary - 1, device=device)
        return self.weighted_log_prob(rows, self.token_mask(rows))

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
        kept = as_cache(cache) if caches else None
        if caches:
            options[self._cache_argument] = kept
        if inputs.is_floating_point():
            options["inputs_embeds"] = inputs @ self._embeddings()
        else:
            options["input_ids"] = self.model_ids[inputs]
        hidden: Tensor = self.model.base_model(**options).last_hidden_state
        return hidden, as_state(kept) if caches else ()

    def _embeddings(self) -> Tensor:
        """Return the input embeddings [V,H] in the tokenizer's order."""
        return self.numbering.arranged(self.model.get_input_embeddings().weight)

    def _cached_tensors(self) -> int:
        return 2 * int(self.model.config.get_text_config().num_hidden_layers)


def _last(hidden: Tensor, seen: Tensor) -> Tensor:
    """Return the hidden state [B,H] of the last token that is read, of [B,S,H] and a mask [B,S]."""
    last = seen.sum(1) - 1
    return hidden[torch.arange(len(hidden), device=hidden.device), last]
