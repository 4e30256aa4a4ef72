"""Generators that encode their source apart: padding is not read, steps agree with whole rows, G learns."""

from dataclasses import replace

import pytest
import torch

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.generator_choice import (
    ENCODER_DECODERS,
    GeneratorChoice,
    build_generator,
)
from seqgan_kit.sequences.generators.given_tokens import source_mask
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig
from seqgan_kit.sequences.generators.row_groups import RowGroups
from seqgan_kit.sequences.generators.transformer_seq2seq import Seq2SeqConfig
from seqgan_kit.sequences.sampling.beam_search import beam_search
from seqgan_kit.sequences.sampling.rollout import complete_prefixes

every_kind = pytest.mark.parametrize("kind", ENCODER_DECODERS)
TINY = {
    "rnn_search": RNNSearchConfig(embedding=12, hidden=16, dropout=0.1),
    "transformer_seq2seq": Seq2SeqConfig(width=16, layers=2, heads=2, dropout=0.1, initial_std=0.2),
}


def make(kind, given=4, length=5, vocabulary=9):
    choice = replace(GeneratorChoice(kind), **{kind: TINY[kind]})
    rng = torch.Generator().manual_seed(0)
    tokens = {"bos": 1, "eos": 2, "pad": 0}
    return build_generator(choice, vocabulary, length, given=given, rng=rng, **tokens)


def rows_of(n, given=4, length=5):
    """Copying tasks: the target is the source backwards, EOS and PAD after it; sources differ in length."""
    rng = torch.Generator().manual_seed(1)
    rows = torch.zeros(n, given + length, dtype=torch.int64)
    for row in rows:
        size = int(torch.randint(1, given + 1, (), generator=rng))
        source = torch.randint(3, 9, (size,), generator=rng)
        row[:size], row[given : given + size], row[given + size] = source, source.flip(0), 2
    return rows


@every_kind
def test_padding_of_a_source_changes_nothing(kind):
    """A row read beside longer ones, or by itself, has the same probabilities."""
    generator, rows = make(kind).eval(), rows_of(8)
    together = generator.log_probs(rows)
    for row, log_probs in zip(rows, together, strict=True):
        torch.testing.assert_close(
            generator.log_probs(row[None])[0], log_probs, rtol=1e-4, atol=1e-5
        )


@every_kind
def test_the_order_of_a_source_matters(kind):
    generator, rows = make(kind).eval(), rows_of(8)
    rows = rows[(rows[:, :4] > 0).all(1)]
    other = rows.clone()
    other[:, :4] = rows[:, :4].flip(1)
    assert (generator.log_probs(rows) - generator.log_probs(other)).abs().max() > 1e-3


@every_kind
def test_it_learns_to_turn_a_source_round_and_greedy_search_finds_it(kind):
    torch.manual_seed(3)
    generator, rows = make(kind), rows_of(64)
    learn = torch.optim.Adam(generator.parameters(), 1e-2)
    for _ in range(150):
        learn.zero_grad()
        mask = generator.token_mask(rows)
        loss = -generator.weighted_log_prob(rows, mask) / mask.sum()
        loss.backward()
        learn.step()
    found = beam_search(generator, rows[:, :4], 1).rows[:, 0]
    assert (found == rows).all(1).float().mean() > 0.9
    greedy = generator.eval().sample(
        64, given=rows[:, :4], top_k=1, rng=torch.Generator().manual_seed(0)
    )
    assert torch.equal(found, greedy)


@every_kind
def test_without_a_source_it_is_refused(kind):
    with pytest.raises(
        UsageError, match=f"the generator {kind} reads a source, and nothing is given"
    ):
        make(kind, given=0)


def test_what_is_read_of_a_source():
    given = torch.tensor([[3, 0, 4, 0], [0, 0, 0, 0]])
    assert source_mask(given, 0).tolist() == [
        [True, True, True, False],
        [True, False, False, False],
    ]
    assert source_mask(given, None).all()


def test_what_the_output_layer_reads_is_not_squashed():
    """On Multi30k a squashing readout saturated in the first epoch and ended all gradients below it."""
    generator, rows = make("rnn_search").eval(), rows_of(8)
    with torch.no_grad():
        before = generator.prefix_states(rows)
        generator.readout.weight.mul_(100)
        torch.testing.assert_close(generator.prefix_states(rows), 100 * before)


def test_rows_of_a_source_share_its_encoding_and_complete_as_copies_do():
    generator, rows = make("rnn_search").eval(), rows_of(12)
    with torch.no_grad():
        stepper = generator.stepper()
        states = stepper.rows(rows[:3, :4].repeat_interleave(6, 0))
        assert [len(part) for part in states.sources] == [3, 3, 3]
        assert len(states.read(torch.full((18,), 1))) == 18
        states.keep(torch.tensor([1, 12, 13, 15]))
        assert [len(part) for part in states.sources] == [2, 2, 2]
        given = rows[[0, 2, 2, 2], :4]
        alone = generator.advance(torch.full((4,), 1), generator.start(given))[1]
        expected = generator.advance(torch.full((4,), 5), alone)[0]
        torch.testing.assert_close(states.read(torch.full((4,), 5)), expected, rtol=1e-4, atol=1e-5)
        copying = replace(stepper, cached=None, beginnings=None)
        for chunk in (512, 7):
            found, copied = (
                complete_prefixes(s, rows, 3, torch.Generator().manual_seed(2), chunk)
                for s in (stepper, copying)
            )
            assert torch.equal(found, copied)


def test_rows_in_groups_keep_their_places():
    groups = RowGroups(torch.tensor([2, 2, 2, 5, 7, 7]))
    assert (groups.owners.tolist(), groups.most, groups.use) == ([2, 5, 7], 3, 6 / 9)
    rows = torch.arange(1.0, 7).unsqueeze(1)
    laid = groups.laid_out(rows)
    assert laid.squeeze(2).tolist() == [[1, 2, 3], [4, 0, 0], [5, 6, 0]]
    assert torch.equal(groups.of_rows(laid), rows)
    groups.keep(torch.tensor([1, 3, 5]))
    laid = groups.laid_out(rows[[1, 3, 5]])
    assert laid.squeeze(2).tolist() == [[0, 2, 0], [4, 0, 0], [0, 6, 0]]
    assert groups.of_rows(laid).flatten().tolist() == [2, 4, 6]
    assert groups.group.tolist() == [0, 1, 2]
