"""The generator that writes labels of two texts."""

import itertools

import pytest
import torch

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.discriminators.attentive_reader import AttentiveReaderConfig
from seqgan_kit.sequences.generators.pair_reader import PairReader

SPLIT = 3
GIVEN = torch.tensor([[4, 5, 3, 6, 0, 0], [6, 3, 5, 4, 6, 0], [4, 5, 6, 0, 0, 0]])


def reader(attention=True) -> PairReader:
    torch.manual_seed(0)
    config = AttentiveReaderConfig(6, 5, attention, 0.0)
    made = PairReader(config, 7, 3, bos=1, eos=2, pad=0, given=6).eval()
    made.split_at([SPLIT])
    return made


def after(given: torch.Tensor) -> torch.Tensor:
    written = torch.tensor(list(itertools.product(range(7), repeat=3)))
    return torch.cat([given.repeat(len(written), 1), written], 1)


@pytest.mark.parametrize("attention", [True, False])
def test_probabilities_after_a_source_sum_to_one(attention):
    for given in GIVEN:
        total = reader(attention).sequence_log_prob(after(given)).double().exp().sum()
        assert total.item() == pytest.approx(1, abs=1e-5)


def test_stepping_gives_the_logits_of_whole_rows():
    made = reader()
    rows = torch.cat([GIVEN, torch.tensor([[4, 2, 0], [5, 6, 2], [6, 6, 6]])], 1)
    whole, state = made.prefix_states(rows), made.start(GIVEN)
    for at, token in enumerate([torch.ones(3, dtype=torch.int64), *rows[:, 6:8].unbind(1)]):
        hidden, state = made.advance(token, state)
        torch.testing.assert_close(hidden, whole[:, at])


def test_the_delimiter_parts_the_texts_wherever_it_stands():
    """As the trunk reads both texts; without a delimiter all of it is the second."""
    made = reader()
    first = torch.tensor([[4, 5, 0, 0, 0, 0], [6, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    second = torch.tensor([[6, 0, 0, 0, 0, 0], [5, 4, 6, 0, 0, 0], [4, 5, 6, 0, 0, 0]])
    wanted = made.reader(torch.cat([first, second], 1))
    torch.testing.assert_close(made.start(GIVEN)[0], wanted)


def test_the_delimiter_is_saved_with_the_weights():
    other = PairReader(AttentiveReaderConfig(6, 5), 7, 3, bos=1, eos=2, pad=0, given=6)
    other.load_state_dict(reader().state_dict())
    assert other.delimiter == SPLIT


def test_what_it_cannot_read_is_refused():
    config = AttentiveReaderConfig(6, 5)
    with pytest.raises(UsageError, match="pair_reader reads a source, and nothing is given"):
        PairReader(config, 7, 3, bos=1, eos=2, pad=0)
    with pytest.raises(UsageError, match="needs PAD"):
        PairReader(config, 7, 3, bos=1, eos=None, pad=None, given=2)
    with pytest.raises(UsageError, match="needs one token between its two texts, and got 2"):
        reader().split_at([3, 4])
