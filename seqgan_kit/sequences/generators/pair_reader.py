"""A classifier of two texts as a generator: it reads both and writes a label."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.discriminators.attentive_reader import (
    AttentiveReader,
    AttentiveReaderConfig,
)
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.given_tokens import check_source
from seqgan_kit.sequences.sampling.rows_in_progress import State
from seqgan_kit.sequences.soft_tokens import embed


class PairReader(SequenceGenerator):
    """Reads a source of two texts with a delimiter between them, and writes a label.

        P(y_t | source, y_{t-1}) = softmax(W tanh(U [h*; embedding of y_{t-1}]))

    where h* are the features of :class:`AttentiveReader`. A label of one word is a classification; the next
    token is the end. ``split_at`` sets the delimiter. A source without it is read as the second text, with
    nothing before it.
    """

    delimiter: Tensor

    def __init__(
        self,
        config: AttentiveReaderConfig,
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
        check_source("pair_reader", given)
        if pad is None:
            raise UsageError("the generator pair_reader needs PAD, and this text has none.")
        width = config.hidden
        super().__init__(vocabulary, length, width, bos, eos, pad, given, source_vocabulary)
        self.config, self.blank = config, pad
        self.reader = AttentiveReader(config, self.readable, 2 * given, pad=pad, given=given)
        self.embedding = nn.Embedding(vocabulary, width)
        self.mix = nn.Linear(2 * width, width)
        # A buffer, so that it is saved with the weights.
        self.register_buffer("delimiter", torch.tensor(-1))
        self._initialise(rng)

    def split_at(self, ids: Sequence[int]) -> None:
        """Set the delimiter, the one token between the two texts."""
        if len(ids) != 1:
            raise UsageError(
                f"the generator pair_reader needs one token between its two texts, and got {len(ids)}: use "
                "the word tokenizer, or choose rnn_search."
            )
        self.delimiter.fill_(ids[0])

    def encode(self, inputs: Tensor) -> Tensor:
        """See the base class; the hidden states of the S given positions are zeros."""
        given, written = inputs[:, : self.given], inputs[:, self.given :]
        features = self._features(given).unsqueeze(1).expand(-1, written.shape[1], -1)
        mixed = self.mix(torch.cat([features, embed(self.embedding, written)], 2)).tanh()
        return torch.cat([mixed.new_zeros(len(mixed), self.given, mixed.shape[2]), mixed], 1)

    def start(self, given: Tensor) -> State:
        """Return the features h* [B,H]."""
        return (self._features(given),)

    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """See the base class."""
        mixed = self.mix(torch.cat([state[0], embed(self.embedding, inputs)], 1)).tanh()
        return mixed, state

    def _features(self, given: Tensor) -> Tensor:
        if given.is_floating_point():  # one-hots of a source, which no estimator softens
            given = given.argmax(-1)
        place = torch.arange(given.shape[1], device=given.device)
        found = given == self.delimiter
        at = torch.where(found.any(1), found.long().argmax(1), -1)[:, None]
        first, second = (given.masked_fill(out, self.blank) for out in (place >= at, place <= at))
        features: Tensor = self.reader(torch.cat([first, second], 1))
        return features

    @torch.no_grad()
    def _initialise(self, rng: torch.Generator | None) -> None:
        for name, parameter in self.named_parameters():
            if parameter.dim() < 2:
                parameter.zero_()
            elif name == "reader.embedding.weight":
                # Of word2vec's size: with small ones all states are near 0, and no word stands out.
                parameter.normal_(0.0, 1.0, generator=rng)
            elif name.endswith("embedding.weight"):
                parameter.normal_(0.0, parameter.shape[1] ** -0.5, generator=rng)
            else:
                nn.init.xavier_uniform_(parameter, generator=rng)
        for lstm in (self.reader.first, self.reader.second):
            width = lstm.hidden_size
            lstm.get_parameter("bias_ih_l0")[width : 2 * width] = 1.0
        self.reader.embedding.weight[self.blank].zero_()
