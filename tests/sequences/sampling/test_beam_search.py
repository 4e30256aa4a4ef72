"""Beam search against exhaustive search, and what must not change its result."""

import itertools
from dataclasses import replace

import pytest
import torch
from small_worlds import enumerate_sequences

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice, build_generator
from seqgan_kit.sequences.generators.relational_memory import RelationalConfig
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig
from seqgan_kit.sequences.generators.transformer import TransformerConfig
from seqgan_kit.sequences.generators.transformer_seq2seq import Seq2SeqConfig
from seqgan_kit.sequences.sampling.beam_search import beam_search, largest

SOURCES = torch.tensor(list(itertools.product((3, 4), repeat=2)))


@pytest.fixture
def generator(tiny_generator):
    return tiny_generator(5, 3, given=2, initial_std=1.5).eval()


def exhaustive(generator, source, alpha):
    """All rows after a source and their log-probabilities, the best first."""
    written = enumerate_sequences(generator)
    rows = torch.cat([source.expand(len(written), -1), written], 1)
    log_probs = generator.sequence_log_prob(rows).detach()
    lengths = generator.token_mask(rows).sum(1)
    order = (log_probs / ((5 + lengths) / 6) ** alpha).argsort(descending=True)
    return rows[order], log_probs[order]


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_wide_beam_is_exhaustive_search(generator, alpha):
    """15 rows can be written in all, and a beam of 15 loses none of their beginnings."""
    found = beam_search(generator, SOURCES, 15, length_penalty=alpha, n_best=15)
    for number, source in enumerate(SOURCES):
        rows, log_probs = exhaustive(generator, source, alpha)
        assert len(rows) == 15
        assert torch.equal(found.rows[number], rows)
        torch.testing.assert_close(found.log_probs[number], log_probs, rtol=1e-4, atol=1e-5)


def test_a_beam_of_one_is_greedy_search(generator):
    greedy = generator.sample(4, given=SOURCES, top_k=1, rng=torch.Generator().manual_seed(0))
    assert torch.equal(beam_search(generator, SOURCES, 1).rows[:, 0], greedy)


def test_neither_chunks_nor_company_change_what_is_found(generator):
    whole = beam_search(generator, SOURCES, 4, n_best=4)
    parts = beam_search(generator, SOURCES, 4, n_best=4, chunk_rows=5)
    alone = beam_search(generator, SOURCES[2:3], 4, n_best=4)
    assert torch.equal(whole.rows, parts.rows)
    assert torch.equal(whole.rows[2:3], alone.rows)
    assert torch.equal(whole.rows[:, :1], beam_search(generator, SOURCES, 4).rows)
    torch.testing.assert_close(
        whole.log_probs.flatten(), generator.sequence_log_prob(whole.rows.flatten(0, 1)).detach()
    )


TINY = {
    "transformer": TransformerConfig(width=8, layers=2, heads=2, dropout=0.0, initial_std=0.6),
    "relational": RelationalConfig(embedding=4, slots=2, heads=2, head_size=3),
    "rnn_search": RNNSearchConfig(embedding=4, hidden=8, dropout=0.0),
    "transformer_seq2seq": Seq2SeqConfig(width=8, layers=1, heads=2, dropout=0.0, initial_std=0.6),
}


@pytest.mark.parametrize(
    ("kind", "alpha"),
    [
        ("transformer", 1.0),
        ("relational", 0.0),
        ("rnn_search", 1.0),
        ("rnn_search", 0.0),
        ("transformer_seq2seq", 1.0),
    ],
)
def test_every_generator_is_searched_as_by_sorting_all_continuations(kind, alpha):
    """Rows branch and end at different steps; sources of different length share chunks with others."""
    choice = replace(GeneratorChoice(kind), **{kind: TINY[kind]})
    tokens = {"bos": 1, "eos": 2, "pad": 0, "given": 4, "rng": torch.Generator().manual_seed(0)}
    generator = build_generator(choice, 70, 5, **tokens).eval()
    with torch.no_grad():
        generator.output.weight.normal_(0.0, 0.3)
        generator.output.bias[2] = 1.5
    given = torch.randint(3, 70, (5, 4), generator=torch.Generator().manual_seed(1))
    given[torch.arange(4) >= torch.tensor([4, 1, 3, 2, 1])[:, None]] = 0
    given[4] = given[1]
    found = beam_search(generator, given, 4, length_penalty=alpha, n_best=4)
    parts = beam_search(generator, given, 4, length_penalty=alpha, n_best=4, chunk_rows=9)
    assert torch.equal(found.rows, parts.rows)
    for source, rows, log_probs in zip(given, found.rows, found.log_probs, strict=True):
        assert torch.equal(rows[:, :4], source.expand(4, -1))
        own = generator.sequence_log_prob(rows).detach()
        torch.testing.assert_close(own, log_probs, rtol=1e-4, atol=1e-4)
        expected = plainly(generator, source, 4, alpha)
        torch.testing.assert_close(log_probs, expected, rtol=1e-4, atol=1e-4)
    lengths = generator.token_mask(found.rows.flatten(0, 1)).sum(1)
    assert lengths.min() < lengths.max()


def plainly(generator, source, beam, alpha):
    """Log-probabilities of a beam's rows after one source; every continuation is scored as a whole row."""
    rows, ended = [()], set()
    score = lambda row: own[row] / ((5 + len(row)) / 6) ** alpha  # noqa: E731
    for _ in range(generator.length):
        rows = [r for r in rows if r in ended] + [
            (*r, token) for r in rows if r not in ended for token in range(2, generator.vocabulary)
        ]
        padded = torch.zeros(len(rows), generator.length, dtype=torch.int64)
        for place, row in enumerate(rows):
            padded[place, : len(row)] = torch.tensor(row)
        whole = torch.cat([source.expand(len(rows), -1), padded], 1)
        cells = generator.log_probs(whole).detach()
        own = {r: cells[i, : len(r)].sum().item() for i, r in enumerate(rows)}
        rows = sorted(rows, key=score, reverse=True)[:beam]
        ended = {r for r in rows if r[-1] == generator.eos}
    return torch.tensor([own[row] for row in rows])


@pytest.mark.parametrize("width", [3, 64, 130, 200])
def test_the_largest_are_found_without_sorting_all(width):
    values = torch.randn(9, width, generator=torch.Generator().manual_seed(0))
    values[0, -1], values[1, 0], values[2] = 9.0, 9.0, -torch.inf
    for k in (1, 3):
        found, expected = largest(values, k), values.topk(k, dim=1)
        assert torch.equal(found[0], expected.values)
        assert torch.equal(values.gather(1, found[1]), expected.values)
    assert found[1].max() < width


def test_rows_without_an_end_and_without_a_condition_are_searched_too(tiny_generator):
    generator = tiny_generator(3, 3, bos=0, eos=None, pad=None, initial_std=1.0).eval()
    rows = enumerate_sequences(generator)
    best = rows[generator.sequence_log_prob(rows).argmax()]
    found = beam_search(generator, torch.empty(1, 0, dtype=torch.int64), 27)
    assert torch.equal(found.rows[0, 0], best)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 0}, "the beam is 0; it must be at least 1"),
        ({"beam": 3, "n_best": 4}, "n_best is 4; with a beam of 3 it must be 1 to 3"),
        ({"length_penalty": -1.0}, "the length penalty is -1.0"),
    ],
)
def test_a_search_that_finds_nothing_is_refused(generator, options, message):
    with pytest.raises(UsageError, match=message):
        beam_search(generator, SOURCES, **options)
