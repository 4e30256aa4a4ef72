"""A generator for each class, as one conditional generator whose given token is the class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.bounds import Size, Weight, bounded
from seqgan_kit.core.recurrence import recurrent_precision
from seqgan_kit.core.runs.machine.memory import check_training_memory
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.hierarchical.product_layer import ProductLayer, products
from seqgan_kit.sequences.generators.lstm import lstm_cell
from seqgan_kit.sequences.sampling.rows_in_progress import State
from seqgan_kit.sequences.sampling.stepper import Stepper


@dataclass(frozen=True)
@bounded
class ClassLSTMsConfig:
    """Settings of the LSTMs, which are equal for all classes."""

    embedding: Size = 200
    """Width of the token embeddings (SentiGAN's code: 200)."""
    hidden: Size = 200
    """Width of each LSTM (SentiGAN's code: 200)."""
    initial_std: Weight | None = 0.1
    """Standard deviation of the initial parameters, N(0, std). None: torch's own initialisation."""


class ClassGenerators(SequenceGenerator):
    """k LSTMs with embeddings and output layers of their own; a row's class decides which one writes it.

    The hidden state [B,k*(H+1)] of a row is that of its LSTM, at the place of its class, and 0 elsewhere, so
    one output layer holds those of all classes. Reading whole rows costs as much as with one LSTM, except for
    the output layer; a step costs k times as much.

    Args:
        config: sizes.
        vocabulary, length, bos, eos, pad, given: as in the base class; ``given`` is 1, the class.
        source_vocabulary: k+1, the ids of the given token; the first stands for an unknown class.
    """

    def __init__(
        self,
        config: ClassLSTMsConfig,
        vocabulary: int,
        length: int,
        *,
        bos: int,
        eos: int | None,
        pad: int | None,
        given: int = 0,
        source_vocabulary: int = 0,
        rng: torch.Generator | None = None,
    ):
        if given != 1 or source_vocabulary < 3:
            raise UsageError(
                f"a generator for each class got {given} given tokens of {source_vocabulary} ids; it needs "
                "one, the class, and at least 2 classes: give --label-column."
            )
        self.classes = source_vocabulary - 1
        width = self.classes * (config.hidden + 1)
        layer = ProductLayer(vocabulary, width)
        super().__init__(
            vocabulary, length, width, bos, eos, pad, given, source_vocabulary, output=layer
        )
        self.config = config
        self.lstms = nn.ModuleList(_Network(config, vocabulary) for _ in range(self.classes))
        if config.initial_std is not None:
            for parameter in self.parameters():
                nn.init.normal_(parameter, 0.0, config.initial_std, generator=rng)

    def class_of(self, given: Tensor) -> Tensor:
        """Return the number of the class, 0 ... k-1, of given tokens [...]; an unknown one counts as the
        first."""
        return (given - self.vocabulary - 1).clamp(0, self.classes - 1)

    def encode(self, inputs: Tensor) -> Tensor:
        """See the base class; ``inputs`` are ids, the class first."""
        chosen = self.class_of(inputs[:, 0])
        with recurrent_precision(inputs):
            order: list[Tensor] = []
            read: list[Tensor] = []
            for number, network in enumerate(self._networks()):
                rows = (chosen == number).nonzero().squeeze(1)
                if len(rows):
                    order.append(rows)
                    read.append(network(inputs[rows, 1:]))
        hidden = torch.cat(read)[torch.cat(order).argsort()]
        hidden = F.pad(hidden, (0, 0, 1, 0))  # Nothing is written after the class alone.
        return products(self._one_hot(chosen, hidden).unsqueeze(1), hidden)

    def start(self, given: Tensor) -> State:
        """Return the class [B], and hidden and cell states [B,H]."""
        zeros = self.output.weight.new_zeros(len(given), self.config.hidden, device=given.device)
        return self.class_of(given[:, 0]), zeros, zeros

    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """See the base class; ``inputs`` are ids."""
        with recurrent_precision(inputs):
            return self._advance(*self._tables(), inputs, state)

    def stepper(self) -> Stepper:
        """Return a stepper with the input products of all tokens and classes."""
        with torch.no_grad(), recurrent_precision(self.output.weight):
            tables = self._tables()

        def advance(tokens: Tensor, state: State) -> tuple[Tensor, State]:
            with recurrent_precision(tokens):
                return self._advance(*tables, tokens, state)

        return replace(super().stepper(), advance=advance)

    def _networks(self) -> Sequence[_Network]:
        return cast("Sequence[_Network]", self.lstms)

    def _tables(self) -> tuple[Tensor, Tensor]:
        """Return input products [k*V,4H], and recurrent weights with the biases [4H,k*(H+1)]."""
        of_inputs, of_states = zip(*(network.tables() for network in self._networks()), strict=True)
        return torch.cat(of_inputs), torch.cat(of_states, 1)

    def _advance(
        self, of_inputs: Tensor, of_states: Tensor, inputs: Tensor, state: State
    ) -> tuple[Tensor, State]:
        chosen, hidden, cell = state
        one_hot = self._one_hot(chosen, hidden)
        gates = of_inputs.index_select(0, chosen * self.vocabulary + inputs)
        gates = gates + F.linear(products(one_hot, hidden), of_states)
        hidden, cell = lstm_cell(gates, cell)
        return products(one_hot, hidden), (chosen, hidden, cell)

    def _one_hot(self, chosen: Tensor, like: Tensor) -> Tensor:
        return F.one_hot(chosen, self.classes).to(like.dtype)


class _Network(nn.Module):
    """The embedding and the LSTM of one class."""

    def __init__(self, config: ClassLSTMsConfig, vocabulary: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, config.embedding)
        self.lstm = nn.LSTM(config.embedding, config.hidden, batch_first=True)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map ids [B,n] to hidden states [B,n,H]."""
        hidden: Tensor = self.lstm(self.embedding(inputs))[0]
        return hidden

    def tables(self) -> tuple[Tensor, Tensor]:
        """Return the input products of all tokens [V,4H], and the recurrent weights with the bias
        [4H,H+1]."""
        of_inputs, of_states, bias, recurrent_bias = self.lstm.all_weights[0]
        together = torch.cat([of_states, (bias + recurrent_bias).unsqueeze(1)], 1)
        return F.linear(self.embedding.weight, of_inputs), together


def build_class_generators(
    config: ClassLSTMsConfig,
    vocabulary: int,
    length: int,
    *,
    bos: int,
    eos: int | None,
    pad: int | None,
    given: int,
    source_vocabulary: int,
) -> ClassGenerators:
    """Build the generators for V tokens and T positions, if they fit into memory."""
    ids: dict[str, Any] = {
        "bos": bos,
        "eos": eos,
        "pad": pad,
        "given": given,
        "source_vocabulary": source_vocabulary,
    }
    make = partial(ClassGenerators, config, vocabulary, length, **ids)
    what = f"{source_vocabulary - 1} generators on {vocabulary:,} tokens"
    check_training_memory(what, make, config, vocabulary)
    return make()
