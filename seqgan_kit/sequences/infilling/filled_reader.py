"""A discriminator of fills: a score of each token of a text, given the text with its blanks."""

from __future__ import annotations

from torch import Tensor, nn

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.infilling.infilling_generator import InfillingConfig, InfillingGenerator


class FilledReader(nn.Module):
    """An encoder-decoder that reads a text with blanks, then the filled text from left to right.

    The features of position t depend on the text with blanks and on the first t tokens. With features
    [B,T,F], ``Discriminator`` returns T scores per row. Given the blanks, it can tell which of two words that
    do not go together was there before (Fedus et al. 2018, section 2.2).

    Args:
        config: the encoder-decoder.
        vocabulary: V.
        length: 2T.
        pad: the padding token.
    """

    rows_are_independent = True
    reads_pairs = True

    def __init__(
        self, config: InfillingConfig, vocabulary: int, length: int, *, bos: int, pad: int | None
    ):
        super().__init__()
        self.config, self.length, self.given = config, length, length // 2
        self.bos, self.pad = bos, pad
        self.scores_per_sample = length // 2
        self.body = config.build(vocabulary, length // 2, bos=bos, eos=None, pad=None)
        self.body.pad = pad
        self.features = int(self.body.output.in_features)
        self.body.output = nn.Identity()  # It writes nothing.

    def scored(self, rows: Tensor) -> Tensor:
        """Return True [B,T] on the filled blanks of rows [B,2T]."""
        blanks, filled = rows[:, : self.given] == self.bos, rows[:, self.given :]
        return blanks if self.pad is None else blanks & (filled != self.pad)

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows [B,2T] to features [B,T,F]."""
        return self.body.encode(rows)[:, self.given :]

    def start_from(self, generator: InfillingGenerator) -> None:
        """Take the weights of a generator's encoder-decoder."""
        self.body.load_state_dict(_of_body(generator.body))


def check_same_sizes(reader: FilledReader, generator: InfillingGenerator) -> None:
    """Raise UsageError if the reader cannot start from the generator's weights."""
    ours, theirs = ({k: v.shape for k, v in _of_body(x.body).items()} for x in (reader, generator))
    if ours != theirs:
        raise UsageError(
            "the discriminator starts from the generator's weights, but their encoder-decoders differ in "
            "size: give both the same sizes, or --discriminator-start random."
        )


def _of_body(body: nn.Module) -> dict[str, Tensor]:
    """Return the weights of an encoder-decoder without its output layer."""
    return {k: v for k, v in body.state_dict().items() if not k.startswith("output.")}


def build_filled_reader(
    config: InfillingConfig, vocabulary: int, length: int, *, bos: int, pad: int | None
) -> Discriminator:
    """Build the discriminator for V tokens and texts of T = ``length`` tokens."""
    trunk = FilledReader(config, vocabulary, 2 * length, bos=bos, pad=pad)
    return Discriminator(trunk, trunk.features)


def blank_scores(discriminator: Discriminator, rows: Tensor) -> Tensor:
    """Return the scores [B,T] of the written tokens of rows [B,2T]."""
    score: Tensor = discriminator(rows).score
    return score.view(len(rows), -1)
