"""The choice of a generator, as settings, and the function that builds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch

from seqgan_kit.core.runs.machine.memory import check_training_memory
from seqgan_kit.errors import UsageError, unknown
from seqgan_kit.sequences.discriminators.attentive_reader import AttentiveReaderConfig
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.generators.pair_reader import PairReader
from seqgan_kit.sequences.generators.relational_memory import RelationalConfig, RelationalGenerator
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig, RNNSearchGenerator
from seqgan_kit.sequences.generators.transformer import TransformerConfig, TransformerGenerator
from seqgan_kit.sequences.generators.transformer_seq2seq import Seq2SeqConfig, Seq2SeqGenerator
from seqgan_kit.sequences.language_models.building import build_language_model
from seqgan_kit.sequences.language_models.causal_generator import (
    LanguageModelConfig,
    LanguageModelGenerator,
    StoredLanguageModel,
)
from seqgan_kit.sequences.language_models.numbering import ModelIds

# Name -> (settings, network). The names are both the options of GeneratorChoice and its other fields.
GENERATORS: dict[str, tuple[type[Any], type[Any]]] = {
    "lstm": (LSTMConfig, LSTMGenerator),
    "transformer": (TransformerConfig, TransformerGenerator),
    "relational": (RelationalConfig, RelationalGenerator),
    "rnn_search": (RNNSearchConfig, RNNSearchGenerator),
    "transformer_seq2seq": (Seq2SeqConfig, Seq2SeqGenerator),
    "pair_reader": (AttentiveReaderConfig, PairReader),
    # A language model is described in other words when it is saved than when it is chosen.
    "hf": (StoredLanguageModel, LanguageModelGenerator),
}
ENCODER_DECODERS = ("rnn_search", "transformer_seq2seq")
"""Encoder-decoders, which need a source."""
CLASSIFIERS = ("pair_reader",)
"""Readers of two texts, which need a source and write labels."""


@dataclass(frozen=True)
class GeneratorChoice:
    """The token-by-token generator, and the settings of each option."""

    generator: Literal[
        "lstm",
        "transformer",
        "relational",
        "rnn_search",
        "transformer_seq2seq",
        "pair_reader",
        "hf",
    ] = "lstm"
    """Name of the generator network. pair_reader classifies two texts: its source is 'text | text'. hf:MODEL
    is a causal language model of the transformers library (a folder, a name on the hub, or config:FILE for
    random weights)."""
    generator_model: str = ""
    """The language model (--generator hf:MODEL sets both)."""
    lstm: LSTMConfig = LSTMConfig()
    transformer: TransformerConfig = TransformerConfig()
    relational: RelationalConfig = RelationalConfig()
    rnn_search: RNNSearchConfig = RNNSearchConfig()
    transformer_seq2seq: Seq2SeqConfig = Seq2SeqConfig()
    pair_reader: AttentiveReaderConfig = AttentiveReaderConfig()
    hf: LanguageModelConfig = LanguageModelConfig()


def build_generator(
    choice: GeneratorChoice,
    vocabulary: int,
    length: int,
    *,
    bos: int,
    eos: int | None,
    pad: int | None,
    given: int = 0,
    source_vocabulary: int = 0,
    model_ids: tuple[int, int, int] | None = None,
    rng: torch.Generator | None = None,
) -> SequenceGenerator:
    """Build the chosen network for V tokens, T written positions and S given tokens.

    Given tokens may have ``source_vocabulary`` ids of their own, from V on. ``model_ids`` are a language
    model's special ids if the tokenizer is its own.
    """
    if choice.generator not in GENERATORS:
        raise unknown("generator", choice.generator, GENERATORS)
    if choice.generator == "hf" and not isinstance(choice.hf, StoredLanguageModel):
        if source_vocabulary:
            raise UsageError(
                "a language model reads sources in its own vocabulary: leave out --source-tokenizer."
            )
        special: dict[str, Any] = {"bos": bos, "eos": eos, "pad": pad, "given": given}
        ids = None if model_ids is None else ModelIds(*model_ids)
        name, settings = choice.generator_model, choice.hf
        return build_language_model(
            name, settings, vocabulary, length, model_ids=ids, **special, rng=rng
        )
    network: Callable[..., SequenceGenerator] = GENERATORS[choice.generator][1]
    config = getattr(choice, choice.generator)
    tokens: dict[str, Any] = {"bos": bos, "eos": eos, "pad": pad, "given": given}
    if source_vocabulary:
        tokens["source_vocabulary"] = source_vocabulary
    make = partial(network, config, vocabulary, length, **tokens)
    what = f"a {choice.generator} on {vocabulary + source_vocabulary:,} tokens"
    check_training_memory(what, make, config, vocabulary + source_vocabulary)
    return make(rng=rng)
