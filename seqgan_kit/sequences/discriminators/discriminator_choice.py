"""The choice of a discriminator, as settings, and the function that builds it.

A trunk maps [B,T] ids or [B,T,V] soft one-hots to features [B,F] and has the attribute ``features`` (F).
``relgan_cnn`` returns [B,S,F], from S representations of each sequence, so it has S scores per sequence;
``step_reader`` has a score of every prefix. Trunks with ``reads_pairs`` are told how many of the T tokens are
given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.runs.machine.memory import check_training_memory
from seqgan_kit.errors import unknown
from seqgan_kit.sequences.discriminators.attentive_reader import (
    AttentiveReader,
    AttentiveReaderConfig,
)
from seqgan_kit.sequences.discriminators.birnn import BiRNN, BiRNNConfig
from seqgan_kit.sequences.discriminators.pair_cnn import PairCNN, PairCNNConfig
from seqgan_kit.sequences.discriminators.pair_rnn import PairRNN, PairRNNConfig
from seqgan_kit.sequences.discriminators.pair_scorer import check_pairs
from seqgan_kit.sequences.discriminators.pair_textcnn import PairTextCNN, PairTextCNNConfig
from seqgan_kit.sequences.discriminators.relgan_discriminator import RelGANCNN, RelGANCNNConfig
from seqgan_kit.sequences.discriminators.step_reader import StepReader, StepReaderConfig
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.discriminators.transformer_reader import (
    TransformerReader,
    TransformerReaderConfig,
)
from seqgan_kit.sequences.generators.char_resnet import CharResNet, CharResNetConfig
from seqgan_kit.sequences.language_models.numbering import ModelIds
from seqgan_kit.sequences.language_models.reader import (
    LanguageModelReader,
    ReaderConfig,
    StoredReader,
    build_reader,
)

# The names are both the options of DiscriminatorChoice and its other fields.
DISCRIMINATORS: dict[str, type[Any]] = {
    "textcnn": TextCNN,
    "birnn": BiRNN,
    "transformer_reader": TransformerReader,
    "char_resnet": CharResNet,
    "relgan_cnn": RelGANCNN,
    "pair_cnn": PairCNN,
    "pair_textcnn": PairTextCNN,
    "pair_rnn": PairRNN,
    "step_reader": StepReader,
    "attentive_reader": AttentiveReader,
}


@dataclass(frozen=True)
class DiscriminatorChoice:
    """The discriminator of token sequences, and the settings of each option."""

    discriminator: Literal[
        "textcnn",
        "birnn",
        "transformer_reader",
        "char_resnet",
        "relgan_cnn",
        "pair_cnn",
        "pair_textcnn",
        "pair_rnn",
        "step_reader",
        "attentive_reader",
        "hf",
    ] = "textcnn"
    """Name of the discriminator network; attentive_reader and those called pair_ read a source and what was
    written from it. hf:MODEL is an encoder or a causal language model of the transformers library (a folder,
    a name on the hub, or config:FILE for random weights)."""
    discriminator_model: str = ""
    """The language model (--discriminator hf:MODEL sets both)."""
    textcnn: TextCNNConfig = TextCNNConfig()
    birnn: BiRNNConfig = BiRNNConfig()
    transformer_reader: TransformerReaderConfig = TransformerReaderConfig()
    char_resnet: CharResNetConfig = CharResNetConfig()
    relgan_cnn: RelGANCNNConfig = RelGANCNNConfig()
    pair_cnn: PairCNNConfig = PairCNNConfig()
    pair_textcnn: PairTextCNNConfig = PairTextCNNConfig()
    pair_rnn: PairRNNConfig = PairRNNConfig()
    step_reader: StepReaderConfig = StepReaderConfig()
    attentive_reader: AttentiveReaderConfig = AttentiveReaderConfig()
    hf_reader: ReaderConfig = ReaderConfig()


def build_discriminator(
    choice: DiscriminatorChoice,
    vocabulary: int,
    length: int,
    *,
    pad: int | None,
    given: int = 0,
    model_ids: tuple[int, int, int] | None = None,
) -> Discriminator:
    """Build the chosen trunk for V tokens and whole rows of ``length`` tokens, with a linear score head.

    ``given`` of these tokens are given; only trunks of pairs use the number. ``model_ids`` are a language
    model's special ids if the tokenizer is its own.
    """
    if choice.discriminator == "hf":
        return _language_model(choice, vocabulary, length, pad, model_ids)
    if choice.discriminator not in DISCRIMINATORS:
        raise unknown("discriminator", choice.discriminator, DISCRIMINATORS)
    config = getattr(choice, choice.discriminator)
    trunk_of: Callable[..., Any] = DISCRIMINATORS[choice.discriminator]
    make = partial(trunk_of, config, vocabulary, length, pad=pad)
    if getattr(trunk_of, "reads_pairs", False):
        check_pairs(choice.discriminator, given, length)
        make = partial(make, given=given)
    what = f"a {choice.discriminator} on {vocabulary:,} tokens"
    check_training_memory(what, make, config, vocabulary)
    trunk = make()
    return Discriminator(trunk, trunk.features)


def _language_model(
    choice: DiscriminatorChoice,
    vocabulary: int,
    length: int,
    pad: int | None,
    model_ids: tuple[int, int, int] | None,
) -> Discriminator:
    config = choice.hf_reader
    if isinstance(config, StoredReader):
        trunk = LanguageModelReader(config, vocabulary, length, pad=pad)
    else:
        ids = None if model_ids is None else ModelIds(*model_ids)
        name = choice.discriminator_model
        trunk = build_reader(name, config, vocabulary, length, pad=pad, model_ids=ids)
    return Discriminator(trunk, trunk.features)
